// Keyed BLAKE2s with 16 bytes of output (RFC 7693) by OpenSSL: what each handshake message of a
// flood costs before it is turned away.

import { assert } from '../../../base/assert.ts';
import { KEY_BYTES, MAC_BYTES } from '../../../wireguard/crypto/crypto.ts';
import { addressOf, nativeMemory } from '../ffi.ts';
import type { OpensslFunctions } from './openssl-functions.ts';

const SUCCESS = 1;
const ALGORITHM = 'BLAKE2SMAC';

// One piece of memory for all that OpenSSL reads and writes.
const KEY_OFFSET = 0;
const OUTPUT_OFFSET: number = KEY_OFFSET + KEY_BYTES;
const LENGTH_OFFSET: number = OUTPUT_OFFSET + MAC_BYTES;
const INPUT_OFFSET: number = LENGTH_OFFSET + 8;
/** Longer inputs go in pieces; handshake messages are shorter. */
const INPUT_BYTES = 256;

// struct ossl_param_st (64 bit): name, type, data, size of data, size returned; the last one is
// zero.
const PARAMETER_BYTES = 40;
const PARAMETER_TYPE_OFFSET = 8;
const PARAMETER_DATA_OFFSET = 16;
const PARAMETER_SIZE_OFFSET = 24;
const UNSIGNED_INTEGER = 2;
const SIZE_NAME = 'size\0';
const SIZE_BYTES = 8;

export class OpensslMac {
  readonly #functions: OpensslFunctions;
  readonly #context: number;
  readonly #memory = nativeMemory(INPUT_OFFSET + INPUT_BYTES);
  readonly #address = addressOf(this.#memory);
  /** The same memory, whose slice() is a copy and cheaper than others. */
  readonly #bytes = new Uint8Array(this.#memory.buffer, this.#memory.byteOffset);

  /** Throws when OpenSSL lacks the algorithm. It lives as long as its thread. */
  constructor(functions: OpensslFunctions) {
    this.#functions = functions;
    const algorithm = functions.macFetch(0, ALGORITHM, 0);
    this.#context = algorithm === 0 ? 0 : functions.macContextNew(algorithm);
    if (this.#context === 0 || !this.#setSize()) throw new Error(`OpenSSL has no ${ALGORITHM}`);
  }

  /** As Crypto.mac(). */
  mac(key: Uint8Array, a: Uint8Array, b?: Uint8Array): Uint8Array {
    assert(key.length <= KEY_BYTES, 'OpensslMac: a key has at most 32 bytes');
    const { macInit, macFinal } = this.#functions;
    const memory = this.#memory;
    const address = this.#address;
    memory.set(key, KEY_OFFSET);
    let isDone = macInit(this.#context, address + KEY_OFFSET, key.length, 0) === SUCCESS;
    memory.fill(0, KEY_OFFSET, KEY_BYTES);
    isDone &&= this.#update(a) && (b === undefined || this.#update(b));
    isDone &&=
      macFinal(this.#context, address + OUTPUT_OFFSET, address + LENGTH_OFFSET, MAC_BYTES) ===
      SUCCESS;
    assert(isDone, 'OpensslMac: OpenSSL failed');
    return this.#bytes.slice(OUTPUT_OFFSET, LENGTH_OFFSET);
  }

  #update(input: Uint8Array): boolean {
    for (let from = 0; from < input.length; from += INPUT_BYTES) {
      const piece = input.subarray(from, from + INPUT_BYTES);
      this.#memory.set(piece, INPUT_OFFSET);
      const address = this.#address + INPUT_OFFSET;
      if (this.#functions.macUpdate(this.#context, address, piece.length) !== SUCCESS) return false;
    }
    return true;
  }

  #setSize(): boolean {
    const memory = nativeMemory(2 * PARAMETER_BYTES + SIZE_NAME.length + SIZE_BYTES);
    const [name, data] = [2 * PARAMETER_BYTES + SIZE_BYTES, 2 * PARAMETER_BYTES];
    memory.write(SIZE_NAME, name);
    memory.writeUInt32LE(MAC_BYTES, data);
    memory.writeBigUInt64LE(BigInt(addressOf(memory) + name));
    memory.writeUInt32LE(UNSIGNED_INTEGER, PARAMETER_TYPE_OFFSET);
    memory.writeBigUInt64LE(BigInt(addressOf(memory) + data), PARAMETER_DATA_OFFSET);
    memory.writeUInt32LE(SIZE_BYTES, PARAMETER_SIZE_OFFSET);
    return this.#functions.macSetParameters(this.#context, memory) === SUCCESS;
  }
}

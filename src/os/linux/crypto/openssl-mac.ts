// Macs by OpenSSL: keyed BLAKE2s with 16 bytes of output (RFC 7693), which is what each handshake
// message of a flood costs before it is turned away, and HMAC-BLAKE2s (RFC 2104), of which a
// handshake takes some twenty-five.

import { assert } from '../../../base/assert.ts';
import { HASH_BYTES, KEY_BYTES, MAC_BYTES } from '../../../wireguard/crypto/crypto.ts';
import { addressOf, nativeMemory } from '../ffi.ts';
import { lastingMemory } from '../low-memory.ts';
import type { OpensslFunctions } from './openssl-functions.ts';

const SUCCESS = 1;

// One piece of memory for all that OpenSSL reads and writes.
const KEY_OFFSET = 0;
const OUTPUT_OFFSET: number = KEY_OFFSET + KEY_BYTES;
const LENGTH_OFFSET: number = OUTPUT_OFFSET + HASH_BYTES;
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
const TEXT = 4;
const INTEGER_BYTES = 8;

export interface MacAlgorithm {
  readonly name: string;
  readonly outputBytes: number;
  /** What it is told besides the key. */
  readonly parameter: { readonly name: string; readonly value: number | string };
  /** Keys and inputs are secrets of a handshake: nothing of them is left behind. */
  readonly isSecret: boolean;
}

/** WireGuard's MAC: BLAKE2s with a key. */
export const KEYED_BLAKE2S: MacAlgorithm = {
  name: 'BLAKE2SMAC',
  outputBytes: MAC_BYTES,
  parameter: { name: 'size', value: MAC_BYTES },
  isSecret: false,
};

export const HMAC_BLAKE2S: MacAlgorithm = {
  name: 'HMAC',
  outputBytes: HASH_BYTES,
  parameter: { name: 'digest', value: 'BLAKE2S-256' },
  isSecret: true,
};

export class OpensslMac {
  readonly #functions: OpensslFunctions;
  readonly #outputBytes: number;
  readonly #isSecret: boolean;
  readonly #context: number;
  readonly #memory = lastingMemory(INPUT_OFFSET + INPUT_BYTES);
  readonly #address = addressOf(this.#memory);

  /** Throws when OpenSSL lacks the algorithm. It lives as long as its thread. */
  constructor(functions: OpensslFunctions, algorithm: MacAlgorithm) {
    const { name, outputBytes, parameter, isSecret } = algorithm;
    this.#functions = functions;
    this.#outputBytes = outputBytes;
    this.#isSecret = isSecret;
    const fetched = functions.macFetch(0, name, 0);
    this.#context = fetched === 0 ? 0 : functions.macContextNew(fetched);
    const isThere = this.#context !== 0 && this.#set(parameter);
    if (!isThere) throw new Error(`OpenSSL has no ${name}`);
  }

  /** Writes what Crypto.mac() or Crypto.hmac() gives over `target`, of as many bytes. */
  write(target: Uint8Array, key: Uint8Array, a: Uint8Array, b?: Uint8Array): void {
    assert(target.length === this.#outputBytes, 'OpensslMac: no room for the output');
    assert(key.length <= KEY_BYTES, 'OpensslMac: a key has at most 32 bytes');
    const { macInit, macFinal } = this.#functions;
    const memory = this.#memory;
    const address = this.#address;
    memory.set(key, KEY_OFFSET);
    let isDone = macInit(this.#context, address + KEY_OFFSET, key.length, 0) === SUCCESS;
    memory.fill(0, KEY_OFFSET, KEY_BYTES);
    isDone &&= this.#update(a) && (b === undefined || this.#update(b));
    isDone &&=
      macFinal(
        this.#context,
        address + OUTPUT_OFFSET,
        address + LENGTH_OFFSET,
        this.#outputBytes,
      ) === SUCCESS;
    for (let i = 0; i < target.length; i++) target[i] = memory[OUTPUT_OFFSET + i]!;
    // The context keeps its key until the next one.
    if (this.#isSecret) {
      memory.fill(0);
      isDone &&= macInit(this.#context, address + KEY_OFFSET, KEY_BYTES, 0) === SUCCESS;
    }
    assert(isDone, 'OpensslMac: OpenSSL failed');
  }

  #update(input: Uint8Array): boolean {
    // No subarray where none is needed: for one V8 moves a short array out of its heap.
    if (input.length <= INPUT_BYTES) return this.#updatePiece(input);
    for (let from = 0; from < input.length; from += INPUT_BYTES) {
      if (!this.#updatePiece(input.subarray(from, from + INPUT_BYTES))) return false;
    }
    return true;
  }

  #updatePiece(piece: Uint8Array): boolean {
    this.#memory.set(piece, INPUT_OFFSET);
    const address = this.#address + INPUT_OFFSET;
    return this.#functions.macUpdate(this.#context, address, piece.length) === SUCCESS;
  }

  #set({ name, value }: MacAlgorithm['parameter']): boolean {
    const isText = typeof value === 'string';
    const size = isText ? value.length : INTEGER_BYTES;
    const data = 2 * PARAMETER_BYTES;
    const nameAt = data + Math.max(size + 1, INTEGER_BYTES);
    const memory = nativeMemory(nameAt + name.length + 1);
    memory.write(name, nameAt);
    if (isText) memory.write(value, data);
    else memory.writeUInt32LE(value, data);
    memory.writeBigUInt64LE(BigInt(addressOf(memory) + nameAt));
    memory.writeUInt32LE(isText ? TEXT : UNSIGNED_INTEGER, PARAMETER_TYPE_OFFSET);
    memory.writeBigUInt64LE(BigInt(addressOf(memory) + data), PARAMETER_DATA_OFFSET);
    memory.writeUInt32LE(size, PARAMETER_SIZE_OFFSET);
    return this.#functions.macSetParameters(this.#context, memory) === SUCCESS;
  }
}

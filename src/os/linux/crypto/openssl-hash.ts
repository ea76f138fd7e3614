// BLAKE2s by OpenSSL (RFC 7693, section 2): a handshake takes some fifteen, and the reference
// leaves many kilobytes behind for each, whose collection the packets of others wait for.

import { assert } from '../../../base/assert.ts';
import { type Crypto, HASH_BYTES } from '../../../wireguard/crypto/crypto.ts';
import { addressOf } from '../ffi.ts';
import { lastingMemory } from '../low-memory.ts';
import type { OpensslFunctions } from './openssl-functions.ts';

const SUCCESS = 1;
const INPUT_OFFSET: number = HASH_BYTES;
/** Those of handshakes are shorter. */
const INPUT_BYTES = 512;

export class OpensslHash {
  readonly #functions: OpensslFunctions;
  readonly #algorithm: number;
  readonly #memory = lastingMemory(INPUT_OFFSET + INPUT_BYTES);
  readonly #address = addressOf(this.#memory);

  constructor(functions: OpensslFunctions) {
    this.#functions = functions;
    this.#algorithm = functions.blake2s();
  }

  /** As Crypto.hash(). */
  readonly hash: Crypto['hash'] = (target, a, b) => {
    const length = a.length + (b?.length ?? 0);
    assert(length <= INPUT_BYTES, 'OpensslHash: the input is too long');
    this.#memory.set(a, INPUT_OFFSET);
    if (b !== undefined) this.#memory.set(b, INPUT_OFFSET + a.length);
    const address = this.#address;
    const input = address + INPUT_OFFSET;
    const returned = this.#functions.digest(input, length, address, 0, this.#algorithm, 0);
    assert(returned === SUCCESS, 'OpensslHash: OpenSSL failed');
    for (let i = 0; i < HASH_BYTES; i++) target[i] = this.#memory[i]!;
  };
}

// The ciphers of a thread's sessions. Their keys stand in native memory, where ChaCha20 reads them,
// so that no packet needs its key copied. One that is disposed of serves the next session: what
// each handshake made anew would be collected while the packets of others wait.

import { assert } from '../../../base/assert.ts';
import { KEY_BYTES, type SymmetricKey } from '../../../wireguard/crypto/crypto.ts';
import { addressOf } from '../ffi.ts';
import { lastingMemory } from '../low-memory.ts';
import { type ChachaScratch, ChachaSessionCipher } from './chacha-cipher.ts';
import type { ChachaFunctions } from './openssl-functions.ts';

/** Made at once: their keys are a page of memory. */
const CIPHERS_MADE = 128;

export class ChachaCiphers {
  readonly #functions: ChachaFunctions;
  readonly #scratch: ChachaScratch;
  readonly #free: ChachaSessionCipher[] = [];

  constructor(functions: ChachaFunctions, scratch: ChachaScratch) {
    this.#functions = functions;
    this.#scratch = scratch;
  }

  /** As Crypto.sessionCipher(). */
  take(key: SymmetricKey): ChachaSessionCipher {
    assert(key.length === KEY_BYTES, 'ChachaCiphers: a key has 32 bytes');
    if (this.#free.length === 0) this.#makeCiphers();
    const cipher = this.#free.pop()!;
    cipher.begin(key);
    return cipher;
  }

  #makeCiphers(): void {
    const memory = lastingMemory(CIPHERS_MADE * KEY_BYTES);
    const address = addressOf(memory);
    const disposed = (cipher: ChachaSessionCipher): unknown => this.#free.push(cipher);
    for (let start = 0; start < memory.length; start += KEY_BYTES) {
      const place = { bytes: memory.subarray(start, start + KEY_BYTES), address: address + start };
      this.#free.push(
        new ChachaSessionCipher(this.#functions, this.#scratch, { ...place, disposed }),
      );
    }
  }
}

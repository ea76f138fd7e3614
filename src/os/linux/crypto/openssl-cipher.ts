// ChaCha20-Poly1305 of a session by OpenSSL, in place and without an allocation for a packet: the
// key is set once, each packet sets the nonce.

import { assert } from '../../../base/assert.ts';
import type { Slab } from '../../../base/slab.ts';
import {
  AEAD_TAG_BYTES,
  KEY_BYTES,
  NONCE_BYTES,
  NONCE_COUNTER_HIGH_OFFSET,
  NONCE_COUNTER_LOW_OFFSET,
  type SessionCipher,
  type SymmetricKey,
} from '../../../wireguard/crypto/crypto.ts';
import { addressOf, nativeMemory } from '../ffi.ts';
import { AEAD_GET_TAG, AEAD_SET_TAG, type OpensslFunctions } from './openssl-functions.ts';

const LENGTH_BYTES = 8;
const SEAL = 1;
const OPEN = 0;
const SUCCESS = 1;

/** Small memory that all ciphers of a thread pass to OpenSSL, each before its own call. */
export class CipherScratch {
  readonly nonce: Buffer = nativeMemory(NONCE_BYTES);
  readonly nonceAddress: number = addressOf(this.nonce);
  readonly length: Buffer = nativeMemory(LENGTH_BYTES);
  readonly lengthAddress: number = addressOf(this.length);
}

export class OpensslSessionCipher implements SessionCipher {
  readonly #functions: OpensslFunctions;
  readonly #scratch: CipherScratch;
  /** 0 once disposed of. */
  #context: number;

  constructor(functions: OpensslFunctions, scratch: CipherScratch, key: SymmetricKey) {
    assert(key.length === KEY_BYTES, 'OpensslSessionCipher: a key has 32 bytes');
    this.#functions = functions;
    this.#scratch = scratch;
    this.#context = functions.cipherContextNew();
    assert(this.#context !== 0, 'OpensslSessionCipher: no memory for a context');
    const copy = nativeMemory(KEY_BYTES);
    copy.set(key);
    const cipher = functions.chacha20Poly1305();
    const returned = functions.cipherInit(this.#context, cipher, 0, addressOf(copy), 0, SEAL);
    copy.fill(0);
    assert(returned === SUCCESS, 'OpensslSessionCipher: the key was refused');
  }

  seal(slab: Slab, offset: number, length: number, counterLow: number, counterHigh: number): void {
    this.#require(slab, offset, length + AEAD_TAG_BYTES);
    const { cipherUpdate, cipherFinal, cipherContextControl } = this.#functions;
    const { lengthAddress } = this.#scratch;
    const context = this.#context;
    const address = slab.address + offset;
    let isSealed = this.#begin(counterLow, counterHigh, SEAL);
    if (length > 0) {
      isSealed &&= cipherUpdate(context, address, lengthAddress, address, length) === SUCCESS;
    }
    const end = address + length;
    isSealed &&= cipherFinal(context, end, lengthAddress) === SUCCESS;
    isSealed &&= cipherContextControl(context, AEAD_GET_TAG, AEAD_TAG_BYTES, end) === SUCCESS;
    assert(isSealed, 'OpensslSessionCipher.seal: OpenSSL failed');
  }

  open(
    slab: Slab,
    offset: number,
    length: number,
    counterLow: number,
    counterHigh: number,
  ): boolean {
    this.#require(slab, offset, length);
    const { cipherUpdate, cipherFinal, cipherContextControl } = this.#functions;
    const { lengthAddress } = this.#scratch;
    const context = this.#context;
    const address = slab.address + offset;
    const plainLength = length - AEAD_TAG_BYTES;
    if (plainLength < 0 || !this.#begin(counterLow, counterHigh, OPEN)) return false;
    const tag = address + plainLength;
    if (cipherContextControl(context, AEAD_SET_TAG, AEAD_TAG_BYTES, tag) !== SUCCESS) return false;
    if (plainLength > 0) {
      const updated = cipherUpdate(context, address, lengthAddress, address, plainLength);
      if (updated !== SUCCESS) return false;
    }
    return cipherFinal(context, tag, lengthAddress) === SUCCESS;
  }

  dispose(): void {
    if (this.#context === 0) return;
    // OpenSSL zeroes the key as it frees the context.
    this.#functions.cipherContextFree(this.#context);
    this.#context = 0;
  }

  #begin(counterLow: number, counterHigh: number, direction: number): boolean {
    const { nonce, nonceAddress } = this.#scratch;
    nonce.writeUInt32LE(counterLow >>> 0, NONCE_COUNTER_LOW_OFFSET);
    nonce.writeUInt32LE(counterHigh >>> 0, NONCE_COUNTER_HIGH_OFFSET);
    return this.#functions.cipherInit(this.#context, 0, 0, 0, nonceAddress, direction) === SUCCESS;
  }

  /** A wrong place in native memory would overwrite somebody else's. */
  #require(slab: Slab, offset: number, length: number): void {
    const fits = offset >= 0 && offset + length <= slab.bytes.length;
    assert(this.#context !== 0 && slab.address !== 0 && fits, 'OpensslSessionCipher: bad use');
  }
}

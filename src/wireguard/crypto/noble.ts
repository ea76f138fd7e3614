// The reference of the crypto port: @noble/curves, @noble/ciphers and @noble/hashes, audited and
// without native code. Slow, and right wherever JavaScript runs.

import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { blake2s } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { wipe } from '../../base/bytes.ts';
import type { Slab } from '../../base/slab.ts';
import {
  AEAD_TAG_BYTES,
  type Crypto,
  HASH_BYTES,
  MAC_BYTES,
  NONCE_BYTES,
  NONCE_COUNTER_HIGH_OFFSET,
  NONCE_COUNTER_LOW_OFFSET,
  type PrivateKey,
  type PublicKey,
  type SessionCipher,
  type SymmetricKey,
} from './crypto.ts';

export const NOBLE_CRYPTO: Crypto = {
  name: 'noble',
  publicKey: (privateKey) => x25519.getPublicKey(privateKey) as PublicKey,
  diffieHellman,
  hash: (a, b) => absorb(blake2s.create({ dkLen: HASH_BYTES }), a, b),
  mac: (key, a, b) => absorb(blake2s.create({ key, dkLen: MAC_BYTES }), a, b),
  hmac: (target, key, a, b) => {
    const output = absorb(hmac.create(blake2s, key), a, b);
    target.set(output);
    wipe(output);
  },
  aeadSeal: (key, nonce, plaintext, additional) =>
    chacha20poly1305(key, nonce, additional).encrypt(plaintext),
  aeadOpen: (key, nonce, ciphertext, additional) =>
    openOrUndefined(chacha20poly1305(key, nonce, additional), ciphertext),
  xaeadSeal: (key, nonce, plaintext, additional) =>
    xchacha20poly1305(key, nonce, additional).encrypt(plaintext),
  xaeadOpen: (key, nonce, ciphertext, additional) =>
    openOrUndefined(xchacha20poly1305(key, nonce, additional), ciphertext),
  sessionCipher: (key) => new NobleSessionCipher(key),
};

/** The library throws for a point of low order, and only for that when the lengths are right. */
function diffieHellman(privateKey: PrivateKey, publicKey: PublicKey): Uint8Array | undefined {
  try {
    return x25519.getSharedSecret(privateKey, publicKey);
  } catch {
    return undefined;
  }
}

interface Absorbing {
  update(data: Uint8Array): unknown;
  digest(): Uint8Array;
  destroy(): void;
}

function absorb(state: Absorbing, a: Uint8Array, b: Uint8Array | undefined): Uint8Array {
  state.update(a);
  if (b !== undefined) state.update(b);
  const digest = state.digest();
  state.destroy();
  return digest;
}

interface Opening {
  decrypt(ciphertext: Uint8Array, output?: Uint8Array): Uint8Array;
}

/** The library throws for a wrong tag, and for a ciphertext that is shorter than one. */
function openOrUndefined(cipher: Opening, ciphertext: Uint8Array): Uint8Array | undefined {
  try {
    return cipher.decrypt(ciphertext);
  } catch {
    return undefined;
  }
}

class NobleSessionCipher implements SessionCipher {
  readonly #key: Uint8Array;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #nonceView = new DataView(this.#nonce.buffer);

  constructor(key: SymmetricKey) {
    this.#key = new Uint8Array(key);
  }

  seal(slab: Slab, offset: number, length: number, counterLow: number, counterHigh: number): void {
    this.#setNonce(counterLow, counterHigh);
    const plaintext = slab.bytes.subarray(offset, offset + length);
    const sealed = slab.bytes.subarray(offset, offset + length + AEAD_TAG_BYTES);
    chacha20poly1305(this.#key, this.#nonce).encrypt(plaintext, sealed);
  }

  open(
    slab: Slab,
    offset: number,
    length: number,
    counterLow: number,
    counterHigh: number,
  ): boolean {
    this.#setNonce(counterLow, counterHigh);
    const ciphertext = slab.bytes.subarray(offset, offset + length);
    const opened = slab.bytes.subarray(offset, offset + length - AEAD_TAG_BYTES);
    try {
      chacha20poly1305(this.#key, this.#nonce).decrypt(ciphertext, opened);
      return true;
    } catch {
      return false;
    }
  }

  dispose(): void {
    wipe(this.#key);
  }

  #setNonce(counterLow: number, counterHigh: number): void {
    this.#nonceView.setUint32(NONCE_COUNTER_LOW_OFFSET, counterLow, true);
    this.#nonceView.setUint32(NONCE_COUNTER_HIGH_OFFSET, counterHigh, true);
  }
}

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
  hash: (target, a, b) => absorb(target, blake2s.create({ dkLen: HASH_BYTES }), a, b),
  mac: (target, key, a, b) => absorb(target, blake2s.create({ key, dkLen: MAC_BYTES }), a, b),
  hmac: (target, key, a, b) => absorb(target, hmac.create(blake2s, key), a, b),
  aeadSeal: (target, key, nonce, plaintext, additional) =>
    target.set(chacha20poly1305(key, nonce, additional).encrypt(plaintext)),
  aeadOpen: (target, key, nonce, ciphertext, additional) =>
    opens(target, chacha20poly1305(key, nonce, additional), ciphertext),
  xaeadSeal: (target, key, nonce, plaintext, additional) =>
    target.set(xchacha20poly1305(key, nonce, additional).encrypt(plaintext)),
  xaeadOpen: (target, key, nonce, ciphertext, additional) =>
    opens(target, xchacha20poly1305(key, nonce, additional), ciphertext),
  sessionCipher: (key) => new NobleSessionCipher(key),
};

/** The library throws for a point of low order, and only for that when the lengths are right. */
function diffieHellman(target: Uint8Array, privateKey: PrivateKey, publicKey: PublicKey): boolean {
  try {
    move(target, x25519.getSharedSecret(privateKey, publicKey));
    return true;
  } catch {
    return false;
  }
}

interface Absorbing {
  update(data: Uint8Array): unknown;
  digest(): Uint8Array;
  destroy(): void;
}

function absorb(
  target: Uint8Array,
  state: Absorbing,
  a: Uint8Array,
  b: Uint8Array | undefined,
): void {
  state.update(a);
  if (b !== undefined) state.update(b);
  move(target, state.digest());
  state.destroy();
}

interface Opening {
  decrypt(ciphertext: Uint8Array): Uint8Array;
}

/** The library throws for a wrong tag, and for a ciphertext that is shorter than one. */
function opens(target: Uint8Array, cipher: Opening, ciphertext: Uint8Array): boolean {
  try {
    move(target, cipher.decrypt(ciphertext));
    return true;
  } catch {
    return false;
  }
}

/** It may be a secret, of which no copy is left. */
function move(target: Uint8Array, result: Uint8Array): void {
  target.set(result);
  wipe(result);
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

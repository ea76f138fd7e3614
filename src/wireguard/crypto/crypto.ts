// The crypto that WireGuard needs, as a port: `noble.ts` beside this file is the reference, the
// machine may offer a faster one, and one conformance suite holds them equal.

import type { Slab } from '../../base/slab.ts';

export const KEY_BYTES = 32;
export const AEAD_TAG_BYTES = 16;
export const HASH_BYTES = 32;
export const MAC_BYTES = 16;
export const XNONCE_BYTES = 24;
/** A session's nonce: four zero bytes, then the counter, little-endian. */
export const NONCE_BYTES = 12;
export const NONCE_COUNTER_LOW_OFFSET = 4;
export const NONCE_COUNTER_HIGH_OFFSET = 8;

declare const publicKeyBrand: unique symbol;
/** The 32 bytes of an X25519 public key. */
export type PublicKey = Uint8Array & { readonly [publicKeyBrand]: true };

declare const privateKeyBrand: unique symbol;
/** The 32 clamped bytes of an X25519 private key. A secret. */
export type PrivateKey = Uint8Array & { readonly [privateKeyBrand]: true };

declare const sharedKeyBrand: unique symbol;
/** A symmetric key of 32 bytes. A secret. */
export type SymmetricKey = Uint8Array & { readonly [sharedKeyBrand]: true };

/** One direction of a session: ChaCha20-Poly1305 with one key, working in place. */
export interface SessionCipher {
  /**
   * Encrypts `length` bytes at `offset` in place and writes the 16 tag bytes behind them, with the
   * nonce of four zero bytes and the 64-bit little-endian counter (RFC 8439, section 2.8). The room
   * for the tag is the caller's business. Never called twice with one counter.
   */
  seal(slab: Slab, offset: number, length: number, counterLow: number, counterHigh: number): void;
  /**
   * Opens `length` bytes of ciphertext with its tag (so `length` >= 16) at `offset` in place. False
   * when the tag is wrong; the bytes are then undefined.
   */
  open(
    slab: Slab,
    offset: number,
    length: number,
    counterLow: number,
    counterHigh: number,
  ): boolean;
  /**
   * Zeroes the key and frees what is native. The cipher is not used afterwards, since it may serve
   * another session; until then a second call does nothing.
   */
  dispose(): void;
}

/**
 * What a handshake reckons is written over arrays of the caller, since what it left behind would be
 * collected while packets wait. `target` has the length of the result, and may be an input too.
 */
export interface Crypto {
  /** Which implementation this is, for the log and for tests. */
  readonly name: string;
  /** The public key of a private key (RFC 7748). */
  publicKey(privateKey: PrivateKey): PublicKey;
  /**
   * X25519. False when the result is all zero, which every caller must treat as a failed handshake.
   * The caller wipes `target`.
   */
  diffieHellman(target: Uint8Array, privateKey: PrivateKey, publicKey: PublicKey): boolean;
  /** BLAKE2s-256 over the concatenation of one or two parts (RFC 7693). */
  hash(target: Uint8Array, a: Uint8Array, b?: Uint8Array): void;
  /** Keyed BLAKE2s with 16 bytes of output, over one or two parts. */
  mac(target: Uint8Array, key: Uint8Array, a: Uint8Array, b?: Uint8Array): void;
  /** HMAC-BLAKE2s-256, over one or two parts. */
  hmac(target: Uint8Array, key: Uint8Array, a: Uint8Array, b?: Uint8Array): void;
  /**
   * ChaCha20-Poly1305 with a 12-byte nonce (RFC 8439, section 2.8), for handshake fields and other
   * short texts. The result is ciphertext and tag.
   */
  aeadSeal(
    target: Uint8Array,
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    additional: Uint8Array,
  ): void;
  /** The result is the plaintext. False when the tag is wrong; `target` is then left as it was. */
  aeadOpen(
    target: Uint8Array,
    key: Uint8Array,
    nonce: Uint8Array,
    ciphertext: Uint8Array,
    additional: Uint8Array,
  ): boolean;
  /** XChaCha20-Poly1305 with a 24-byte nonce, for cookie replies. */
  xaeadSeal(
    target: Uint8Array,
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    additional: Uint8Array,
  ): void;
  xaeadOpen(
    target: Uint8Array,
    key: Uint8Array,
    nonce: Uint8Array,
    ciphertext: Uint8Array,
    additional: Uint8Array,
  ): boolean;
  /** A cipher for one direction of a session; `key` is copied. */
  sessionCipher(key: SymmetricKey): SessionCipher;
}

// HKDF over HMAC-BLAKE2s (RFC 5869 as Noise uses it, section 4.3): one to three keys from a
// chaining key and new material. The chaining key becomes the next one, and the others are written
// over arrays of the caller, so that no copy of a secret is left behind.

import type { Crypto } from '../crypto/crypto.ts';

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const THREE = Uint8Array.of(3);

/** The first key replaces `chainingKey`. `seed` makes the next ones; the caller wipes it. */
export function kdf1(
  crypto: Crypto,
  chainingKey: Uint8Array,
  input: Uint8Array,
  seed: Uint8Array,
): void {
  crypto.hmac(seed, chainingKey, input);
  crypto.hmac(chainingKey, seed, ONE);
}

export function kdf2(
  crypto: Crypto,
  chainingKey: Uint8Array,
  input: Uint8Array,
  seed: Uint8Array,
  second: Uint8Array,
): void {
  kdf1(crypto, chainingKey, input, seed);
  crypto.hmac(second, seed, chainingKey, TWO);
}

export function kdf3(
  crypto: Crypto,
  chainingKey: Uint8Array,
  input: Uint8Array,
  seed: Uint8Array,
  second: Uint8Array,
  third: Uint8Array,
): void {
  kdf2(crypto, chainingKey, input, seed, second);
  crypto.hmac(third, seed, second, THREE);
}

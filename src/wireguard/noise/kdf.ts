// HKDF over HMAC-BLAKE2s (RFC 5869 as Noise uses it, section 4.3): one to three keys from a
// chaining key and new material.

import { wipe } from '../../base/bytes.ts';
import type { Crypto } from '../crypto/crypto.ts';

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const THREE = Uint8Array.of(3);

/** The next chaining key. */
export function kdf1(crypto: Crypto, chainingKey: Uint8Array, input: Uint8Array): Uint8Array {
  const seed = crypto.hmac(chainingKey, input);
  const first = crypto.hmac(seed, ONE);
  wipe(seed);
  return first;
}

export function kdf2(
  crypto: Crypto,
  chainingKey: Uint8Array,
  input: Uint8Array,
): [Uint8Array, Uint8Array] {
  const seed = crypto.hmac(chainingKey, input);
  const first = crypto.hmac(seed, ONE);
  const second = crypto.hmac(seed, first, TWO);
  wipe(seed);
  return [first, second];
}

export function kdf3(
  crypto: Crypto,
  chainingKey: Uint8Array,
  input: Uint8Array,
): [Uint8Array, Uint8Array, Uint8Array] {
  const seed = crypto.hmac(chainingKey, input);
  const first = crypto.hmac(seed, ONE);
  const second = crypto.hmac(seed, first, TWO);
  const third = crypto.hmac(seed, second, THREE);
  wipe(seed);
  return [first, second, third];
}

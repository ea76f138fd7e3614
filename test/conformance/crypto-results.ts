// What the functions of the crypto port give, in arrays of their own.

import {
  AEAD_TAG_BYTES,
  type Crypto,
  HASH_BYTES,
  KEY_BYTES,
  MAC_BYTES,
  type PrivateKey,
  type PublicKey,
} from '../../src/wireguard/crypto/crypto.ts';

export function diffieHellman(
  crypto: Crypto,
  privateKey: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array | undefined {
  const [own, theirs] = [privateKey as PrivateKey, publicKey as PublicKey];
  return result(KEY_BYTES, (target) => crypto.diffieHellman(target, own, theirs));
}

export function hash(crypto: Crypto, a: Uint8Array, b?: Uint8Array): Uint8Array {
  return result(HASH_BYTES, (target) => crypto.hash(target, a, b))!;
}

export function mac(crypto: Crypto, key: Uint8Array, a: Uint8Array, b?: Uint8Array): Uint8Array {
  return result(MAC_BYTES, (target) => crypto.mac(target, key, a, b))!;
}

export function seal(
  by: Crypto['aeadSeal'],
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  additional: Uint8Array,
): Uint8Array {
  const bytes = plaintext.length + AEAD_TAG_BYTES;
  return result(bytes, (target) => by(target, key, nonce, plaintext, additional))!;
}

export function open(
  by: Crypto['aeadOpen'],
  key: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
  additional: Uint8Array,
): Uint8Array | undefined {
  const bytes = Math.max(0, ciphertext.length - AEAD_TAG_BYTES);
  return result(bytes, (target) => by(target, key, nonce, ciphertext, additional));
}

function result(bytes: number, write: (target: Uint8Array) => unknown): Uint8Array | undefined {
  const target = new Uint8Array(bytes);
  return write(target) === false ? undefined : target;
}

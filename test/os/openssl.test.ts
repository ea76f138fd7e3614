// The crypto by OpenSSL: what the port asks of every implementation, and what is its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError } from '../../src/base/assert.ts';
import { plainSlab } from '../../src/base/slab.ts';
import { opensslCrypto } from '../../src/os/linux/openssl.ts';
import { nativeSlab } from '../../src/os/linux/slab.ts';
import type { Crypto, PublicKey, SymmetricKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { cryptoSuite } from '../conformance/crypto-suite.ts';
import { noiseSuite } from '../conformance/noise-suite.ts';

cryptoSuite(open(), nativeSlab);
noiseSuite(open(), nativeSlab);

const KEY = new Uint8Array(32).fill(7) as SymmetricKey;

test('opensslCrypto() is there: falling back to the reference must not go unseen', () => {
  assert.equal(open().name, 'openssl');
});

test('opensslCrypto() is refused when it does not agree with the reference', () => {
  const other: Crypto = {
    ...NOBLE_CRYPTO,
    publicKey: () => new Uint8Array(32) as PublicKey,
  };
  assert.equal(opensslCrypto(other), undefined);
  const macs: Crypto = { ...NOBLE_CRYPTO, mac: () => new Uint8Array(16) };
  assert.equal(opensslCrypto(macs), undefined);
  const lying: Crypto = {
    ...NOBLE_CRYPTO,
    sessionCipher: () => NOBLE_CRYPTO.sessionCipher(KEY),
  };
  assert.equal(opensslCrypto(lying), undefined);
});

test('a session cipher of OpenSSL keeps to memory that it can reach, and to its life', () => {
  const cipher = open().sessionCipher(KEY);
  const slab = nativeSlab(64);
  assert.throws(() => cipher.seal(plainSlab(64), 0, 16, 0, 0), AssertionError);
  assert.throws(() => cipher.seal(slab, 33, 16, 0, 0), AssertionError);
  assert.throws(() => cipher.open(slab, 60, 32, 0, 0), AssertionError);
  assert.equal(cipher.open(slab, 0, 15, 0, 0), false);
  cipher.dispose();
  cipher.dispose();
  assert.throws(() => cipher.seal(slab, 0, 16, 0, 0), AssertionError);
});

function open(): Crypto {
  const crypto = opensslCrypto(NOBLE_CRYPTO);
  assert.ok(crypto !== undefined, 'this Node.js exports no OpenSSL');
  return crypto;
}

// The crypto by OpenSSL: what the port asks of every implementation, and what is its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AssertionError } from '../../src/base/assert.ts';
import { toHex } from '../../src/base/bytes.ts';
import { plainSlab } from '../../src/base/slab.ts';
import { ChachaScratch } from '../../src/os/linux/crypto/chacha-cipher.ts';
import { ChachaCiphers } from '../../src/os/linux/crypto/chacha-ciphers.ts';
import { keyExchange, opensslCrypto } from '../../src/os/linux/crypto/openssl.ts';
import { CipherScratch, OpensslSessionCipher } from '../../src/os/linux/crypto/openssl-cipher.ts';
import { bindChacha, bindOpenssl } from '../../src/os/linux/crypto/openssl-functions.ts';
import { aeadCipher, chachaCipher } from '../../src/os/linux/crypto/session-ciphers.ts';
import { bindX25519 } from '../../src/os/linux/crypto/x25519.ts';
import { nativeSlab } from '../../src/os/linux/slab.ts';
import {
  AEAD_TAG_BYTES,
  type Crypto,
  type PublicKey,
  type SymmetricKey,
} from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { type AeadTest, cryptoSuite, type Wycheproof } from '../conformance/crypto-suite.ts';
import { noiseSuite } from '../conformance/noise-suite.ts';
import { hex, readForeignVectors } from '../vectors/vectors.ts';

cryptoSuite(open(), nativeSlab);
noiseSuite(open(), nativeSlab);
cryptoSuite(
  {
    ...open(),
    name: 'openssl interfaces',
    ...keyExchange(bindOpenssl()!),
    sessionCipher: aead(),
  },
  nativeSlab,
);

/** Of a packet in its slab: behind the header of a data message. */
const OFFSET = 80;
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
  const macs: Crypto = { ...NOBLE_CRYPTO, mac: () => undefined };
  assert.equal(opensslCrypto(macs), undefined);
  const fields: Crypto = { ...NOBLE_CRYPTO, xaeadOpen: () => false };
  assert.equal(opensslCrypto(fields), undefined);
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

test('a cipher that serves another session has nothing of the key before', () => {
  const make = chachaCipher()!;
  const first = make(KEY);
  first.dispose();
  const second = make(new Uint8Array(32).fill(8) as SymmetricKey);
  assert.equal(second, first, 'no cipher is made where one is free');
  assert.notEqual(make(KEY), second, 'and none serves two');
  const slabs = [nativeSlab(64), nativeSlab(64)];
  second.seal(slabs[0]!, 0, 16, 0, 0);
  aead()(new Uint8Array(32).fill(8) as SymmetricKey).seal(slabs[1]!, 0, 16, 0, 0);
  assert.deepEqual(slabs[0]!.bytes, slabs[1]!.bytes);
});

test('both ways of OpenSSL seal and open alike, wherever the packet stands', () => {
  const [direct, other] = [chachaCipher()!(KEY), aead()(KEY)];
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 200 }),
      fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1200, max: 1500 })),
      fc.integer({ min: 0, max: 40 }),
      (offset, length, room) => {
        const slabs = [direct, other].map((cipher) => {
          const slab = nativeSlab(offset + length + 16 + room);
          for (let i = 0; i < slab.bytes.length; i++) slab.bytes[i] = i * 7;
          cipher.seal(slab, offset, length, length, 9);
          return slab;
        });
        assert.deepEqual(slabs[0]!.bytes, slabs[1]!.bytes);
        assert.equal(direct.open(slabs[0]!, offset, length + 16, length, 9), true);
        assert.equal(other.open(slabs[1]!, offset, length + 16, length, 9), true);
        for (const { bytes } of slabs) bytes.fill(0, offset + length, offset + length + 16);
        assert.deepEqual(slabs[0]!.bytes, slabs[1]!.bytes);
      },
    ),
  );
});

// The port writes but the last eight bytes of a nonce, so the first four stay as they are put here.
const foreign = readForeignVectors<Wycheproof<AeadTest>>('wycheproof/chacha20_poly1305_test.json');
test('both ways of OpenSSL pass Wycheproof, as far as it adds no data', {
  skip: foreign.skip,
}, () => {
  if (foreign.skip !== false) return;
  const groups = foreign.vectors.testGroups.filter((group) => group.ivSize === 96);
  const tests = groups.flatMap((group) => group.tests).filter((one) => one.aad === '');
  assert.ok(tests.length > 40);
  const [chacha, functions] = [bindChacha()!, bindOpenssl()!];
  const [direct, other] = [new ChachaScratch(chacha), new CipherScratch()];
  for (const { tcId, key, iv, msg, ct, tag, result } of tests) {
    const nonce = Buffer.from(iv, 'hex');
    const [low, high] = [nonce.readUInt32LE(4), nonce.readUInt32LE(8)];
    direct.counterView.setUint32(4, nonce.readUInt32LE(), true);
    nonce.copy(other.nonce, 0, 0, 4);
    const secret = hex(key) as SymmetricKey;
    for (const cipher of [
      new ChachaCiphers(chacha, direct).take(secret),
      new OpensslSessionCipher(functions, other, secret),
    ]) {
      const slab = nativeSlab(OFFSET + (ct.length + tag.length) / 2);
      slab.bytes.set(hex(ct + tag), OFFSET);
      const length = ct.length / 2;
      const isOpened = cipher.open(slab, OFFSET, length + AEAD_TAG_BYTES, low, high);
      assert.equal(isOpened, result === 'valid', `tcId ${tcId}`);
      if (result === 'invalid') continue;
      assert.equal(toHex(slab.bytes.subarray(OFFSET, OFFSET + length)), msg, `tcId ${tcId}`);
      cipher.seal(slab, OFFSET, length, low, high);
      assert.equal(toHex(slab.bytes.subarray(OFFSET)), ct + tag, `tcId ${tcId}`);
    }
  }
});

test('this Node.js has the fast way: falling back to the other must not go unseen', () => {
  assert.ok(chachaCipher() !== undefined);
  assert.ok(bindX25519() !== undefined);
});

function aead(): Crypto['sessionCipher'] {
  return aeadCipher(bindOpenssl()!);
}

function open(): Crypto {
  const crypto = opensslCrypto(NOBLE_CRYPTO);
  assert.ok(crypto !== undefined, 'this Node.js exports no OpenSSL');
  return crypto;
}

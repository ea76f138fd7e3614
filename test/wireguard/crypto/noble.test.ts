// The reference of the crypto port: the suite for all, and below it the libraries themselves
// against vectors that the port's narrow functions cannot express.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake2s } from '@noble/hashes/blake2.js';
import { toHex } from '../../../src/base/bytes.ts';
import { plainSlab } from '../../../src/base/slab.ts';
import { NOBLE_CRYPTO } from '../../../src/wireguard/crypto/noble.ts';
import { cryptoSuite } from '../../conformance/crypto-suite.ts';
import { hex, readForeignVectors, readVectors } from '../../vectors/vectors.ts';

interface AeadVector {
  readonly section: string;
  readonly key: string;
  readonly nonce: string;
  readonly additional: string;
  readonly plaintext: readonly string[];
  readonly ciphertext: readonly string[];
  readonly tag: string;
}
interface SelfTest {
  readonly outputBytes: readonly number[];
  readonly inputBytes: readonly number[];
  readonly output: string;
}
interface WycheproofAead {
  readonly testGroups: readonly {
    readonly ivSize: number;
    readonly tests: readonly Readonly<Record<string, string>>[];
  }[];
}

cryptoSuite(NOBLE_CRYPTO, plainSlab);

test('chacha20poly1305() seals and opens (RFC 8439, section 2.8.2 and appendix A.5)', () => {
  for (const vector of readVectors<{ aead: AeadVector[] }>('rfc8439').aead) {
    const make = () => chacha20poly1305(hex(vector.key), hex(vector.nonce), hex(vector.additional));
    const sealed = make().encrypt(hex(vector.plaintext));
    assert.equal(toHex(sealed), vector.ciphertext.join('') + vector.tag, vector.section);
    assert.equal(toHex(make().decrypt(sealed)), vector.plaintext.join(''));
  }
});

test('blake2s() passes the self-test of RFC 7693, appendix E', () => {
  const { selfTest } = readVectors<{ selfTest: SelfTest }>('rfc7693');
  const all = blake2s.create({ dkLen: 32 });
  for (const dkLen of selfTest.outputBytes) {
    for (const length of selfTest.inputBytes) {
      const input = selfTestSequence(length);
      all.update(blake2s(input, { dkLen }));
      all.update(blake2s(input, { dkLen, key: selfTestSequence(dkLen) }));
    }
  }
  assert.equal(toHex(all.digest()), selfTest.output);
});

const foreign = readForeignVectors<WycheproofAead>('wycheproof/chacha20_poly1305_test.json');
test('chacha20poly1305() passes Wycheproof', { skip: foreign.skip }, () => {
  if (foreign.skip !== false) return;
  const groups = foreign.vectors.testGroups.filter((group) => group.ivSize === 96);
  for (const one of groups.flatMap((group) => group.tests)) {
    const make = () => chacha20poly1305(hex(one['key']!), hex(one['iv']!), hex(one['aad']!));
    const sealed = hex(one['ct']! + one['tag']!);
    if (one['result'] === 'invalid') {
      assert.throws(() => make().decrypt(sealed), `tcId ${one['tcId']}`);
      continue;
    }
    assert.equal(toHex(make().encrypt(hex(one['msg']!))), toHex(sealed), `tcId ${one['tcId']}`);
    assert.equal(toHex(make().decrypt(sealed)), one['msg'], `tcId ${one['tcId']}`);
  }
});

/** Bytes that depend on their number alone, as the appendix defines them. */
function selfTestSequence(length: number): Uint8Array {
  let a = Math.imul(0xdead_4bad, length) >>> 0;
  let b = 1;
  return Uint8Array.from({ length }, () => {
    const sum = (a + b) >>> 0;
    a = b;
    b = sum;
    return sum >>> 24;
  });
}

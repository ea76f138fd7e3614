// The reference of the crypto port: the suite for all, and below it the libraries themselves
// against vectors that the port's narrow functions cannot express.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blake2s } from '@noble/hashes/blake2.js';
import { toHex } from '../../../src/base/bytes.ts';
import { plainSlab } from '../../../src/base/slab.ts';
import { NOBLE_CRYPTO } from '../../../src/wireguard/crypto/noble.ts';
import { cryptoSuite } from '../../conformance/crypto-suite.ts';
import { readVectors } from '../../vectors/vectors.ts';

interface SelfTest {
  readonly outputBytes: readonly number[];
  readonly inputBytes: readonly number[];
  readonly output: string;
}
cryptoSuite(NOBLE_CRYPTO, plainSlab);

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

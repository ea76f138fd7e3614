// Sums by WebAssembly beside the plain ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plainSums } from '../../src/ip/slab-sums.ts';
import { nativeSummedSlab } from '../../src/os/linux/slab.ts';
import { simdMemory } from '../../src/os/simd-sums.ts';

const ROOM = 65_535 + 64;

test('this machine has the fast sums', () => {
  assert.ok(simdMemory(1) !== undefined);
});

test('fast sums and copies are those of plain loops', () => {
  const { slab, sums } = nativeSummedSlab(2 * ROOM);
  const plain = plainSums(slab);
  const lengths = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 65_535 }));
  const place = fc.integer({ min: 0, max: 63 });
  fc.assert(
    fc.property(lengths, place, place, fc.integer(), (length, source, to, seed) => {
      let state = seed;
      for (let i = source; i < source + length; i++) {
        state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + i;
        slab.bytes[i] = seed === 0 ? 0xff : state >>> 24;
      }
      const target = ROOM + to;
      const before = slab.bytes[target + length];
      const expected = plain.sum(source, length);
      assert.equal(sums.sum(source, length), expected);
      assert.equal(sums.copy(source, target, length), expected);
      const copied = slab.bytes.subarray(target, target + length);
      assert.equal(Buffer.compare(copied, slab.bytes.subarray(source, source + length)), 0);
      assert.equal(slab.bytes[target + length], before);
    }),
    { examples: [[65_535, 1, 3, 0]] },
  );
});

// Timestamps: their bytes, their steps, and that they only grow.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../src/base/bytes.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { compareTai64n, nextTai64n, tai64n } from '../../src/wireguard/tai64n.ts';

const STEP = 0x0100_0000;

test('tai64n() writes seconds from 2^62 + 10 and rounds nanoseconds down to 2^24', () => {
  assert.equal(toHex(tai64n(0 as WallMillis)), '400000000000000a00000000');
  assert.equal(toHex(tai64n(1_500 as WallMillis)), '400000000000000b1d000000');
  assert.equal(toHex(tai64n(1_700_000_000_000 as WallMillis)), '400000006553f10a00000000');
  assert.equal(toHex(tai64n(16.7 as WallMillis)), '400000000000000a00000000');
  assert.equal(toHex(tai64n(16.8 as WallMillis)), '400000000000000a01000000');
});

test('tai64n() goes on after 2106', () => {
  assert.equal(toHex(tai64n((2 ** 32 * 1000) as WallMillis)), '400000010000000a00000000');
});

test('nextTai64n() is later than the last, whatever the clock says', () => {
  const clocks = fc.array(fc.integer({ min: 0, max: 2 ** 42 }), { maxLength: 50 });
  fc.assert(
    fc.property(clocks, (times) => {
      let last: Uint8Array | undefined;
      for (const time of times) {
        const next = nextTai64n(time as WallMillis, last);
        if (last !== undefined) assert.ok(compareTai64n(next, last) > 0);
        const nanoseconds = new DataView(next.buffer).getUint32(8);
        assert.ok(nanoseconds < 1e9 && nanoseconds % STEP === 0);
        last = next;
      }
    }),
  );
});

test('nextTai64n() carries into the seconds', () => {
  const last = tai64n(999.9 as WallMillis);
  assert.equal(toHex(last), '400000000000000a3b000000');
  assert.equal(toHex(nextTai64n(0 as WallMillis, last)), '400000000000000b00000000');
});

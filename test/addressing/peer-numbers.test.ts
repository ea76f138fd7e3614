// Sets of numbers of WireGuard peers, against sets of the language.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WIREGUARD_PEER_MAX } from '../../src/addressing/layout.ts';
import { PEER_NUMBERS_LENGTH_MAX, PeerNumbers } from '../../src/addressing/peer-numbers.ts';

const numbers = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 999 })),
);

test('PeerNumbers is the set of the numbers that were added', () => {
  fc.assert(
    fc.property(numbers, numbers, (one, other) => {
      const [a, b] = [of(one), of(other)];
      for (let n = 1; n < 1_010; n += 1) assert.equal(a.has(n), one.includes(n));
      assert.equal(a.highest, Math.max(0, ...one));
      assert.equal(a.union(b).toString(), of([...other, ...one]).toString());
      assert.equal(
        a.includes(b),
        other.every((n) => one.includes(n)),
      );
      assert.equal(PeerNumbers.parse(a.toString())?.toString(), a.toString());
    }),
    { numRuns: 50 },
  );
});

test('PeerNumbers.parse() takes one text for each set, and no long one', () => {
  const all = of([1, 2, WIREGUARD_PEER_MAX]);
  assert.equal(all.toString().length, PEER_NUMBERS_LENGTH_MAX);
  assert.equal(PeerNumbers.parse('')?.highest, 0);
  const bytes = (...values: readonly number[]): string => Buffer.from(values).toString('base64');
  assert.equal(PeerNumbers.parse(bytes(2))?.highest, 1);
  const bad = ['x', 'Ag', 'Ag= =', bytes(2, 0), bytes(1), bytes(3)];
  const long = Buffer.alloc(8_193, 2).toString('base64');
  for (const text of [...bad, long]) assert.equal(PeerNumbers.parse(text), undefined, text);
});

function of(list: readonly number[]): PeerNumbers {
  return list.reduce((set, number) => set.with(number), PeerNumbers.NONE);
}

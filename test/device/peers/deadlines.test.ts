// The heap of deadlines against a plain map.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Millis, NEVER } from '../../../src/base/clock.ts';
import { Deadlines } from '../../../src/device/peers/deadlines.ts';

test('Deadlines has none at first, and none after forgetting all', () => {
  const deadlines = new Deadlines();
  assert.equal(deadlines.next, NEVER);
  assert.equal(deadlines.due(1e12 as Millis), undefined);
  deadlines.set(3, 5 as Millis);
  deadlines.forget(3);
  deadlines.forget(99);
  assert.equal(deadlines.next, NEVER);
});

test('Deadlines.advance() only brings a deadline nearer', () => {
  const deadlines = new Deadlines();
  deadlines.set(1, 100 as Millis);
  deadlines.advance(1, 200 as Millis);
  assert.equal(deadlines.next, 100);
  deadlines.advance(1, 50 as Millis);
  assert.equal(deadlines.next, 50);
  deadlines.set(1, 300 as Millis);
  assert.equal(deadlines.next, 300);
  deadlines.advance(2, NEVER);
  assert.equal(deadlines.next, 300);
});

test('Deadlines agrees with a map, whatever the order of events', () => {
  const event = fc.record({
    peer: fc.integer({ min: 0, max: 150 }),
    at: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constant(NEVER)),
    kind: fc.constantFrom('set', 'advance', 'forget'),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 400 }), (events) => {
      const deadlines = new Deadlines();
      const map = new Map<number, number>();
      for (const { peer, at, kind } of events) {
        if (kind === 'forget') deadlines.forget(peer);
        else if (kind === 'set') deadlines.set(peer, at as Millis);
        else deadlines.advance(peer, at as Millis);
        const before = map.get(peer) ?? NEVER;
        const after = kind === 'advance' ? Math.min(before, at) : at;
        map.set(peer, kind === 'forget' ? NEVER : after);
        assert.equal(deadlines.next, Math.min(NEVER, ...map.values()));
      }
      const order: number[] = [];
      for (let one = deadlines.due(1e9 as Millis); one !== undefined; ) {
        order.push(map.get(one)!);
        deadlines.forget(one);
        one = deadlines.due(1e9 as Millis);
      }
      const expected = [...map.values()].filter((at) => at !== NEVER).sort((a, b) => a - b);
      assert.deepEqual(order, expected);
    }),
    { numRuns: 300 },
  );
});

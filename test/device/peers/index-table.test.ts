// Receiver indices: random, and each given out once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IndexTable } from '../../../src/device/peers/index-table.ts';
import type { Session } from '../../../src/wireguard/session/session.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';

test('IndexTable gives out random indices and finds what they stand for', () => {
  const table = new IndexTable<string>(new SeededRandom(3));
  const space = table.spaceOf(() => 'owner');
  const indices = Array.from({ length: 1_000 }, () => space.claim());
  assert.equal(new Set(indices).size, 1_000);
  assert.ok(
    indices.some((index) => index > 0x8000_0000),
    'the upper half is used',
  );
  const first = indices[0]!;
  assert.deepEqual(table.get(first), { owner: 'owner', session: undefined });
  const session = {} as Session;
  space.bind(first, session);
  assert.equal(table.get(first)?.session, session);
  space.release(first);
  assert.equal(table.get(first), undefined);
  assert.equal(table.size, 999);
});

test('IndexTable draws again when an index is taken', () => {
  let draws = 0;
  const table = new IndexTable<string>({ fill: (bytes) => bytes.fill(draws++ < 2 ? 7 : 9) });
  const space = table.spaceOf(() => 'owner');
  assert.notEqual(space.claim(), space.claim());
  assert.equal(draws, 3);
});

// Operators in networks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VISITS_MAX, Visits } from '../../src/agent/visits.ts';
import { NETWORK } from './agent-world.ts';

test('a network is visited from its first visit to the end of its last', () => {
  let changes = 0;
  const visits = new Visits(() => {
    changes += 1;
  });
  const [first, second] = [visits.begin(NETWORK), visits.begin(NETWORK)];
  assert.deepEqual([...visits.networks()], [NETWORK]);
  first();
  first();
  assert.deepEqual([...visits.networks()], [NETWORK]);
  second();
  assert.deepEqual([...visits.networks()], []);
  assert.equal(changes, 2);
});

test('visits have a limit', () => {
  const visits = new Visits(() => undefined);
  const ends = Array.from({ length: VISITS_MAX }, () => visits.begin(NETWORK));
  assert.throws(() => visits.begin(NETWORK), { code: 'LIMIT_REACHED' });
  ends[0]?.();
  visits.begin(NETWORK);
});

// The deadlines of leases: when somebody looks for those that have ended, and when nobody does.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LeaseDeadlines } from '../../src/registry/lease-deadlines.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

test('LeaseDeadlines looks for ended leases while there are leases', (t) => {
  const { deadlines, sweeps } = scene(t);
  t.mock.timers.tick(10_000);
  assert.equal(sweeps(), 0);
  deadlines.grant('a', 1_000);
  t.mock.timers.tick(1_000);
  assert.equal(sweeps(), 2);
  deadlines.end('a');
  t.mock.timers.tick(10_000);
  assert.equal(sweeps(), 2);
  deadlines.grant('b', 1_000);
  t.mock.timers.tick(1_000);
  assert.equal(sweeps(), 4);
  deadlines.close();
});

test('LeaseDeadlines looks for none once it is closed, whatever is granted then', (t) => {
  const { deadlines, sweeps } = scene(t);
  deadlines.close();
  deadlines.grant('a', 1_000);
  t.mock.timers.tick(10_000);
  assert.equal(sweeps(), 0);
});

function scene(t: TestContext): { deadlines: LeaseDeadlines; sweeps: () => number } {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const sweep = t.mock.fn();
  return {
    deadlines: new LeaseDeadlines(new ManualClock(), sweep),
    sweeps: () => sweep.mock.callCount(),
  };
}

// Whether and when a command runs again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  RESTART_DELAY_MAX_MS,
  RESTART_DELAY_MIN_MS,
  RESTART_LASTS_MS,
  RestartPolicy,
  type RestartSpec,
} from '../../../src/agent/supervisor/restart-policy.ts';

const FAILED = { code: 1, ranMs: 5 };
const DONE = { code: 0, ranMs: 5 };
const KILLED = { code: undefined, ranMs: 5 };

const CASES: readonly [string, RestartSpec | undefined, boolean, boolean, boolean][] = [
  ['no policy', undefined, false, false, false],
  ['on-failure', { when: 'on-failure' }, true, false, true],
  ['always', { when: 'always' }, true, true, true],
];
for (const [name, spec, failed, done, killed] of CASES) {
  test(`${name} starts again what has failed, was done or was killed`, () => {
    const again = (end: typeof FAILED | typeof KILLED): boolean =>
      new RestartPolicy(spec).next(end) !== undefined;
    assert.deepEqual([again(FAILED), again(DONE), again(KILLED)], [failed, done, killed]);
  });
}

test('starts become rarer until the command lasts', () => {
  const policy = new RestartPolicy({ when: 'always' });
  let last = 0;
  for (let start = 0; start < 20; start += 1) {
    const delay = policy.next(FAILED) ?? 0;
    const expected = start === 0 ? RESTART_DELAY_MIN_MS : Math.min(2 * last, RESTART_DELAY_MAX_MS);
    assert.equal(delay, expected);
    last = delay;
  }
  assert.equal(last, RESTART_DELAY_MAX_MS);
  assert.equal(policy.next({ code: 1, ranMs: RESTART_LASTS_MS }), RESTART_DELAY_MIN_MS);
  assert.equal(policy.restarts, 21);
});

test('so many restarts in a row are the last, and a command that lasts begins anew', () => {
  const policy = new RestartPolicy({ when: 'on-failure', max: 2 });
  assert.ok(policy.next(FAILED) !== undefined && policy.next(FAILED) !== undefined);
  assert.equal(policy.next(FAILED), undefined);
  assert.ok(policy.next({ code: 1, ranMs: RESTART_LASTS_MS }) !== undefined);
});

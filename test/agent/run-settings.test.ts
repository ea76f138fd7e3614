// How a command is run: what is taken, what is refused, and that no error has a value in it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseRunSettings,
  type RunSettings,
  requireRunSettings,
  resolveUser,
} from '../../src/agent/run-settings.ts';
import { P6nError } from '../../src/base/errors.ts';

const TAKEN: readonly RunSettings[] = [
  {},
  { environment: { A: '', b_1: 'x=y\n' }, user: 'www-data:daemon' },
  { user: '1000:1000', restart: { when: 'always' } },
  { restart: { when: 'on-failure', max: 3 } },
];
for (const settings of TAKEN) {
  test(`${JSON.stringify(settings)} is taken, and kept as it is`, () => {
    requireRunSettings(settings);
    assert.deepEqual(parseRunSettings(JSON.parse(JSON.stringify(settings))), settings);
  });
}

const REFUSED: readonly RunSettings[] = [
  { environment: { '': 'SECRET' } },
  { environment: { 'A=B': 'SECRET' } },
  { environment: { '1A': 'SECRET' } },
  { environment: { P6N_APP: 'SECRET' } },
  { environment: { FLY_APP_NAME: 'SECRET' } },
  { environment: { A: 'SECRET\0' } },
  { environment: { A: 'SECRET'.repeat(10_000) } },
  { user: '-u' },
  { user: 'a b' },
  { user: 'a:b:c' },
  { user: '' },
  { restart: { when: 'always', max: 0 } },
  { restart: { when: 'always', max: 1.5 } },
];
for (const [index, settings] of REFUSED.entries()) {
  test(`settings ${index} are refused without a word of what may be secret`, () => {
    assert.throws(
      () => requireRunSettings(settings),
      (error) => {
        assert.ok(error instanceof P6nError && error.code === 'VALUE_INVALID');
        assert.doesNotMatch(error.message, /SECRET/);
        return true;
      },
    );
    assert.equal(parseRunSettings(settings), undefined);
  });
}

test('resolveUser() knows names, numbers and groups, and nobody else', () => {
  const root = { uid: 0, gid: 0, groups: [], name: 'root', home: '/root' };
  assert.deepEqual(resolveUser('root'), root);
  const { gid, uid } = resolveUser('1234:4321');
  assert.deepEqual([uid, gid], [1_234, 4_321]);
  assert.equal(resolveUser('root:daemon').gid, 1);
  for (const user of ['p6n-nobody-at-all', 'root:p6n-nobody-at-all', '99999999999']) {
    assert.throws(
      () => resolveUser(user),
      (error) => error instanceof P6nError && error.code === 'NOT_FOUND',
      user,
    );
  }
});

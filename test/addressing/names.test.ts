// The rules for names, by kind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NameKind, nameProblem } from '../../src/addressing/names.ts';

const longest = `a${'b'.repeat(62)}`;
const cases: readonly (readonly [kind: NameKind, name: string, code: string | undefined])[] = [
  ['app', 'web', undefined],
  ['app', longest, undefined],
  ['app', `${longest}c`, 'NAME_INVALID'],
  ['app', '', 'NAME_INVALID'],
  ['app', 'Web', 'NAME_INVALID'],
  ['app', '1web', 'NAME_INVALID'],
  ['app', 'we_b', 'NAME_INVALID'],
  ['app', 'web.two', 'NAME_INVALID'],
  ['app', 'web\n', 'NAME_INVALID'],
  ['app', 'wéb', 'NAME_INVALID'],
  ['app', 'flycast', 'NAME_RESERVED'],
  ['app', 'top', 'NAME_RESERVED'],
  ['app', 'top3', 'NAME_RESERVED'],
  ['app', 'topaz', undefined],
  ['region', 'global', 'NAME_RESERVED'],
  ['group', 'vm', 'NAME_RESERVED'],
  ['network', 'Team-1', undefined],
  ['network', 'Internal', 'NAME_RESERVED'],
  ['network', '-a', 'NAME_INVALID'],
  ['instance', 'self', undefined],
  ['host', 'h1', undefined],
];
for (const [kind, name, code] of cases) {
  test(`nameProblem() says ${code ?? 'nothing'} of ${kind} "${name}"`, () => {
    assert.equal(nameProblem(kind, name)?.code, code);
  });
}

const words = 'self global all regions vms vm process nearest of kv healthy svc internal flycast';
for (const word of words.split(' ')) {
  test(`nameProblem() keeps the word ${word}`, () => {
    assert.equal(nameProblem('app', word)?.code, 'NAME_RESERVED');
  });
}

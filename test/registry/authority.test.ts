// The table of who may do what, read line by line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import { P6nError } from '../../src/base/errors.ts';
import {
  type Action,
  type AuthoritySettings,
  authorize,
  type Principal,
} from '../../src/registry/authority.ts';

const OWN = 0x1_0001 as HostId;
const OTHER = 0x1_0002;
const OPERATOR: Principal = { kind: 'operator' };
const HOST: Principal = { kind: 'host', host: OWN };
const HOST_OPERATOR: Principal = { kind: 'host-operator', host: OWN };
const INVITE: Principal = { kind: 'invite', number: 7 };
const TOKEN: Principal = { kind: 'token', id: '0123456789abcdef' };

const CASES: readonly (readonly [Action, Principal, number | undefined, string])[] = [
  ['read', OPERATOR, undefined, 'yes'],
  ['read', HOST, undefined, 'yes'],
  ['read', HOST_OPERATOR, undefined, 'yes'],
  ['read', INVITE, undefined, 'NOT_PERMITTED'],
  ['follow', HOST, undefined, 'yes'],
  ['follow', HOST_OPERATOR, undefined, 'NOT_A_SERVER'],
  ['follow', INVITE, undefined, 'NOT_PERMITTED'],
  ['event-read', HOST_OPERATOR, undefined, 'yes'],
  ['event-read', HOST, undefined, 'NOT_PERMITTED'],
  ['event-read', INVITE, undefined, 'NOT_PERMITTED'],
  ['enrol', INVITE, 7, 'yes'],
  ['enrol', INVITE, 8, 'NOT_PERMITTED'],
  ['enrol', INVITE, undefined, 'NOT_PERMITTED'],
  ['enrol', HOST, 7, 'NOT_PERMITTED'],
  ['host-update', HOST, OWN, 'yes'],
  ['host-update', HOST, OTHER, 'NOT_PERMITTED'],
  ['host-update', HOST, undefined, 'NOT_PERMITTED'],
  ['host-update', HOST_OPERATOR, OWN, 'NOT_PERMITTED'],
  ['host-update', OPERATOR, OWN, 'NOT_PERMITTED'],
  ['instance-write', HOST, OWN, 'yes'],
  ['instance-write', HOST, OTHER, 'NOT_PERMITTED'],
  ['instance-write', OPERATOR, OTHER, 'NOT_PERMITTED'],
  ['instance-write', INVITE, 7, 'NOT_PERMITTED'],
  ['network-write', OPERATOR, undefined, 'yes'],
  ['network-write', HOST, undefined, 'NOT_PERMITTED'],
  ['app-write', HOST, undefined, 'NOT_PERMITTED'],
];
const OPERATORS_ONLY: readonly Action[] = [
  'audit-read',
  'organization-write',
  'invite-read',
  'invite-write',
  'server-invite-write',
  'host-remove',
  'site-write',
  'site-key-write',
  'token-write',
  'registry-export',
  'registry-import',
];

test('authorize() holds the table', () => {
  for (const [action, principal, owner, expected] of CASES) {
    assert.equal(verdict(action, principal, owner), expected, `${action} ${principal.kind}`);
  }
});

test('authorize() keeps the rest for the operators of a server', () => {
  for (const action of OPERATORS_ONLY) {
    assert.equal(verdict(action, OPERATOR), 'yes', action);
    assert.equal(verdict(action, HOST, OWN), 'NOT_PERMITTED', action);
    assert.equal(verdict(action, HOST_OPERATOR, OWN), 'NOT_A_SERVER', action);
    assert.equal(verdict(action, INVITE, 7), 'NOT_PERMITTED', action);
  }
});

/** What gives rights away, and what is a host's own. */
const NO_TOKENS: readonly Action[] = [
  'follow',
  'enrol',
  'host-update',
  'host-key-write',
  'instance-write',
  'server-invite-write',
  'site-write',
  'site-key-read',
  'site-key-write',
  'token-write',
  'registry-export',
  'registry-import',
];

test('authorize() leaves what gives rights away to whoever has no token', () => {
  for (const action of NO_TOKENS) {
    assert.equal(verdict(action, TOKEN, OWN), 'NOT_PERMITTED', action);
  }
  assert.equal(verdict('invite-write', TOKEN), 'yes');
});

test('authorize() asks the site whether the operators of hosts write', () => {
  for (const action of ['network-write', 'app-write', 'peer-write'] as const) {
    for (const hostOperatorsWrite of [false, true]) {
      const settings = { hostOperatorsWrite };
      const expected = hostOperatorsWrite ? 'yes' : 'NOT_A_SERVER';
      assert.equal(verdict(action, HOST_OPERATOR, undefined, settings), expected, action);
      assert.equal(verdict(action, OPERATOR, undefined, settings), 'yes', action);
      assert.equal(verdict(action, TOKEN, undefined, settings), 'yes', action);
      assert.equal(verdict(action, HOST, OWN, settings), 'NOT_PERMITTED', action);
    }
    assert.equal(verdict(action, HOST_OPERATOR), 'NOT_A_SERVER', `${action} unasked`);
  }
});

function verdict(
  action: Action,
  principal: Principal,
  owner?: number,
  settings?: AuthoritySettings,
): string {
  try {
    authorize(principal, action, owner, settings);
    return 'yes';
  } catch (error) {
    assert.ok(error instanceof P6nError);
    assert.ok(error.hint !== undefined, `${action}: a refusal says what to do`);
    return error.code;
  }
}

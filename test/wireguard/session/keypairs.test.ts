// Which session is where after each event.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REJECT_AFTER_MS } from '../../../src/wireguard/constants.ts';
import { Keypairs } from '../../../src/wireguard/session/keypairs.ts';
import type { Session } from '../../../src/wireguard/session/session.ts';

test('Keypairs.addInitiated() keeps three that were current, and drops the one before', () => {
  const { keypairs, dropped, session } = setup();
  for (const name of ['one', 'two', 'three', 'four']) keypairs.addInitiated(session(name));
  assert.equal(keypairs.current, session('four'));
  assert.deepEqual(dropped, []);
  keypairs.addInitiated(session('five'));
  assert.deepEqual(dropped, ['one']);
});

test('Keypairs.addInitiated() keeps current, and an unconfirmed next unconfirmed', () => {
  const { keypairs, dropped, session } = setup();
  for (const name of ['one', 'two', 'three']) keypairs.addInitiated(session(name));
  keypairs.addResponded(session('theirs'));
  keypairs.addInitiated(session('four'));
  assert.equal(keypairs.current, session('four'));
  assert.deepEqual(dropped, ['one']);
  assert.ok(!keypairs.confirm(session('theirs')), 'it is not next');
  keypairs.clear();
  assert.deepEqual(dropped, ['one', 'theirs', 'three', 'two', 'four']);
});

test('Keypairs.addResponded() replaces next, and all others stay', () => {
  const { keypairs, dropped, session } = setup();
  for (const name of ['one', 'two', 'three']) keypairs.addInitiated(session(name));
  keypairs.addResponded(session('four'));
  assert.deepEqual(dropped, []);
  keypairs.addResponded(session('five'));
  assert.deepEqual(dropped, ['four']);
  assert.equal(keypairs.current, session('three'));
});

test('Keypairs.confirm() makes next current and current previous', () => {
  const { keypairs, dropped, session } = setup();
  keypairs.addInitiated(session('one'));
  keypairs.addResponded(session('two'));
  assert.ok(!keypairs.confirm(session('one')));
  assert.ok(keypairs.confirm(session('two')));
  assert.equal(keypairs.current, session('two'));
  for (const name of ['three', 'four', 'five']) keypairs.addInitiated(session(name));
  assert.deepEqual(dropped, ['one']);
});

test('Keypairs drops what nothing is received by any more as soon as another session comes', () => {
  const { keypairs, dropped, session } = setup();
  keypairs.addInitiated(session('one', 0));
  keypairs.addInitiated(session('two', 120_000));
  assert.deepEqual(dropped, []);
  keypairs.addResponded(session('three', REJECT_AFTER_MS));
  assert.deepEqual(dropped, ['one']);
  keypairs.addInitiated(session('four', 120_000 + REJECT_AFTER_MS));
  assert.deepEqual(dropped, ['one', 'two']);
});

test('Keypairs.clear() drops all', () => {
  const { keypairs, dropped, session } = setup();
  keypairs.addInitiated(session('one'));
  keypairs.addInitiated(session('two'));
  keypairs.addInitiated(session('three'));
  keypairs.clear();
  assert.deepEqual(dropped, ['two', 'one', 'three']);
  assert.equal(keypairs.current, undefined);
});

interface World {
  readonly keypairs: Keypairs;
  readonly dropped: string[];
  /** The session of that name, made at that time. */
  readonly session: (name: string, createdAt?: number) => Session;
}

function setup(): World {
  const dropped: string[] = [];
  const sessions = new Map<string, Session>();
  const session = (name: string, createdAt = 0) => {
    const known = sessions.get(name) ?? ({ name, createdAt } as unknown as Session);
    sessions.set(name, known);
    return known;
  };
  const keypairs = new Keypairs((one) => dropped.push((one as unknown as { name: string }).name));
  return { keypairs, dropped, session };
}

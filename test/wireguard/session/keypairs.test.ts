// Which session is where after each event.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keypairs } from '../../../src/wireguard/session/keypairs.ts';
import type { Session } from '../../../src/wireguard/session/session.ts';

test('Keypairs.addInitiated() moves current to previous and drops the one before', () => {
  const { keypairs, dropped, session } = setup();
  for (const name of ['one', 'two', 'three']) keypairs.addInitiated(session(name));
  assert.equal(keypairs.current, session('three'));
  assert.deepEqual(dropped, ['one']);
});

test('Keypairs.addInitiated() keeps an unconfirmed next in place of current', () => {
  const { keypairs, dropped, session } = setup();
  keypairs.addInitiated(session('one'));
  keypairs.addResponded(session('theirs'));
  keypairs.addInitiated(session('two'));
  assert.equal(keypairs.current, session('two'));
  assert.deepEqual(dropped, ['one']);
  assert.ok(!keypairs.confirm(session('theirs')), 'it is not next');
  keypairs.clear();
  assert.deepEqual(dropped, ['one', 'theirs', 'two'], 'it was previous');
});

test('Keypairs.addResponded() replaces next and drops previous, current stays', () => {
  const { keypairs, dropped, session } = setup();
  keypairs.addInitiated(session('one'));
  keypairs.addInitiated(session('two'));
  keypairs.addResponded(session('three'));
  assert.deepEqual(dropped, ['one']);
  keypairs.addResponded(session('four'));
  assert.deepEqual(dropped, ['one', 'three']);
  assert.equal(keypairs.current, session('two'));
});

test('Keypairs.confirm() makes next current and current previous', () => {
  const { keypairs, dropped, session } = setup();
  keypairs.addInitiated(session('one'));
  keypairs.addResponded(session('two'));
  assert.ok(!keypairs.confirm(session('one')));
  assert.ok(keypairs.confirm(session('two')));
  assert.equal(keypairs.current, session('two'));
  assert.deepEqual(dropped, []);
  keypairs.addInitiated(session('three'));
  assert.deepEqual(dropped, ['one']);
});

test('Keypairs.clear() drops all', () => {
  const { keypairs, dropped, session } = setup();
  keypairs.addInitiated(session('one'));
  keypairs.addInitiated(session('two'));
  keypairs.addInitiated(session('three'));
  keypairs.clear();
  assert.deepEqual(dropped, ['one', 'two', 'three']);
  assert.equal(keypairs.current, undefined);
});

function setup(): { keypairs: Keypairs; dropped: string[]; session: (name: string) => Session } {
  const dropped: string[] = [];
  const sessions = new Map<string, Session>();
  const session = (name: string) => {
    const known = sessions.get(name) ?? ({ name } as unknown as Session);
    sessions.set(name, known);
    return known;
  };
  const keypairs = new Keypairs((one) => dropped.push((one as unknown as { name: string }).name));
  return { keypairs, dropped, session };
}

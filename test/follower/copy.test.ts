// The copy as it is built, step by step.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId, NetworkId } from '../../src/addressing/ids.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { type StoredCopy, WorkingCopy } from '../../src/follower/copy.ts';
import type { App, FollowEvent, Host, Network, Revision } from '../../src/registry/model.ts';

const BLUE = 0x1_0001 as NetworkId;
const GREEN = 0x1_0002 as NetworkId;
const NONE: ReadonlySet<NetworkId> = new Set();

test('a copy shows nothing of what is not said to the end', () => {
  const copy = new WorkingCopy();
  copy.begin(NONE);
  for (const event of [reset(), put(host(1)), put(host(2))]) assert.equal(copy.take(event), false);
  assert.deepEqual(copy.snapshot().hosts, []);
  assert.equal(copy.snapshot().revision, undefined);
  assert.equal(copy.take(synced(5)), true);
  assert.deepEqual(copy.snapshot().hosts, [host(1), host(2)]);
  assert.deepEqual(copy.snapshot().revision, revision(5));
});

test('a copy forgets the beginning of what was cut off', () => {
  const copy = started(host(1), host(2));
  copy.take(put(host(3)));
  copy.take(remove(host(1)));
  assert.deepEqual(copy.begin(NONE), revision(1));
  copy.take(synced(1));
  assert.deepEqual(copy.snapshot().hosts, [host(1), host(2)]);
});

test('a copy keeps what it knows until a reset is said to the end', () => {
  const copy = started(host(1), host(2));
  copy.take(put(host(4)));
  copy.take(reset());
  copy.take(put(host(3)));
  assert.deepEqual(copy.snapshot().hosts, [host(1), host(2)]);
  copy.take(synced(9));
  assert.deepEqual(copy.snapshot().hosts, [host(3)]);
});

test('a copy is whole for what it was asked for after a reset in the middle of changes', () => {
  const copy = started(host(1));
  copy.begin(new Set([BLUE]));
  for (const event of [put(host(2)), reset(), put(network(BLUE)), synced(2)]) copy.take(event);
  assert.deepEqual(copy.snapshot().hosts, []);
  assert.deepEqual(copy.begin(new Set([BLUE])), revision(2));
});

test('a snapshot never changes and shares what is the same', () => {
  const copy = started(host(1));
  const first = copy.snapshot();
  assert.equal(copy.snapshot(), first);
  copy.take(put(network(BLUE)));
  copy.take(synced(2));
  const second = copy.snapshot();
  assert.deepEqual(first.networks, []);
  assert.deepEqual(second.networks, [network(BLUE)]);
  assert.equal(second.hosts, first.hosts);
  copy.take(synced(3));
  assert.equal(copy.isChanged, false);
  assert.equal(copy.snapshot().networks, second.networks);
  assert.deepEqual(copy.snapshot().revision, revision(3));
});

test('a copy goes on only with the networks that it is whole for', () => {
  const copy = new WorkingCopy();
  assert.equal(copy.begin(new Set([BLUE])), undefined);
  for (const event of [reset(), put(network(BLUE)), put(app('web', BLUE)), synced(1)]) {
    copy.take(event);
  }
  assert.deepEqual(copy.begin(new Set([BLUE])), revision(1));
  const lacking = { ...revision(1), lacks: [GREEN] };
  assert.deepEqual(copy.begin(new Set([BLUE, GREEN])), lacking);
  // A stream that is cut off before it is synced has not made the copy whole.
  copy.take(put(network(GREEN)));
  assert.deepEqual(copy.begin(new Set([BLUE, GREEN])), lacking);
  assert.deepEqual(copy.snapshot().networks, [network(BLUE)]);
  for (const event of [put(network(GREEN)), synced(2)]) copy.take(event);
  assert.deepEqual(copy.begin(new Set([BLUE, GREEN])), revision(2));
  assert.equal(copy.snapshot().apps.length, 1);
  assert.deepEqual(copy.begin(NONE), revision(2));
  assert.deepEqual(copy.snapshot().apps, []);
  assert.deepEqual(copy.snapshot().networks, []);
  assert.deepEqual(copy.begin(new Set([BLUE])), { ...revision(2), lacks: [BLUE] });
});

test('a copy has a limit', () => {
  const copy = new WorkingCopy(4);
  copy.begin(NONE);
  for (const event of [reset(), put(host(1)), put(host(2)), put(host(3))]) copy.take(event);
  assert.throws(() => copy.take(put(host(4))), RangeError);
  const other = new WorkingCopy(4);
  other.begin(NONE);
  for (const event of [reset(), put(host(1)), put(host(2)), put(host(3)), synced(1)]) {
    other.take(event);
  }
  other.take(put(host(3)));
  assert.throws(() => other.take(put(host(4))), RangeError);
});

test('a copy is the same after it was kept and restored', () => {
  const copy = new WorkingCopy();
  assert.equal(copy.store(), undefined);
  copy.begin(new Set([BLUE]));
  for (const event of [reset(), put(host(1)), put(network(BLUE)), synced(4)]) copy.take(event);
  const stored = copy.store();
  assert.ok(stored);
  const restored = new WorkingCopy();
  restored.restore(JSON.parse(JSON.stringify(stored)) as StoredCopy);
  assert.deepEqual(restored.snapshot(), copy.snapshot());
  assert.deepEqual(restored.begin(new Set([BLUE])), revision(4));
});

function started(...hosts: readonly Host[]): WorkingCopy {
  const copy = new WorkingCopy();
  copy.begin(NONE);
  copy.take(reset());
  for (const one of hosts) copy.take(put(one));
  copy.take(synced(1));
  return copy;
}

function host(number: number): Host {
  return {
    ...{ kind: 'host', id: (0x1_0000 + number) as HostId, name: `h${number}`, region: 'local' },
    ...{
      publicKey: '',
      generation: 1,
      signature: '',
      endpoints: [],
      role: 'agent',
      createdAt: 0 as WallMillis,
    },
  };
}

function network(id: NetworkId): Network {
  return {
    ...{ kind: 'network', id, name: `n${id}`, organization: 'default', regionScoped: false },
    createdAt: 0 as WallMillis,
  };
}

function app(name: string, id: NetworkId): App {
  const createdAt = 0 as WallMillis;
  return { kind: 'app', name, organization: 'default', network: id, createdAt };
}

function put(record: Host | Network | App): FollowEvent {
  return { type: 'put', key: `${record.kind}/${record.name}`, record };
}

function remove(record: Host): FollowEvent {
  return { type: 'remove', key: `${record.kind}/${record.name}` };
}

function reset(): FollowEvent {
  return { type: 'reset' };
}

function synced(number: number): FollowEvent {
  return { type: 'synced', revision: revision(number) };
}

function revision(number: number): Revision {
  return { incarnation: 'a', number };
}

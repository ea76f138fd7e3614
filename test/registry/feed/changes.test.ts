// The history of the registry: what was changed, when and by whom, and where it begins and ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WallMillis } from '../../../src/base/clock.ts';
import { type Actor, encodeNote, notePlace } from '../../../src/registry/audit.ts';
import type { Principal } from '../../../src/registry/authority.ts';
import type { RegistryChange } from '../../../src/registry/feed/changes.ts';
import { INVITES } from '../../../src/registry/keys.ts';
import type { Revision } from '../../../src/registry/model.ts';
import type { StoreWrite } from '../../../src/registry/store.ts';
import { Site } from '../../fakes/site.ts';

const OPERATOR: Principal = { kind: 'operator' };

test('changes() tells what was created, changed and removed, when and by whom', async () => {
  const site = new Site();
  const host = await site.start();
  const begin = await revisionOf(site);
  const hostOperator: Principal = { kind: 'host-operator', host: host.id };
  const { app } = await site.registry.as(hostOperator).createApp({ name: 'web', network: 'blue' });
  const own = site.registry.as({ kind: 'host', host: host.id });
  const instance = site.instance(app, host.id, 1);
  await own.putInstance(host.id, instance);
  await own.putInstance(host.id, { ...instance, state: 'started' });
  await own.removeInstance(host.id, instance.machineId);
  await site.registry.as(OPERATOR).removeApp('web');
  const [first, ...changes] = await take(site, begin, 6);
  assert.deepEqual(first?.objects, []);
  const id = instance.machineId;
  assert.deepEqual(changes.map(summary), [
    ['host-operator', [`created network ${app.network}`, 'created app web']],
    ['host', [`created instance ${id}`]],
    ['host', [`changed instance ${id}`]],
    ['host', [`removed instance ${id}`]],
    ['operator', ['removed app web']],
  ]);
  assert.equal(changes[0]?.accounts[0]?.action, 'create app "web"');
  assert.equal(changes[0]?.accounts[0]?.at, site.clock.wallNow());
  assert.deepEqual(changes[2]?.objects[0]?.record, { ...instance, state: 'started' });
});

test('changes() tells of invites that there are, and never what they are', async () => {
  const site = new Site();
  const host = await site.start();
  const begin = await revisionOf(site);
  const { secret } = await site.join(host.id, 'two');
  const changes = await take(site, begin, 3);
  assert.deepEqual(
    changes.flatMap(({ objects }) => objects.map(({ kind, verb }) => `${verb} ${kind}`)).sort(),
    ['changed invite', 'created host', 'created invite'],
  );
  const text = JSON.stringify(changes);
  assert.ok(!text.includes(secret) && !text.includes('secret'));
  const invites = changes.flatMap(({ objects }) => objects).filter(({ kind }) => kind === 'invite');
  for (const invite of invites) assert.equal(invite.record, undefined);
});

test('changes() tells of the settings of the site, when they change', async () => {
  const site = new Site();
  await site.start();
  const begin = await revisionOf(site);
  for (const hostOperatorsWrite of [true, false]) {
    await site.registry.as(OPERATOR).siteSettings.update({ hostOperatorsWrite });
  }
  const [, change] = await take(site, begin, 2);
  assert.ok(change);
  assert.deepEqual(summary(change), ['operator', ['changed site site']]);
  assert.deepEqual(change.objects[0]?.record, await site.registry.findSite());
});

test('changes() tells who made which of several changes that came together', async () => {
  const site = new Site();
  await site.start();
  const begin = await revisionOf(site);
  const change = (actor: Actor, ...numbers: readonly number[]): StoreWrite[] => {
    const keys = numbers.map((number) => `${INVITES}00010000/${number}`);
    const note = encodeNote({ at: 1 as WallMillis, by: actor, action: 'create invites' });
    const writes = keys.map((key): StoreWrite => ({ type: 'put', key, value: '' }));
    return [...writes, { type: 'put', key: notePlace(keys[0] ?? ''), value: note }];
  };
  const writes = [...change({ kind: 'operator' }, 1, 2), ...change({ kind: 'server' }, 3)];
  await site.store.transact({ compares: [], writes });
  const [, together] = await take(site, begin, 2);
  const told = together?.accounts.map(({ by, objects }) => [by.kind, objects.map(({ id }) => id)]);
  assert.deepEqual(told, [
    ['operator', ['65536/1', '65536/2']],
    ['server', ['65536/3']],
  ]);
  assert.equal(together?.objects.length, 3);
});

test('changes() goes on after a revision, and begins now without one', async () => {
  const site = new Site();
  await site.start();
  await site.registry.createApp({ name: 'first' });
  const middle = await revisionOf(site);
  await site.registry.createApp({ name: 'second' });
  const [from, second] = await take(site, middle, 2);
  assert.deepEqual(from?.revision, middle);
  assert.equal(second?.accounts[0]?.action, 'create app "second"');
  const [now] = await take(site, undefined, 1);
  assert.deepEqual(now?.revision, second?.revision);
});

test('changes() refuses a revision that the registry does not remember', async () => {
  const site = new Site({ revisionsKept: 4 });
  await site.start();
  const begin = await revisionOf(site);
  for (let n = 0; n < 300; n++) await site.registry.createApp({ name: `app-${n}` });
  const { incarnation, number } = await revisionOf(site);
  const unknown: Revision[] = [
    begin,
    { incarnation, number: number + 1 },
    { incarnation: 'another', number },
  ];
  for (const after of unknown) {
    await assert.rejects(take(site, after, 2), { code: 'REVISION_FORGOTTEN' });
  }
});

test('changes() tells a reader that is too slow, and keeps nothing for it', async () => {
  const site = new Site({ revisionsKept: 4 });
  await site.start();
  const changes = site.registry.changes(undefined, new AbortController().signal);
  const iterator = changes[Symbol.asyncIterator]();
  await iterator.next();
  for (let n = 0; n < 300; n++) await site.registry.createApp({ name: `app-${n}` });
  await assert.rejects(iterator.next(), { code: 'REVISION_FORGOTTEN' });
});

async function take(
  site: Site,
  after: Revision | undefined,
  count: number,
): Promise<RegistryChange[]> {
  const changes: RegistryChange[] = [];
  const aborts = new AbortController();
  for await (const change of site.registry.changes(after, aborts.signal)) {
    changes.push(change);
    if (changes.length === count) break;
  }
  return changes;
}

async function revisionOf(site: Site): Promise<Revision> {
  const { revision: number } = await site.store.list([]);
  return { incarnation: site.store.incarnation, number };
}

function summary({ accounts, objects }: RegistryChange): unknown {
  return [accounts[0]?.by.kind, objects.map(({ id, kind, verb }) => `${verb} ${kind} ${id}`)];
}

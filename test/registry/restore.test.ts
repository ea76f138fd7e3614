// Exports, imports and restores: no id is given out twice, nothing is written while it might be,
// and followers hear of it.

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type HostId, ID_MIN, type NetworkId } from '../../src/addressing/ids.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { putClosure } from '../../src/registry/closure.ts';
import { idsOf, parseExport } from '../../src/registry/export.ts';
import { appCount, CLOSURE, NETWORK_IDS, networkIdKey } from '../../src/registry/keys.ts';
import { RevisionMark } from '../../src/registry/revision-mark.ts';
import { SqliteStore } from '../../src/registry/sqlite/sqlite-store.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { Site } from '../fakes/site.ts';

test('an export fills an empty registry with the same site, as another incarnation', async () => {
  const { from, text } = await exported();
  const to = new Site();
  await to.registry.custody.import(parseExport(text));
  const entries = async (site: Site): Promise<readonly string[]> =>
    (await site.store.list([''])).entries.map(({ key, value }) => `${key} ${value}`);
  assert.deepEqual(await entries(to), await entries(from));
  assert.notEqual(to.store.incarnation, from.store.incarnation);
  await to.registry.createNetwork({ name: 'green' });
});

test('an import keeps the ids of both, and the higher count of hosts', async () => {
  const { from, text } = await exported();
  const old = (await from.registry.listNetworks()).find(({ name }) => name === 'blue');
  const to = new Site({ keysBefore: 100 });
  await to.registry.custody.import(parseExport(text));
  const later = await to.registry.createNetwork({ name: 'late' });
  const server = (await to.registry.listHosts())[0]?.id as HostId;
  const { host } = await to.join(server, 'late');
  await to.registry.custody.export({ close: true });
  await to.registry.custody.import(parseExport(text));
  for (const id of [old?.id, later.id]) {
    assert.notEqual(await to.store.get(networkIdKey(id as NetworkId)), undefined);
  }
  assert.equal((await to.registry.listNetworks()).length, 2);
  assert.ok((await to.join(server, 'later')).host.id > host.id);
});

test('an import takes no lease from the hosts that are there', async (t) => {
  const { from, text } = await exported();
  t.after(() => from.store.close());
  const [server] = await from.registry.listHosts();
  const id = server?.id as HostId;
  await from.registry.leases.renew(id, id, []);
  await from.registry.custody.export({ close: true });
  await from.registry.custody.import(parseExport(text));
  assert.equal((await from.registry.leases.list()).length, 1);
});

test('import() refuses a registry in use, one of another site, and half a file', async () => {
  const { from, text } = await exported();
  await assert.rejects(from.registry.custody.import(parseExport(text)), { code: 'VALUE_INVALID' });
  const other = new Site({ random: new SeededRandom(77) });
  await other.start();
  await other.registry.custody.export({ close: true });
  await assert.rejects(other.registry.custody.import(parseExport(text)), /another site/);
  const lines = text.split('\n');
  for (const broken of [
    '',
    'x',
    text.slice(0, -20),
    lines.toSpliced(3, 1).join('\n'),
    text.replace('blue', 'BLUE'),
    lines.slice(0, -2).join('\n'),
  ]) {
    assert.throws(() => parseExport(broken), { code: 'VALUE_INVALID' });
  }
});

test('a registry that was exported to move takes no writes until it is accepted', async () => {
  const { from } = await exported();
  await from.registry.custody.export({ close: true });
  await from.registry.custody.export({ close: true });
  await assert.rejects(from.registry.createNetwork({ name: 'green' }), { code: 'REGISTRY_CLOSED' });
  assert.equal((await from.registry.custody.state()).closure?.reason, 'exported');
  assert.equal((await from.registry.listNetworks()).length, 2);
  await from.registry.custody.accept();
  await from.registry.createNetwork({ name: 'green' });
  await assert.rejects(from.registry.custody.accept(), { code: 'VALUE_INVALID' });
});

test('followers of an empty registry, or one that is being imported, hear nothing', async () => {
  const empty = new Site();
  const first = (site: Site): Promise<unknown> =>
    site.registry
      .follow(new Set(), undefined, AbortSignal.timeout(60_000))
      [Symbol.asyncIterator]()
      .next();
  await assert.rejects(first(empty), { code: 'REGISTRY_EMPTY' });
  const { from } = await exported();
  const closure = { kind: 'closure', reason: 'importing', since: 1, facts: 'it is imported' };
  const write = { type: 'put', key: 'private/closure', value: JSON.stringify(closure) } as const;
  await from.store.transact({ compares: [], writes: [write] });
  await assert.rejects(first(from), { code: 'REGISTRY_CLOSED' });
  await assert.rejects(from.registry.custody.accept(), { code: 'REGISTRY_CLOSED' });
});

test('an older file is another incarnation that gives out no id again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-restore-'));
  t.after(() => rm(folder, { recursive: true }));
  const first = await openSite(t, folder);
  const server = await first.start();
  await first.store.close();
  await copyFile(join(folder, 'registry.db'), join(folder, 'backup.db'));

  const second = await openSite(t, folder, 100);
  const before = second.store.incarnation;
  const network = await second.registry.createNetwork({ name: 'blue' });
  const { app: late } = await second.registry.createApp({ name: 'late', network: 'blue' });
  const { host } = await second.join(server.id, 'two');
  const text = (await second.registry.custody.export({ close: false })).join('');
  await second.store.close();
  await copyFile(join(folder, 'backup.db'), join(folder, 'registry.db'));

  const third = await openSite(t, folder, 200);
  await assert.rejects(third.registry.createNetwork({ name: 'x' }), { code: 'REGISTRY_CLOSED' });
  assert.notEqual(third.store.incarnation, before);
  assert.equal((await third.registry.listNetworks()).length, 1, 'it can be read');
  // It has never heard of the app, which is no reason to end what runs.
  const lost = third.instance(late, server.id, 1);
  const written = third.registry.putInstance(server.id, lost);
  await assert.rejects(written, { code: 'REGISTRY_CLOSED' });
  const state = await third.registry.custody.state();
  assert.equal(state.closure?.reason, 'restored');
  await third.registry.custody.takeOver(server.id, {
    networks: [network.id],
    highestHost: undefined,
  });
  assert.equal((await third.registry.custody.state()).reports, 1);
  const liar = { networks: [], highestHost: (ID_MIN + 900_000) as HostId };
  for (let times = 0; times < 3; times += 1) {
    await third.registry.custody.takeOver(server.id, liar);
  }
  await third.registry.custody.takeOver(undefined, idsOf(parseExport(text)));
  await third.registry.custody.accept();
  assert.notEqual(await third.store.get(networkIdKey(network.id)), undefined);
  const next = (await third.join(server.id, 'three')).host.id;
  assert.ok(next > host.id);
  assert.ok(next < ID_MIN + 5_000, 'a host that lies burns few ids, however often it does');
  assert.equal((await third.registry.custody.state()).reports, 0);
  await third.store.close();

  // Accepted once, it is the registry.
  const fourth = await openSite(t, folder);
  await fourth.registry.createNetwork({ name: 'green' });
  assert.equal(fourth.store.incarnation, third.store.incarnation);
});

test('a host that lies about networks has few of them taken over', async () => {
  const { from: site } = await exported();
  const [server] = await site.registry.listHosts();
  const id = server?.id as HostId;
  await site.store.beginIncarnation([
    putClosure({ reason: 'restored', since: site.clock.wallNow(), facts: 'older' }),
  ]);
  const idsBefore = (await site.store.list([NETWORK_IDS])).entries.length;
  for (const first of [100_000, 200_000, 200_000]) {
    const networks = Array.from({ length: 3_000 }, (_, n) => (first + n) as NetworkId);
    assert.equal(
      await site.registry.custody.takeOver(id, { networks, highestHost: undefined }),
      true,
    );
  }
  const taken = (await site.store.list([NETWORK_IDS])).entries.length - idsBefore;
  assert.equal(taken, 4_096);
  const networks = [300_000 as NetworkId];
  await site.registry.custody.takeOver(undefined, { networks, highestHost: undefined });
  assert.notEqual(await site.store.get(networkIdKey(300_000 as NetworkId)), undefined);
});

test('a server that is killed right after an import finds the registry open', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-import-'));
  t.after(() => rm(folder, { recursive: true }));
  const { text } = await exported();
  // Known from the place that the registry comes from.
  const mark = await RevisionMark.open(join(folder, 'registry.mark'), SILENT_LOGGER);
  mark.note({ incarnation: '0123456789abcdef', number: 1 });
  await mark.flush();
  const { registry, store } = await openSite(t, folder);
  await registry.custody.import(parseExport(text));
  const { incarnation } = store;
  const { revision: number } = await store.list([]);
  // What the killed server leaves on the disk.
  const left = await RevisionMark.open(join(folder, 'registry.mark'), SILENT_LOGGER);
  assert.equal(left.problem({ incarnation, number }, []), undefined);
});

test('a registry that is half imported says so of what it has without the rest', async () => {
  const site = new Site();
  await site.start();
  const blue = await site.registry.createNetwork({ name: 'blue' });
  const value = JSON.stringify({ kind: 'closure', reason: 'importing', since: 1, facts: 'half' });
  await site.store.transact({
    compares: [],
    writes: [
      { type: 'put', key: CLOSURE, value },
      { type: 'delete', key: appCount(blue.id) },
    ],
  });
  const removed = site.registry.removeNetwork({ name: 'blue' });
  await assert.rejects(removed, { code: 'REGISTRY_CLOSED' });
});

test('a registry that takes no writes says so of what it misses and of what it has', async () => {
  const { from } = await exported();
  await from.registry.custody.export({ close: true });
  await assert.rejects(from.registry.removeNetwork({ name: 'new' }), { code: 'REGISTRY_CLOSED' });
  await assert.rejects(from.registry.createNetwork({ name: 'blue' }), { code: 'REGISTRY_CLOSED' });
});

async function exported(): Promise<{ readonly from: Site; readonly text: string }> {
  const from = new Site();
  const server = await from.start();
  await from.registry.createNetwork({ name: 'gone' });
  await from.registry.removeNetwork({ name: 'gone' });
  await from.registry.createApp({ name: 'web', network: 'blue' });
  await from.join(server.id, 'two');
  return { from, text: (await from.registry.custody.export({ close: false })).join('') };
}

async function openSite(t: TestContext, folder: string, keysBefore = 0): Promise<Site> {
  const clock = new ManualClock();
  const mark = await RevisionMark.open(join(folder, 'registry.mark'), SILENT_LOGGER);
  const store = await SqliteStore.open(
    { clock, random: new SeededRandom(Date.now()), logger: SILENT_LOGGER, mark },
    { path: join(folder, 'registry.db') },
  );
  t.after(() => store.close());
  return new Site({ store, keysBefore });
}

// What a server tells a follower.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkId } from '../../src/addressing/ids.ts';
import type { App, FollowEvent, Host, Revision } from '../../src/registry/model.ts';
import { networksOf, Site } from '../fakes/site.ts';

interface Scene {
  readonly site: Site;
  readonly host: Host;
  readonly web: App;
  readonly db: App;
}

test('follow() begins with a reset and all hosts and the networks asked for', async () => {
  const { site, host, web } = await scene();
  const events = await until(site, networksOf(web), undefined, synced);
  assert.equal(events[0]?.type, 'reset');
  assert.equal(events.at(-1)?.type, 'synced');
  assert.deepEqual(names(events), ['app web', 'host one', 'instance i1', 'network blue']);
  const put = events.find((event) => event.type === 'put' && event.record.kind === 'host');
  assert.ok(put?.type === 'put');
  assert.deepEqual(put.record, host);
  assert.deepEqual(names(await until(site, new Set(), undefined, synced)), ['host one']);
});

test('follow() takes any number of networks', async () => {
  const { site, web } = await scene();
  const networks = new Set<NetworkId>();
  for (let i = 0; i < 100; i++) networks.add((0x20_000 + i) as NetworkId);
  assert.deepEqual(names(await until(site, networks, undefined, synced)), ['host one']);
  networks.add(web.network);
  const events = await until(site, networks, undefined, synced);
  assert.deepEqual(names(events), ['app web', 'host one', 'instance i1', 'network blue']);
});

test('follow() is synced after a snapshot that writes overtook', async () => {
  const { site, host } = await scene();
  for (let i = 0; i < 20; i++) {
    const [events] = await Promise.all([
      until(site, new Set(), undefined, synced),
      site.registry.updateHost(host.id, { region: `r${i}` }),
    ]);
    assert.equal(events.at(-1)?.type, 'synced');
  }
});

test('follow() goes on with every change of what it began with', async () => {
  const { site, host, web } = await scene();
  const position = await positionOf(site, networksOf(web));
  await site.registry.createApp({ name: 'third', network: 'blue' });
  await site.registry.createApp({ name: 'fourth', network: 'green' });
  await site.join(host.id, 'two');
  await site.registry.removeApp('third');
  const events = await until(site, networksOf(web), position, synced);
  assert.deepEqual(
    events.map((event) => (event.type === 'put' ? `put ${event.record.kind}` : event.type)),
    ['put app', 'put host', 'remove', 'synced'],
  );
});

test('follow() says at once that nothing has changed', async () => {
  const { site, web } = await scene();
  const position = await positionOf(site, networksOf(web));
  const events = await until(site, networksOf(web), position, synced);
  assert.deepEqual(events, [{ type: 'synced', revision: position }]);
  // Also when all that changed is not for this follower.
  await site.registry.createOrganization('acme');
  const [next, ...more] = await until(site, networksOf(web), position, synced);
  assert.ok(next?.type === 'synced' && next.revision.number > position.number);
  assert.deepEqual(more, []);
});

test('follow() says a whole transaction before it says that it is synced', async () => {
  const { site, web } = await scene();
  const network = await site.registry.createNetwork({ name: 'red' });
  const position = await positionOf(site, networksOf(web));
  await site.registry.removeNetwork({ name: 'red' });
  const made = await site.registry.createApp({ name: 'third', network: 'red' });
  const networks = new Set([network.id, made.network.id]);
  const events = await until(site, networks, position, synced);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['remove', 'put', 'put', 'synced'],
  );
});

test('follow() tells the revision now and then while nothing is for the follower', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { site, host } = await scene();
  const position = await positionOf(site, new Set());
  const { app } = await site.registry.createApp({ name: 'busy', network: 'red' });
  const aborts = new AbortController();
  const events = site.registry.follow(new Set(), position, aborts.signal);
  const iterator = events[Symbol.asyncIterator]();
  const first = await iterator.next();
  await site.registry.putInstance(host.id, site.instance(app, host.id, 9));
  const next = iterator.next();
  t.mock.timers.tick(60_000);
  const [before, after] = [first.value, (await next).value];
  assert.ok(before?.type === 'synced' && after?.type === 'synced');
  assert.ok(after.revision.number > before.revision.number);
  aborts.abort();
});

test('follow() begins anew for another incarnation and for what is to come', async () => {
  const { site, web } = await scene(16);
  const networks = networksOf(web);
  const position = await positionOf(site, networks);
  const other: Revision = { incarnation: '0123456789abcdef', number: position.number };
  const future: Revision = { ...position, number: position.number + 1 };
  for (const after of [other, future]) {
    const events = await until(site, networks, after, synced);
    assert.equal(events[0]?.type, 'reset');
  }
});

test('follow() ends without an error when its signal aborts', async () => {
  const { site } = await scene();
  const aborts = new AbortController();
  const types: string[] = [];
  for await (const event of site.registry.follow(new Set(), undefined, aborts.signal)) {
    types.push(event.type);
    if (event.type === 'synced') aborts.abort();
  }
  assert.deepEqual(types, ['reset', 'put', 'put', 'synced']);
});

test('follow() never tells a secret or an invite', async () => {
  const { site, host, web, db } = await scene();
  const networks = networksOf(web, db);
  const position = await positionOf(site, networks);
  const invite = await site.invite(host.id);
  const { secret } = await site.join(host.id, 'two');
  await site.registry.createApp({ name: 'last', network: 'blue' });
  const live = await until(site, networks, position, synced);
  const fresh = await until(site, networks, undefined, synced);
  for (const events of [live, fresh]) {
    const text = JSON.stringify(events);
    assert.ok(text.includes('"two"'));
    assert.ok(!text.includes(secret) && !text.includes('secret'));
    assert.ok(!text.includes(invite.publicKey) && !text.includes('invite'));
  }
});

async function scene(revisionsKept = 10_000): Promise<Scene> {
  const site = new Site({ revisionsKept });
  const host = await site.start();
  const { app: web } = await site.registry.createApp({ name: 'web', network: 'blue' });
  const { app: db } = await site.registry.createApp({ name: 'db', network: 'green' });
  await site.registry.putInstance(host.id, site.instance(web, host.id, 1));
  await site.registry.putInstance(host.id, site.instance(db, host.id, 2));
  return { site, host, web, db };
}

/** The events up to the first for which `done` says so. */
async function until(
  site: Site,
  networks: ReadonlySet<NetworkId>,
  after: Revision | undefined,
  done: (event: FollowEvent) => boolean,
): Promise<FollowEvent[]> {
  const events: FollowEvent[] = [];
  const aborts = new AbortController();
  for await (const event of site.registry.follow(networks, after, aborts.signal)) {
    events.push(event);
    if (done(event)) break;
  }
  aborts.abort();
  return events;
}

function synced(event: FollowEvent): boolean {
  return event.type === 'synced';
}

async function positionOf(site: Site, networks: ReadonlySet<NetworkId>): Promise<Revision> {
  const last = (await until(site, networks, undefined, synced)).at(-1);
  assert.ok(last?.type === 'synced');
  return last.revision;
}

function names(events: readonly FollowEvent[]): string[] {
  return events
    .flatMap((event) => (event.type === 'put' && 'name' in event.record ? [event.record] : []))
    .map(({ kind, name }) => `${kind} ${name}`)
    .sort();
}

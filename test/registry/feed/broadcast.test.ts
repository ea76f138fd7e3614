// One watch for any number of followers: what each is told, and what it costs the store.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkId } from '../../../src/addressing/ids.ts';
import { Broadcast } from '../../../src/registry/feed/broadcast.ts';
import { Listings } from '../../../src/registry/feed/listings.ts';
import { hostKey } from '../../../src/registry/keys.ts';
import type { App, FollowEvent, Host, Revision } from '../../../src/registry/model.ts';
import { CompactedError, type Store } from '../../../src/registry/store.ts';
import { networksOf, Site } from '../../fakes/site.ts';

/** Longer than a follower waits for what is behind its revision. */
const CATCH_UP_MS = 1_000;

interface Scene {
  readonly site: Site;
  readonly host: Host;
  readonly web: App;
  readonly db: App;
}

/** A follower that reads as it is told to. */
class Reading {
  readonly #aborts = new AbortController();
  readonly #chunks: AsyncIterator<Uint8Array>;

  constructor(broadcast: Broadcast, networks: ReadonlySet<NetworkId>, after?: Revision) {
    const chunks = broadcast.follow(networks, after, this.#aborts.signal);
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async chunk(): Promise<Uint8Array> {
    const { value } = (await this.#chunks.next()) as { value: Uint8Array | undefined };
    return value ?? assert.fail('the feed has ended');
  }

  async events(): Promise<FollowEvent[]> {
    const lines = Buffer.from(await this.chunk())
      .toString()
      .split('\n')
      .slice(0, -1);
    return lines.map((line) => JSON.parse(line) as FollowEvent);
  }

  /** All up to the next "synced". */
  async synced(): Promise<FollowEvent[]> {
    const events: FollowEvent[] = [];
    while (events.at(-1)?.type !== 'synced') events.push(...(await this.events()));
    return events;
  }

  end(): void {
    this.#aborts.abort();
  }
}

test('Broadcast has one watch and one listing of each network for all followers', async () => {
  const { site, web, db } = await scene();
  const calls = { watch: 0, list: 0 };
  const broadcast = new Broadcast(counting(site.store, calls));
  const readings = Array.from({ length: 50 }, () => new Reading(broadcast, networksOf(web, db)));
  await Promise.all(readings.map((reading) => reading.synced()));
  assert.equal(calls.watch, 1);
  assert.equal(calls.list, 3);
});

test('Broadcast makes what it tells of a change once for all', async () => {
  const { site, host, web } = await scene();
  const broadcast = new Broadcast(site.store);
  const readings = Array.from({ length: 3 }, () => new Reading(broadcast, networksOf(web)));
  await Promise.all(readings.map((reading) => reading.synced()));
  await site.registry.putInstance(host.id, site.instance(web, host.id, 7));
  const [first, ...others] = await Promise.all(readings.map((reading) => reading.chunk()));
  for (const other of others) assert.equal(other, first);
});

test('Broadcast hands chunks over as they are taken, and all to one that is slow', async () => {
  const { site, host, web } = await scene();
  const aborts = new AbortController();
  const broadcast = new Broadcast(site.store, { revisionsMax: 4 });
  const events: FollowEvent[] = [];
  const waits: { told?: () => void; taken?: () => void } = {};
  const ended = broadcast.follow(networksOf(web), undefined, aborts.signal).each((chunk) => {
    const lines = Buffer.from(chunk).toString().split('\n').slice(0, -1);
    events.push(...lines.map((line) => JSON.parse(line) as FollowEvent));
    if (events.at(-1)?.type !== 'synced') return undefined;
    waits.told?.();
    return new Promise<void>((resolve) => {
      waits.taken = resolve;
    });
  });
  const synced = (): Promise<void> =>
    new Promise((resolve) => {
      waits.told = resolve;
    });
  await synced();
  for (let n = 2; n < 12; n += 1) {
    await site.registry.putInstance(host.id, site.instance(web, host.id, n));
  }
  await new Promise(setImmediate);
  assert.equal(events.filter(({ type }) => type === 'synced').length, 1);
  const next = synced();
  waits.taken?.();
  await next;
  assert.equal(events.filter(({ type }) => type === 'reset').length, 2);
  aborts.abort();
  waits.taken?.();
  await ended;
});

test('Broadcast tells one that has taken nothing for long each change, in order', async () => {
  const { site, host, web, db } = await scene();
  const broadcast = new Broadcast(site.store);
  const late = new Reading(broadcast, networksOf(web));
  await late.synced();
  for (let n = 0; n < 200; n++) {
    await site.registry.putInstance(host.id, site.instance(n % 2 === 0 ? web : db, host.id, n + 8));
  }
  const told = await late.synced();
  const machines = told.flatMap((event) =>
    event.type === 'put' && event.record.kind === 'instance' ? [event.record.machineId] : [],
  );
  const written = Array.from({ length: 100 }, (_, n) => site.instance(web, host.id, 2 * n + 8));
  assert.deepEqual(
    machines,
    written.map(({ machineId }) => machineId),
  );
});

test('Broadcast wakes nobody for a network that is not followed', async () => {
  const { site, host, web, db } = await scene();
  const broadcast = new Broadcast(site.store);
  const reading = new Reading(broadcast, networksOf(web));
  await reading.synced();
  const next = reading.events();
  await site.registry.putInstance(host.id, site.instance(db, host.id, 7));
  await site.registry.putInstance(host.id, site.instance(web, host.id, 8));
  const keys = (await next).flatMap((event) => (event.type === 'put' ? [event.key] : []));
  assert.equal(keys.length, 1);
  assert.match(keys[0] ?? '', /08$/);
});

test('Broadcast tells a listing that changes are overtaking as a whole', async () => {
  const { site, host, web } = await scene();
  const broadcast = new Broadcast(site.store);
  for (let round = 0; round < 20; round++) {
    const reading = new Reading(broadcast, networksOf(web));
    const [events] = await Promise.all([
      reading.synced(),
      site.registry.putInstance(host.id, site.instance(web, host.id, 100 + round)),
      site.registry.removeInstance(host.id, site.instance(web, host.id, 99 + round).machineId),
    ]);
    const known = new Map<string, unknown>();
    const take = (event: FollowEvent): void => {
      if (event.type === 'put') known.set(event.key, event.record);
      if (event.type === 'remove') known.delete(event.key);
    };
    events.forEach(take);
    const last = events.at(-1);
    assert.ok(last?.type === 'synced');
    const { revision } = await site.store.list([]);
    if (last.revision.number < revision) (await reading.synced()).forEach(take);
    const instances = (await site.store.list(['records/instances/'])).entries;
    const mine = instances.filter(({ value }) => value.includes('"app":"web"'));
    const seen = [...known.keys()].filter((key) => key.startsWith('records/instances/'));
    assert.deepEqual(seen.sort(), mine.map(({ key }) => key).sort());
    reading.end();
  }
});

test('Broadcast begins anew for a reader that is too slow, and not for a quiet one', async () => {
  const { site, host, web, db } = await scene();
  const broadcast = new Broadcast(site.store, { revisionsMax: 16 });
  const slow = new Reading(broadcast, networksOf(web));
  const quiet = new Reading(broadcast, networksOf(db));
  await Promise.all([slow.synced(), quiet.synced()]);
  const waits = quiet.events();
  const instance = site.instance(web, host.id, 1);
  for (let i = 0; i < 40; i++) {
    const state = i % 2 === 0 ? 'started' : 'stopped';
    await site.registry.putInstance(host.id, { ...instance, state });
  }
  const [first] = await slow.events();
  assert.deepEqual(first, { type: 'reset' });
  await slow.synced();
  await site.registry.putInstance(host.id, site.instance(db, host.id, 7));
  assert.equal((await waits)[0]?.type, 'put');
});

test('Broadcast tells a follower of a network more than before no more than that', async () => {
  const { site, web, db } = await scene();
  const broadcast = new Broadcast(site.store);
  const events = await new Reading(broadcast, networksOf(web)).synced();
  const last = events.at(-1);
  assert.ok(last?.type === 'synced');
  const after = { ...last.revision, lacks: [db.network] };
  const more = await new Reading(broadcast, networksOf(web, db), after).synced();
  const told = more.map((event) => (event.type === 'put' ? event.record.kind : event.type));
  assert.deepEqual(told, ['app', 'network', 'synced']);
});

test('Broadcast tells a follower the same however large the site is besides', async () => {
  const { site, host, web } = await scene();
  const broadcast = new Broadcast(site.store);
  const before = await new Reading(broadcast, networksOf(web)).synced();
  const connected = new Reading(broadcast, networksOf(web));
  await connected.synced();
  const next = connected.events();
  for (let n = 0; n < 100; n++) {
    const { app } = await site.registry.createApp({ name: `app-${n}`, network: `net-${n}` });
    await site.registry.putInstance(host.id, site.instance(app, host.id, 1_000 + n));
  }
  const after = await new Reading(broadcast, networksOf(web)).synced();
  assert.deepEqual(after.slice(0, -1), before.slice(0, -1));
  await site.registry.putInstance(host.id, site.instance(web, host.id, 7));
  assert.deepEqual(
    (await next).map(({ type }) => type),
    ['put', 'synced'],
  );
});

test('Broadcast goes on from before it has begun, as far as the store remembers', async () => {
  const { site, host, web } = await scene();
  const { revision: number } = await site.store.list([]);
  const after = { incarnation: site.store.incarnation, number };
  await site.registry.putInstance(host.id, site.instance(web, host.id, 7));
  const events = await new Reading(new Broadcast(site.store), networksOf(web), after).synced();
  assert.deepEqual(
    events.map(({ type }) => type),
    ['put', 'synced'],
  );
});

test('Broadcast reads the past for those that resume, and as much of it as they need', async () => {
  const { site, host, web } = await scene();
  for (let n = 2; n < 9; n += 1) {
    await site.registry.putInstance(host.id, site.instance(web, host.id, n));
  }
  const { revision: head } = await site.store.list([]);
  const watched: number[] = [];
  const broadcast = new Broadcast({
    ...unchanged(site.store),
    watch: (prefix, number, signal) => {
      watched.push(number);
      return site.store.watch(prefix, number, signal);
    },
  });
  await new Reading(broadcast, networksOf(web)).synced();
  for (const behind of [3, 1, 5]) {
    const after = { incarnation: site.store.incarnation, number: head - behind };
    const events = await new Reading(broadcast, networksOf(web), after).synced();
    assert.equal(events.filter(({ type }) => type === 'put').length, behind);
  }
  assert.deepEqual(watched, [head, head - 3, head - 5]);
});

test('Broadcast tells a follower that resumes nothing of the past that it reads', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { site, host, web } = await scene();
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const broadcast = new Broadcast(waiting(site.store, opened));
  const { revision: number } = await site.store.list([]);
  const after = { incarnation: site.store.incarnation, number };
  const reading = new Reading(broadcast, networksOf(web), after);
  const first = reading.synced();
  // It does not wait for the past without end.
  for (let turns = 0; turns < 4; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(CATCH_UP_MS);
  }
  assert.equal((await first).length, 1);
  t.mock.timers.reset();
  open();
  await site.registry.putInstance(host.id, site.instance(web, host.id, 7));
  const events = await reading.synced();
  assert.deepEqual(
    events.map(({ type }) => type),
    ['put', 'synced'],
  );
  reading.end();
});

test('Broadcast tells all anew past a change that cannot be read', async () => {
  const { site, host, web } = await scene();
  const broadcast = new Broadcast(site.store);
  const reading = new Reading(broadcast, networksOf(web));
  await reading.synced();
  const key = hostKey(host.id);
  const { value } = (await site.store.get(key)) ?? assert.fail();
  for (const text of ['{', value]) {
    await site.store.transact({ compares: [], writes: [{ type: 'put', key, value: text }] });
  }
  const told = await reading.synced();
  assert.equal(told[0]?.type, 'reset');
  assert.ok(told.some((event) => event.type === 'put' && event.key === key));
});

test('Broadcast ends its followers with what ends its watch, and serves the next', async () => {
  const { site, web } = await scene();
  const aborts = new AbortController();
  const store = failing(site.store, aborts.signal);
  const broadcast = new Broadcast(store);
  const reading = new Reading(broadcast, networksOf(web));
  await reading.synced();
  const next = reading.events();
  aborts.abort();
  await assert.rejects(next, /the store is away/);
  assert.equal((await new Reading(broadcast, networksOf(web)).synced())[0]?.type, 'reset');
});

test('Broadcast goes on when a long watch ends, and tells its followers anew later', async (t) => {
  // A server has other things that keep it running.
  const running = setInterval(() => undefined, 60_000);
  t.after(() => clearInterval(running));
  const { site, host, web } = await scene();
  const aborts = new AbortController();
  const broadcast = new Broadcast(failing(site.store, aborts.signal, new CompactedError('list')));
  const reading = new Reading(broadcast, networksOf(web));
  await reading.synced();
  const now = performance.now();
  t.mock.method(performance, 'now', () => now + 600_000);
  // What is told later is told by a timer that keeps no process alive.
  const alive = setInterval(() => undefined, 60_000);
  t.after(() => clearInterval(alive));
  const next = reading.events();
  aborts.abort();
  await site.registry.putInstance(host.id, site.instance(web, host.id, 7));
  // The change may come first; then the only follower has its turn, and is told all again.
  let events = await next;
  while (events[0]?.type !== 'reset') events = await reading.events();
  const keys = (await reading.synced()).flatMap((event) =>
    event.type === 'put' ? [event.key] : [],
  );
  assert.ok(keys.some((key) => key.endsWith('07')));
});

test('Listings are read anew after a change, and those that nobody reads are bounded', async () => {
  const { site, web } = await scene();
  const calls = { watch: 0, list: 0 };
  const listings = new Listings(counting(site.store, calls));
  const first = await listings.get(web.network);
  assert.equal(await listings.get(web.network), first);
  listings.changed(web.network);
  assert.notEqual(await listings.get(web.network), first);
  assert.equal(calls.list, 2);
  const strangers = Array.from({ length: 100 }, (_, n) => (0x2_0000 + n) as NetworkId);
  await Promise.all(strangers.map((network) => listings.get(network)));
  assert.ok(listings.bytes > 0 && listings.bytes < 100_000);
});

async function scene(): Promise<Scene> {
  const site = new Site();
  const host = await site.start();
  const { app: web } = await site.registry.createApp({ name: 'web', network: 'blue' });
  const { app: db } = await site.registry.createApp({ name: 'db', network: 'green' });
  await site.registry.putInstance(host.id, site.instance(web, host.id, 1));
  return { site, host, web, db };
}

/** `store`, counting what is asked of it; the revision alone is not counted as a list. */
function counting(store: Store, calls: { watch: number; list: number }): Store {
  return {
    ...unchanged(store),
    list: (prefixes) => {
      if (prefixes.length > 0) calls.list += 1;
      return store.list(prefixes);
    },
    watch: (...words) => {
      calls.watch += 1;
      return store.watch(...words);
    },
  };
}

/** `store` with watches that say nothing until `opened` has resolved. */
function waiting(store: Store, opened: Promise<void>): Store {
  return {
    ...unchanged(store),
    watch: async function* (...words) {
      await opened;
      yield* store.watch(...words);
    },
  };
}

/** `store` with a first watch that fails when `signal` aborts. */
function failing(
  store: Store,
  signal: AbortSignal,
  error: Error = new Error('the store is away'),
): Store {
  return {
    ...unchanged(store),
    watch: async function* (prefix, after, ends) {
      yield* store.watch(prefix, after, signal.aborted ? ends : AbortSignal.any([signal, ends]));
      if (!ends.aborted && signal.aborted) throw error;
    },
  };
}

function unchanged(store: Store): Store {
  return {
    incarnation: store.incarnation,
    restored: store.restored,
    beginIncarnation: (writes) => store.beginIncarnation(writes),
    get: (key) => store.get(key),
    glance: (key) => store.glance(key),
    list: (prefixes) => store.list(prefixes),
    transact: (transaction) => store.transact(transaction),
    watch: (prefix, after, signal) => store.watch(prefix, after, signal),
    grantLease: (ttlMs) => store.grantLease(ttlMs),
    renewLease: (lease) => store.renewLease(lease),
    revokeLease: (lease) => store.revokeLease(lease),
    close: () => store.close(),
  };
}

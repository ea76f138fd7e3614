// The rules of the registry under concurrency: many at once, on several servers of one store, with
// a random source that is cut to few values.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { ID_MIN } from '../../src/addressing/ids.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Random } from '../../src/base/random.ts';
import { EtcdStore } from '../../src/registry/etcd/etcd-store.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { SqliteStore } from '../../src/registry/sqlite/sqlite-store.ts';
import type { Store } from '../../src/registry/store.ts';
import { change } from '../../src/registry/transaction.ts';
import { ETCD_MISSING, EtcdCluster } from '../fakes/etcd.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { ENROLMENT_KEY, Site } from '../fakes/site.ts';

const CREATORS = 20;

let cluster: EtcdCluster;
let roots = 0;

before(async () => {
  if (ETCD_MISSING === undefined) {
    cluster = await EtcdCluster.start({ heartbeatMs: 10, flags: ['--unsafe-no-fsync'] });
  }
});
after(() => cluster?.stop());

testOnStores('networks that are made at once get an id each, redrawn when taken', async (site) => {
  await site.start();
  const random = site.random as CutRandom;
  random.cut = true;
  const servers = [site.registry, site.secondServer(), site.secondServer()];
  const names = Array.from({ length: CREATORS }, (_, i) => `n${i}`);
  const networks = await Promise.all(
    names.map((name, i) => pick(servers, i).createNetwork({ name })),
  );
  const ids = new Set(networks.map(({ id }) => id));
  assert.equal(ids.size, CREATORS);
  assert.ok(random.draws > CREATORS, 'no draw was repeated');
  assert.equal((await site.registry.listNetworks()).length, CREATORS + 1);
});

testOnStores('networks of many organizations that are made at once share no id', async (site) => {
  await site.start();
  const servers = [site.registry, site.secondServer()];
  const organizations = Array.from({ length: CREATORS }, (_, i) => `o${i}`);
  for (const name of organizations) await site.registry.createOrganization(name);
  (site.random as CutRandom).cut = true;
  const networks = await Promise.all(
    organizations.map((organization, i) =>
      pick(servers, i).createNetwork({ name: 'n', organization }),
    ),
  );
  assert.equal(new Set(networks.map(({ id }) => id)).size, CREATORS);
});

testOnStores('networks of one name that are made at once become one', async (site) => {
  await site.start();
  const servers = [site.registry, site.secondServer()];
  const results = await Promise.allSettled(
    Array.from({ length: CREATORS }, (_, i) =>
      pick(servers, i).createNetwork({ name: i % 2 === 0 ? 'blue' : 'BLUE' }),
    ),
  );
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  assertReasons(results, ['NAME_TAKEN']);
});

testOnStores('apps that are made at once share the network that they make', async (site) => {
  await site.start();
  const servers = [site.registry, site.secondServer()];
  const apps = await Promise.all(
    Array.from({ length: CREATORS }, (_, i) =>
      pick(servers, i).createApp({ name: `a${i}`, network: 'blue' }),
    ),
  );
  assert.equal(new Set(apps.map(({ app }) => app.network)).size, 1);
  assert.equal(apps.filter(({ networkCreated }) => networkCreated).length, 1);
});

testOnStores('hosts that enrol at once get an id each, in a row', async (site) => {
  const server = await site.start();
  const servers = [site.registry, site.secondServer()];
  const hosts = await Promise.all(
    Array.from({ length: CREATORS }, async (_, i) => {
      const { number } = await site.invite(server.id);
      const request = {
        ...{ invite: { server: server.id, number }, publicKey: site.freshKey() },
        ...{ name: `h${i}`, endpoints: [] },
      };
      return (await pick(servers, i).enrol(request, ENROLMENT_KEY)).host.id;
    }),
  );
  const expected = Array.from({ length: CREATORS }, (_, i) => ID_MIN + 1 + i);
  assert.deepEqual(hosts.sort(), expected);
});

testOnStores('one of many keys wins an invite, and its host is made once', async (site) => {
  const server = await site.start();
  const { number } = await site.invite(server.id);
  const keys = Array.from({ length: 5 }, () => site.freshKey());
  const results = await Promise.allSettled(
    Array.from({ length: CREATORS }, (_, i) => {
      const publicKey = pick(keys, i);
      const invite = { server: server.id, number };
      const request = { invite, publicKey, name: `h${i % 5}`, endpoints: [] };
      return site.registry.enrol(request, ENROLMENT_KEY);
    }),
  );
  const answers = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  assert.equal(answers.length, CREATORS / 5);
  assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
  assertReasons(results, ['INVITE_USED']);
  assert.equal((await site.registry.listHosts()).length, 2);
});

testOnStores('an app is removed or gets an instance, never both', async (site) => {
  const { id } = await site.start();
  const other = site.secondServer();
  for (let round = 0; round < CREATORS; round++) {
    const name = `a${round}`;
    const { app } = await site.registry.createApp({ name, network: `n${round}` });
    const instance = site.instance(app, id, round);
    const put = (): Promise<unknown> => other.putInstance(id, instance);
    const removal = (): Promise<unknown> => site.registry.removeApp(name);
    const [first, second] = round % 2 === 0 ? [put, removal] : [removal, put];
    const results = await Promise.allSettled([first(), second()]);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    assertReasons(results, ['APP_IN_USE', 'NOT_FOUND']);
    const exists = (await site.registry.lookupApp(name)) !== undefined;
    const instances = await site.registry.listInstances({ network: app.network });
    assert.equal(instances.length, exists ? 1 : 0);
  }
});

testOnStores('a network is removed or gets an app, never both', async (site) => {
  await site.start();
  const other = site.secondServer();
  for (let round = 0; round < CREATORS; round++) {
    const network = `n${round}`;
    const made = await site.registry.createNetwork({ name: network });
    await Promise.allSettled([
      other.createApp({ name: `a${round}`, network }),
      site.registry.removeNetwork({ name: network }),
    ]);
    // Whoever was first: the app's network exists, be it the old one or one of a new id.
    const found = await site.registry.lookupApp(`a${round}`);
    assert.ok(found);
    const networks = (await site.registry.listNetworks()).filter(({ name }) => name === network);
    assert.deepEqual(networks, [found.network]);
    if (found.network.createdAt !== made.createdAt) assert.notEqual(found.network.id, made.id);
  }
});

testOnStores('instances that a host writes at once are all counted', async (site) => {
  const { id } = await site.start();
  const { app } = await site.registry.createApp({ name: 'web' });
  const instances = Array.from({ length: CREATORS }, (_, i) => site.instance(app, id, i));
  await Promise.all(instances.map((one) => site.registry.putInstance(id, one)));
  await assert.rejects(site.registry.removeApp('web'), { code: 'APP_IN_USE' });
  await Promise.all(instances.map(({ machineId }) => site.registry.removeInstance(id, machineId)));
  await site.registry.removeApp('web');
});

test('change() gives up when others are always faster', async () => {
  const site = new Site();
  const { store, clock, random, signer } = site;
  const context = { store, clock, random, signer, logger: SILENT_LOGGER };
  let attempts = 0;
  const losing = change(context, 'count', async (transaction) => {
    attempts += 1;
    await transaction.get('a');
    await store.transact({ compares: [], writes: [{ type: 'put', key: 'a', value: '' }] });
    transaction.put('b', '');
  });
  await assert.rejects(losing, { code: 'CHANGED_MEANWHILE', message: /^Cannot count: / });
  assert.ok(attempts >= 50);
  assert.equal(await store.get('b'), undefined);
});

test('change() does not believe an error that came of a state which is past', async () => {
  const site = new Site();
  const { store, clock, random, signer } = site;
  const context = { store, clock, random, signer, logger: SILENT_LOGGER };
  let attempts = 0;
  const result = await change(context, 'count', async (transaction) => {
    attempts += 1;
    if ((await transaction.get('a')) === undefined) {
      await store.transact({ compares: [], writes: [{ type: 'put', key: 'a', value: '' }] });
      throw new Error('there is no a');
    }
    return attempts;
  });
  assert.equal(result, 2);
});

/** A random source whose network ids are of 64 values once it is cut. */
class CutRandom implements Random {
  cut = false;
  draws = 0;
  readonly #random = new SeededRandom(3);

  fill(bytes: Uint8Array): void {
    this.#random.fill(bytes);
    if (!this.cut || bytes.length !== 4) return;
    this.draws += 1;
    bytes.set([0, 0, 0, (bytes[3] ?? 0) & 63]);
  }
}

function testOnStores(criterion: string, body: (site: Site) => Promise<void>): void {
  test(`${criterion} (memory)`, () => body(new Site({ random: new CutRandom() })));
  test(`${criterion} (sqlite)`, async (t) => {
    await body(new Site({ random: new CutRandom(), store: await sqliteStore(t) }));
  });
  test(`${criterion} (etcd)`, { skip: ETCD_MISSING ?? false }, async (t) => {
    await body(new Site({ random: new CutRandom(), store: etcdStore(t) }));
  });
}

function etcdStore(t: TestContext): Store {
  roots += 1;
  const store = new EtcdStore(
    { random: new SeededRandom(4), logger: SILENT_LOGGER },
    { endpoints: cluster.endpoints, root: `site${roots}` },
  );
  t.after(() => store.close());
  return store;
}

async function sqliteStore(t: TestContext): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-registry-'));
  const store = await SqliteStore.open(
    { clock: new ManualClock(), random: new SeededRandom(4), logger: SILENT_LOGGER },
    { path: join(folder, 'registry.db') },
  );
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return store;
}

function pick<T extends Registry | string>(all: readonly T[], i: number): T {
  const one = all[i % all.length];
  assert.ok(one);
  return one;
}

function assertReasons(
  results: readonly PromiseSettledResult<unknown>[],
  codes: readonly string[],
): void {
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    const { code } = result.reason as { code?: string };
    assert.ok(codes.includes(code ?? ''), String(result.reason));
  }
}

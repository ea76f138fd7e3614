// The store in etcd keeps to the port, on a real etcd, and to what it says of outcomes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { SILENT_LOGGER } from '../../../src/base/logger.ts';
import { EtcdStore, type EtcdStoreOptions } from '../../../src/registry/etcd/etcd-store.ts';
import type { StoreResult, StoreRevision } from '../../../src/registry/store.ts';
import { collect, keyOf, keys, put } from '../../conformance/store-calls.ts';
import { testStore } from '../../conformance/store-suite.ts';
import { ETCD_MISSING, EtcdCluster } from '../../fakes/etcd.ts';
import { HeldWay } from '../../fakes/held-way.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';

let cluster: EtcdCluster;
let roots = 0;

before(async () => {
  if (ETCD_MISSING === undefined) {
    cluster = await EtcdCluster.start({ heartbeatMs: 10, flags: ['--unsafe-no-fsync'] });
  }
});
after(() => cluster?.stop());

testStore('EtcdStore', () => ({
  skip: ETCD_MISSING,
  hasOwnClock: true,
  open: (_clock, revisionsKept) => Promise.resolve(open({ revisionsKept })),
  remove: () => Promise.resolve(),
}));

check('EtcdStore keeps two servers apart and shows each what the other writes', async () => {
  const root = freshRoot();
  const [one, two] = [open({ root }), open({ root })];
  const { revision } = await one.list([]);
  const seen = two.watch('', revision, AbortSignal.timeout(60_000))[Symbol.asyncIterator]();
  await put(one, 'a', '1');
  const first = await seen.next();
  assert.deepEqual(
    (first.value as StoreRevision | undefined)?.changes.map(
      (change) => change.type === 'put' && change.entry.value,
    ),
    ['1'],
  );
  assert.equal((await two.get('a'))?.value, '1');
  assert.equal(one.incarnation, two.incarnation);
  await Promise.all([one.close(), two.close()]);
});

check('EtcdStore begins a new incarnation on every server', async () => {
  const root = freshRoot();
  const [one, two] = [open({ root }), open({ root })];
  await put(one, 'a', '1');
  const { revision } = await two.list(['']);
  const before = two.incarnation;
  const watching = two.watch('', revision, AbortSignal.timeout(60_000))[Symbol.asyncIterator]();
  const ended = assert.rejects(watching.next(), { name: 'CompactedError' });
  assert.equal(await one.beginIncarnation([{ type: 'put', key: 'b', value: '2' }]), true);
  await ended;
  assert.notEqual(one.incarnation, before);
  assert.equal((await two.get('b'))?.value, '2');
  await put(two, 'c', '3');
  assert.equal(two.incarnation, one.incarnation);
  await Promise.all([one.close(), two.close()]);
});

check('EtcdStore writes what comes together at once, and refuses each by itself', async () => {
  const store = open({});
  const revision = await put(store, 'a', '1');
  const lapsed = await store.grantLease(60_000);
  await store.revokeLease(lapsed);
  const written = (key: string, modRevision: number): Promise<StoreResult> =>
    store.transact({
      compares: [{ key: 'a', modRevision }],
      writes: [{ type: 'put', key, value: key }],
    });
  const together = [written('b', revision), written('c', revision + 1), written('d', revision)];
  const leased = assert.rejects(put(store, 'e', '1', lapsed), { code: 'NOT_FOUND' });
  const [b, c, d] = await Promise.all(together);
  await leased;
  assert.ok(b?.committed && d?.committed);
  assert.equal(b.revision, d.revision);
  assert.deepEqual(c, { committed: false });
  assert.deepEqual(await keys(store, ''), ['a', 'b', 'd']);
  const [seen] = await collect(store, '', revision, 1);
  assert.deepEqual(seen?.changes.map(keyOf), ['b', 'd']);
  // A delete leaves nothing that proves it, so none shares its transaction with another.
  const deletes = ['b', 'd'].map((key) =>
    store.transact({ compares: [], writes: [{ type: 'delete', key }] }),
  );
  const [first, second] = await Promise.all(deletes);
  assert.ok(first?.committed && second?.committed);
  assert.notEqual(first.revision, second.revision);
  await store.close();
});

check('EtcdStore lets no two that come together pass by what the other writes', async () => {
  const store = open({});
  const other = { x: 'y', y: 'x' } as const;
  for (let round = 0; round < 10; round++) {
    const results = (['x', 'y'] as const).map((key) =>
      store.transact({
        compares: [{ key: `${round}/${other[key]}`, modRevision: 0 }],
        writes: [{ type: 'put', key: `${round}/${key}`, value: '' }],
      }),
    );
    const committed = (await Promise.all(results)).filter((result) => result.committed);
    assert.equal(committed.length, 1);
    assert.equal((await keys(store, `${round}/`)).length, 1);
  }
  await store.close();
});

check(
  'EtcdStore finds out what was done of what came together when an answer is lost',
  async () => {
    const [target = ''] = cluster.endpoints;
    const way = await HeldWay.to(target);
    const root = freshRoot();
    const store = open({ root, endpoints: [way.endpoint] });
    const revision = await put(store, 'a', '1');
    way.holdFrom('/data/b2');
    const results = [revision, revision + 1, revision].map((modRevision, n) =>
      store.transact({
        compares: [{ key: 'a', modRevision }],
        writes: [{ type: 'put', key: `b${n}`, value: 'done' }],
      }),
    );
    while (!cluster.control(0, 'get', `${root}/data/b2`).stdout.includes('done')) await delay(1);
    way.cut();
    const committed = (await Promise.all(results)).map((result) => result.committed);
    assert.deepEqual(committed, [true, false, true]);
    assert.deepEqual(await keys(store, 'b'), ['b0', 'b2']);
    await store.close();
    await way.close();
  },
);

check('EtcdStore does nothing twice when what was done cannot be found out', async () => {
  const [target = ''] = cluster.endpoints;
  const way = await HeldWay.to(target);
  const root = freshRoot();
  const store = open({ root, endpoints: [way.endpoint] });
  const revision = await put(store, 'a', '1');
  way.holdFrom('/data/b1');
  const results = ['b0', 'b1'].map((key) =>
    store.transact({
      compares: [{ key: 'a', modRevision: revision }],
      writes: [{ type: 'put', key, value: 'done' }],
    }),
  );
  while (!cluster.control(0, 'get', `${root}/data/b1`).stdout.includes('done')) await delay(1);
  const { stdout } = cluster.control(0, 'put', 'other', '', '--write-out=json');
  const { header } = JSON.parse(stdout) as { header: { revision: number } };
  cluster.control(0, 'compact', `${header.revision}`);
  way.cut();
  for (const result of results) await assert.rejects(result, { code: 'REGISTRY_UNAVAILABLE' });
  const [done, last] = await Promise.all([store.get('b0'), store.get('b1')]);
  assert.deepEqual(
    [done?.modRevision, last?.modRevision],
    [done?.createRevision, done?.createRevision],
  );
  await store.close();
  await way.close();
});

check('EtcdStore renews, revokes and loses leases', async () => {
  const store = open({});
  const lease = await store.grantLease(1_000);
  const { revision } = await store.list(['']);
  await put(store, 'a', '1', lease);
  assert.equal(await store.renewLease(lease), true);
  const ended: string[] = [];
  for await (const { changes } of store.watch('a', revision, AbortSignal.timeout(60_000))) {
    ended.push(...changes.map(({ type }) => type));
    if (ended.includes('delete')) break;
  }
  assert.deepEqual(ended, ['put', 'delete']);
  assert.equal(await store.renewLease(lease), false);
  assert.equal(await store.renewLease('unknown'), false);
  await assert.rejects(put(store, 'a', '1', lease), { code: 'NOT_FOUND' });
  await assert.rejects(put(store, 'a', '1', 'unknown'), { code: 'NOT_FOUND' });
  const other = await store.grantLease(60_000);
  await put(store, 'b', '1', other);
  await store.revokeLease(other);
  await store.revokeLease(other);
  assert.equal(await store.get('b'), undefined);
  await store.close();
});

test('EtcdStore waits for an etcd that is away, then says so', async () => {
  const store = new EtcdStore(
    { random: new SeededRandom(5), logger: SILENT_LOGGER },
    { endpoints: ['127.0.0.1:9'] },
  );
  const call = store.get('a');
  await store.close();
  await assert.rejects(call, { code: 'REGISTRY_UNAVAILABLE' });
});

function check(name: string, body: () => Promise<void>): void {
  test(name, { skip: ETCD_MISSING ?? false }, body);
}

function open(options: Partial<EtcdStoreOptions>): EtcdStore {
  return new EtcdStore(
    { random: new SeededRandom(Date.now() % 1_000_000), logger: SILENT_LOGGER },
    { endpoints: cluster.endpoints, root: freshRoot(), ...options },
  );
}

function freshRoot(): string {
  roots += 1;
  return `site${roots}`;
}

// What etcd takes and tells at once has limits: nothing is lost by them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { EtcdStore } from '../../src/registry/etcd/etcd-store.ts';
import { type StoreWrite, TRANSACTION_WRITES_MAX } from '../../src/registry/store.ts';
import { collect, collectUntil, put } from '../conformance/store-calls.ts';
import { ETCD_MISSING, EtcdCluster } from '../fakes/etcd.ts';
import { HeldWay } from '../fakes/held-way.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const skip = ETCD_MISSING ?? false;
/** etcd tells of a thousand revisions at once: with so many changes more than one may have. */
const REVISIONS = 560;

test('EtcdStore hears of very many changes at once', { skip }, async (t) => {
  const cluster = await EtcdCluster.start({ heartbeatMs: 10, flags: ['--unsafe-no-fsync'] });
  t.after(() => cluster.stop());
  const [target = ''] = cluster.endpoints;
  const way = await HeldWay.to(target);
  t.after(() => way.close());
  const [one, away] = [open([target]), open([way.endpoint])];
  t.after(() => Promise.all([one.close(), away.close()]));
  const start = await put(away, 'first', '');
  const live = collect(away, 'last', start, 1);
  way.holdFrom('p6n/');
  const asked = away.get('first');
  const writes = Array.from(
    { length: TRANSACTION_WRITES_MAX },
    (_, n): StoreWrite => ({ type: 'put', key: `k${n}`, value: '' }),
  );
  await Promise.all(
    Array.from({ length: REVISIONS }, () => one.transact({ compares: [], writes })),
  );
  await put(one, 'last', '');
  way.cut();
  assert.equal((await live).length, 1);
  assert.equal((await asked)?.modRevision, start);
  const past = await collectUntil(away, '', start, 'last');
  const changes = past.map((revision) => revision.changes.length).filter((count) => count > 0);
  assert.deepEqual(changes, [...Array.from({ length: REVISIONS }, () => writes.length), 1]);
});

test('EtcdStore writes each by itself where etcd takes less', { skip }, async (t) => {
  const flags = ['--unsafe-no-fsync', '--max-txn-ops=16'];
  const cluster = await EtcdCluster.start({ heartbeatMs: 10, flags });
  t.after(() => cluster.stop());
  const store = open(cluster.endpoints);
  t.after(() => store.close());
  const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
  const revisions = await Promise.all(keys.map((key) => put(store, key, '')));
  assert.equal(new Set(revisions).size, keys.length);
  const { entries } = await store.list(['k']);
  assert.deepEqual(
    entries.map(({ key }) => key),
    keys.toSorted(),
  );
});

function open(endpoints: readonly string[]): EtcdStore {
  return new EtcdStore(
    { random: new SeededRandom(5), logger: SILENT_LOGGER },
    { endpoints, root: 'p6n', writer: endpoints.join() },
  );
}

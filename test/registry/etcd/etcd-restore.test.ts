// An etcd that comes back from a snapshot is known to be older: by a server that runs on, and by
// one that starts again with its mark.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SILENT_LOGGER } from '../../../src/base/logger.ts';
import { EtcdStore } from '../../../src/registry/etcd/etcd-store.ts';
import { RevisionMark } from '../../../src/registry/revision-mark.ts';
import { put } from '../../conformance/store-calls.ts';
import { ETCD_MISSING, EtcdCluster } from '../../fakes/etcd.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';

test('EtcdStore knows a snapshot that was restored', { skip: ETCD_MISSING ?? false }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-snapshot-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const cluster = await EtcdCluster.start({ heartbeatMs: 10, flags: ['--unsafe-no-fsync'] });
  t.after(() => cluster.stop());
  const readMark = (): Promise<RevisionMark> =>
    RevisionMark.open(join(folder, 'registry.mark'), SILENT_LOGGER);
  const open = async (): Promise<EtcdStore> => {
    const mark = await readMark();
    const dependencies = { random: new SeededRandom(11), logger: SILENT_LOGGER, mark };
    return new EtcdStore(dependencies, { endpoints: cluster.endpoints });
  };
  const first = await open();
  await put(first, 'a', '1');
  const snapshot = join(folder, 'snapshot');
  assert.equal(cluster.control(0, 'snapshot', 'save', snapshot).status, 0);
  for (let number = 0; number < 20; number++) await put(first, 'b', `${number}`);
  const before = first.incarnation;
  await restore(cluster, snapshot, folder);

  await assert.rejects(
    async () => {
      for (;;) await first.get('a');
    },
    { code: 'REGISTRY_UNAVAILABLE' },
  );
  assert.equal((await first.get('a'))?.value, '1');
  assert.equal(await first.get('b'), undefined);
  assert.match(first.restored ?? '', /revision|cluster/);
  await assert.rejects(put(first, 'c', '1'), { code: 'REGISTRY_UNAVAILABLE' });
  await first.close();

  const second = await open();
  assert.equal((await second.get('a'))?.value, '1');
  assert.notEqual(second.restored, undefined);
  assert.ok(await second.beginIncarnation([{ type: 'put', key: 'closed', value: '' }]));
  assert.equal(second.restored, undefined);
  assert.notEqual(second.incarnation, before);
  const { incarnation } = second;
  const { revision: number } = await second.list([]);
  assert.equal((await readMark()).problem({ incarnation, number }, []), undefined);
  await put(second, 'c', '1');
  await second.close();
});

/** Lets the member come back with what a snapshot holds, under the same name and address. */
async function restore(cluster: EtcdCluster, snapshot: string, folder: string): Promise<void> {
  await cluster.killMember(0);
  const fresh = join(folder, 'data');
  const { initial, peer } = cluster.peers;
  const words = ['snapshot', 'restore', snapshot, '--name=m0', `--data-dir=${fresh}`];
  words.push(`--initial-cluster=${initial}`, `--initial-advertise-peer-urls=${peer}`);
  const options = { env: { ...process.env, ETCDCTL_API: '3' } };
  assert.equal(spawnSync('etcdctl', words, options).status, 0);
  rmSync(cluster.dataFolder(0), { recursive: true });
  renameSync(fresh, cluster.dataFolder(0));
  cluster.startMember(0);
  await cluster.ready();
}

// Somebody who may write to the registry's database and is no server: what is forged, replayed or
// taken away there makes nobody a host and takes no host away.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { toBase64 } from '../../src/base/bytes.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { LinuxClock } from '../../src/os/linux/clock.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';
import { SqliteStore } from '../../src/registry/sqlite/sqlite-store.ts';
import type { Store, StoreWrite } from '../../src/registry/store.ts';
import { Site, type SiteHost, SKIP_REASON, until } from './site.ts';

const HOST_TWO = 'fdaa:0:0:1:1::1';
const TWO_KEY = 'records/hosts/00010001';

interface Status {
  readonly peers: readonly { readonly name: string; readonly public_key: string }[];
  readonly drops: Readonly<Record<string, number>>;
}

describe('the database of a site in the hands of somebody else', { skip: SKIP_REASON }, () => {
  test('makes nobody a host, and takes none away', async (context) => {
    const site = await Site.running(3, context);
    const [one, two, three] = site.hosts as [SiteHost, SiteHost, SiteHost];
    const removed = await atDatabase(one, async (store) => (await entry(store, 3)).value);
    await one.must('hosts', 'remove', 'three');
    await until('the host is gone', async () => !(await peersOf(two)).includes('three'));
    const evil = toBase64(new Uint8Array(32).fill(66));
    await atDatabase(one, async (store) => {
      const { value } = await entry(store, 2);
      const forged = { ...JSON.parse(value), id: 0x1_0009, name: 'evil', publicKey: evil };
      const writes: StoreWrite[] = [
        { type: 'put', key: 'records/hosts/00010009', value: JSON.stringify(forged) },
        // The record of a host that was removed, as it was.
        { type: 'put', key: 'records/hosts/00010002', value: removed },
        { type: 'delete', key: 'records/removals/00010002' },
        { type: 'delete', key: TWO_KEY },
      ];
      await store.transact({ compares: [], writes });
    });
    for (const host of [one, two]) {
      await until('it was seen and refused', async () => {
        const { drops } = await host.json<Status>('status');
        const refused = ['host-signature', 'missing-removal'];
        // Its server removes again what was removed, before others need to see it.
        if (host === one) refused.push('removed-host');
        return refused.every((reason) => drops[`record-${reason}`] === 1);
      });
      const names = await peersOf(host);
      assert.deepEqual(names, [host === one ? 'two' : 'one']);
      assert.match(host.log, /record is refused/);
    }
    await until('what was removed is gone again', async () => {
      const hosts = await one.json<readonly { name: string }[]>('hosts', 'list');
      return hosts.every(({ name }) => name !== 'three');
    });
    assert.equal((await one.exec('ping', '-6', '-c', '1', '-W', '5', HOST_TWO)).code, 0);
    await three.kill();
  });
});

/** Does something to the database of a server while its p6nd does not run. */
async function atDatabase<T>(server: SiteHost, act: (store: Store) => Promise<T>): Promise<T> {
  await server.kill('SIGTERM');
  const dependencies = {
    clock: new LinuxClock(),
    random: SYSTEM_RANDOM,
    logger: SILENT_LOGGER,
  };
  const store = await SqliteStore.open(dependencies, {
    path: join(server.stateDir, 'registry.db'),
  });
  try {
    return await act(store);
  } finally {
    await store.close();
    await server.start();
  }
}

async function entry(store: Store, number: number): Promise<{ readonly value: string }> {
  const found = await store.get(`records/hosts/0001000${number - 1}`);
  assert.ok(found);
  return found;
}

async function peersOf(host: SiteHost): Promise<string[]> {
  return (await host.json<Status>('status')).peers.map(({ name }) => name);
}

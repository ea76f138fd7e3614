// Clusters on a real host: ranks and addresses in environment and names, all or none when a member
// cannot start, when a name is taken, and when p6nd is killed in the middle.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { InstanceView } from '../../src/api/contract/instances.ts';
import { Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';

const RUN = ['instances', 'run', '--app', 'web', '--cluster', '--detach'] as const;

test('clusters start all or none', { skip: SKIP_REASON }, async (t) => {
  const site = await Site.create(t);
  const host = await site.addHost('one');
  await host.start();
  await host.must('apps', 'create', 'web');
  const folder = join(site.folder, 'said');
  mkdirSync(folder);
  const facts = '$P6N_CLUSTER_RANK $P6N_CLUSTER_SIZE $P6N_CLUSTER_IPS';
  const say = `echo ${facts} > ${folder}/$P6N_MACHINE_ID; exec sleep 600`;

  await t.test('members know their ranks and the addresses of all, and so do names', async () => {
    const made = await host.json<InstanceView[]>(
      ...[...RUN, '--count', '3', '--name', 'first', '--', 'sh', '-c', say],
    );
    assert.deepEqual(
      made.map(({ name, state }) => [name, state]),
      [0, 1, 2].map((rank) => [`first-${rank}`, 'started']),
    );
    const addresses = made.map(({ address }) => address);
    for (const [rank, { id }] of made.entries()) {
      const file = join(folder, id);
      await until('its word', async () => Promise.resolve(read(file).endsWith('\n')));
      assert.equal(read(file), `${rank} 3 ${addresses.join(',')}\n`);
      assert.deepEqual(await lookUp(host, `${rank}.cluster.web.internal`), [addresses[rank]]);
    }
    assert.deepEqual(await lookUp(host, '_cluster.web.internal', 'TXT'), [addresses.join(',')]);
    assert.deepEqual(await lookUp(host, '3.cluster.web.internal'), []);
  });

  await t.test('a second cluster of the app is told apart', async () => {
    const made = await host.json<InstanceView[]>(
      ...[...RUN, '--count', '2', '--name', 'second', '--', 'sleep', '600'],
    );
    const first = await host.json<InstanceView>('instances', 'show', 'first-0');
    const { address = '', metadata } = made[0] ?? {};
    const id = metadata?.['p6n_cluster'] ?? '';
    // From outside of both, the name without an id is that of the oldest.
    assert.deepEqual(await lookUp(host, '0.cluster.web.internal'), [first.address]);
    assert.deepEqual(await lookUp(host, `0.${id}.cluster.web.internal`), [address]);
    const ask = async (name: string): Promise<string> => {
      const words = [
        'instances',
        'exec',
        name,
        '--',
        'getent',
        'ahostsv6',
        '0.cluster.web.internal',
      ];
      return (await host.must(...words)).stdout.split(' ')[0] ?? '';
    };
    assert.equal(await ask('second-1'), address);
    assert.equal(await ask('first-2'), first.address);
    await host.must('instances', 'stop', 'second-0');
    assert.deepEqual(await lookUp(host, `0.${id}.cluster.web.internal`), []);
  });

  await t.test('where one cannot start, none stays', async () => {
    const before = await names(host);
    const bad = await host.ctl(...RUN, '--count', '3', '--name', 'bad', '--', '/no/such/program');
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /COMMAND_FAILED/);
    await host.must(
      'instances',
      'run',
      '--app',
      'web',
      '--name',
      'x-1',
      '--detach',
      '--',
      'sleep',
      '9',
    );
    const taken = await host.ctl(...RUN, '--count', '3', '--name', 'x', '--', 'sleep', '600');
    assert.match(taken.stderr, /NAME_TAKEN/);
    assert.deepEqual(await names(host), [...before, 'x-1'].sort());
  });

  await t.test('metadata of clusters are set by nobody else', async () => {
    const set = await host.ctl('instances', 'metadata', 'set', 'first-0', 'p6n_cluster_rank=2');
    assert.match(set.stderr, /VALUE_INVALID/);
    const words = ['instances', 'run', '--app', 'web', '--metadata', 'p6n_cluster=x', '--', 'true'];
    assert.match((await host.ctl(...words)).stderr, /VALUE_INVALID/);
  });

  await t.test('what a kill leaves of a cluster that was being formed goes', async () => {
    const before = await names(host);
    const marker = join(site.folder, 'marker');
    writeFileSync(marker, '');
    const script = `echo x >> ${marker}; exec sleep 600`;
    const forming = host.ctl(...RUN, '--count', '24', '--name', 'half', '--', 'sh', '-c', script);
    await until('some members', async () => Promise.resolve(read(marker) !== ''));
    await host.kill();
    await forming;
    await host.start();
    const left = (await names(host)).filter((name) => name.startsWith('half-'));
    // The kill may have come when all of them ran.
    assert.ok(left.length === 0 || left.length === 24, String(left));
    if (left.length === 0) assert.deepEqual(await names(host), before);
  });
});

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

async function names(host: SiteHost): Promise<string[]> {
  return (await host.json<InstanceView[]>('instances', 'list')).map(({ name }) => name).sort();
}

async function lookUp(host: SiteHost, name: string, type = 'AAAA'): Promise<string[]> {
  const { records } = await host.json<{ records: { type: string; data: string }[] }>(
    ...['dns', 'lookup', name, '--type', type],
  );
  return records
    .filter((record) => record.type === type)
    .map(({ data }) => data.replaceAll('"', ''));
}

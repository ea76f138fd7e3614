// The rules of instances.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId, InstanceId, MachineId, NetworkId } from '../../src/addressing/ids.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import { INSTANCES_PER_CALL_MAX } from '../../src/registry/instances.ts';
import {
  type App,
  type Host,
  type Instance,
  METADATA_BYTES_MAX,
  METADATA_KEY_LENGTH_MAX,
  METADATA_PAIRS_MAX,
  METADATA_VALUE_LENGTH_MAX,
} from '../../src/registry/model.ts';
import { Site } from '../fakes/site.ts';

interface Scene {
  readonly site: Site;
  readonly host: Host;
  readonly other: Host;
  readonly app: App;
}

test('putInstance() writes an instance, again at will, and its states', async () => {
  const { site, host, app } = await scene();
  const created = site.instance(app, host.id, 1, {
    metadata: { role: 'primary' },
    services: [{ name: 'http', port: 80, protocol: 'tcp' }],
    checks: [{ type: 'http', service: 'http', path: '/' }],
    health: 'passing',
  });
  assert.deepEqual(await site.registry.putInstance(host.id, created), created);
  const { revision } = await site.store.list([]);
  await site.registry.putInstance(host.id, created);
  assert.equal((await site.store.list([])).revision, revision);
  for (const state of ['started', 'stopped', 'started'] as const) {
    site.clock.advance(1);
    const updatedAt = site.clock.wallNow();
    const next: Instance = { ...created, state, updatedAt, region: 'ams', metadata: { a: state } };
    await site.registry.putInstance(host.id, next);
    assert.deepEqual(await site.registry.findInstance(created.machineId), next);
  }
});

test('putInstance() writes the fields of an instance and nothing else, in any order', async () => {
  const { site, host, app } = await scene();
  const sound = site.instance(app, host.id, 1);
  await site.registry.putInstance(host.id, sound);
  const { revision } = await site.store.list([]);
  const reversed = Object.fromEntries(Object.entries(sound).reverse()) as unknown as Instance;
  const padded = { ...reversed, padding: 'x'.repeat(1_000) };
  assert.deepEqual(await site.registry.putInstance(host.id, padded), sound);
  assert.equal((await site.store.list([])).revision, revision);
});

test('putInstance() refuses a record that is not sound', async () => {
  const { site, host, other, app } = await scene();
  const elsewhere = await site.registry.createApp({ name: 'db', network: 'green' });
  const sound = site.instance(app, host.id, 1);
  const long = 'x'.repeat(METADATA_VALUE_LENGTH_MAX);
  const cases: readonly (readonly [Partial<Instance>, string])[] = [
    [{ machineId: 'ABCDEF01234567' as MachineId }, 'VALUE_INVALID'],
    [{ app: 'none' }, 'NOT_FOUND'],
    [{ app: 'No' }, 'NAME_INVALID'],
    [{ app: elsewhere.app.name }, 'NOT_FOUND'],
    [{ network: elsewhere.network.id }, 'VALUE_INVALID'],
    [{ network: 0 as NetworkId }, 'VALUE_INVALID'],
    [{ host: other.id }, 'NOT_PERMITTED'],
    [{ instanceId: 2 as InstanceId }, 'VALUE_INVALID'],
    [{ instanceId: (sound.instanceId + 1) as InstanceId }, 'VALUE_INVALID'],
    [{ address: 'fdaa::1' as Ipv6Address }, 'VALUE_INVALID'],
    [{ address: 'nonsense' as Ipv6Address }, 'VALUE_INVALID'],
    [{ name: 'A' }, 'NAME_INVALID'],
    [{ group: 'vms' }, 'NAME_RESERVED'],
    [{ region: 'nearest' }, 'NAME_RESERVED'],
    [{ state: 'lost' as 'created' }, 'VALUE_INVALID'],
    [{ createdAt: Number.NaN as WallMillis }, 'VALUE_INVALID'],
    [{ metadata: { '': 'x' } }, 'VALUE_INVALID'],
    [{ services: [{ name: 'x_y', port: 1, protocol: 'tcp' }] }, 'VALUE_INVALID'],
    [{ services: [{ name: 'x', port: 1 } as never] }, 'VALUE_INVALID'],
    [{ checks: [{ type: 'tcp', service: 'x' }] }, 'VALUE_INVALID'],
    [{ health: 'well' as never }, 'VALUE_INVALID'],
    [{ metadata: { ['k'.repeat(METADATA_KEY_LENGTH_MAX + 1)]: '' } }, 'VALUE_INVALID'],
    [{ metadata: { k: `${long}x` } }, 'VALUE_INVALID'],
    [{ metadata: pairs(METADATA_PAIRS_MAX + 1, '') }, 'VALUE_INVALID'],
    [{ metadata: pairs(METADATA_BYTES_MAX / long.length, long) }, 'VALUE_INVALID'],
    [{ metadata: { k: 1 as unknown as string } }, 'VALUE_INVALID'],
  ];
  for (const [change, code] of cases) {
    const put = site.registry.putInstance(host.id, { ...sound, ...change });
    await assert.rejects(put, { code }, JSON.stringify(change).slice(0, 80));
  }
  assert.deepEqual(await site.registry.listInstances(), []);
  const full = pairs(METADATA_PAIRS_MAX, 'x'.repeat(900));
  await site.registry.putInstance(host.id, { ...sound, metadata: full });
});

test('an instance belongs to its host alone', async () => {
  const { site, host, other, app } = await scene();
  const instance = site.instance(app, host.id, 1);
  const denied = { code: 'NOT_PERMITTED' };
  await assert.rejects(site.registry.putInstance(other.id, instance), denied);
  await site.registry.putInstance(host.id, instance);
  const stolen = site.instance(app, other.id, 1, { machineId: instance.machineId });
  await assert.rejects(site.registry.putInstance(other.id, stolen), denied);
  await assert.rejects(site.registry.removeInstance(other.id, instance.machineId), denied);
  await site.registry.removeInstance(host.id, instance.machineId);
  await site.registry.removeInstance(host.id, instance.machineId);
  await assert.rejects(site.registry.findInstance(instance.machineId), { code: 'NOT_FOUND' });
  await site.registry.putInstance(other.id, stolen);
});

test('an instance keeps its app, address, name and group for life', async () => {
  const { site, host, app } = await scene();
  const second = await site.registry.createApp({ name: 'db' });
  const instance = site.instance(app, host.id, 1);
  await site.registry.putInstance(host.id, instance);
  const next = site.instance(app, host.id, 2);
  const { instanceId, address } = next;
  const changes: readonly Partial<Instance>[] = [
    { app: second.app.name },
    { instanceId, address },
    { name: 'another' },
    { group: 'another' },
    { createdAt: (instance.createdAt + 1) as WallMillis },
  ];
  for (const change of changes) {
    const put = site.registry.putInstance(host.id, { ...instance, ...change });
    await assert.rejects(put, { code: 'VALUE_INVALID' }, JSON.stringify(change));
  }
});

test('names and instance ids are unique on a host and free again after removal', async () => {
  const { site, host, other, app } = await scene();
  const first = site.instance(app, host.id, 1);
  await site.registry.putInstance(host.id, first);
  const sameName = site.instance(app, host.id, 2, { name: first.name });
  await assert.rejects(site.registry.putInstance(host.id, sameName), { code: 'NAME_TAKEN' });
  const { instanceId, address } = first;
  const sameId = site.instance(app, host.id, 3, { instanceId, address });
  await assert.rejects(site.registry.putInstance(host.id, sameId), { code: 'VALUE_INVALID' });
  await site.registry.putInstance(other.id, site.instance(app, other.id, 1));
  await site.registry.removeInstance(host.id, first.machineId);
  await site.registry.putInstance(host.id, sameName);
  await site.registry.putInstance(host.id, sameId);
});

test('listInstances() finds by app, host and network', async () => {
  const { site, host, other, app } = await scene();
  const { app: db } = await site.registry.createApp({ name: 'db', network: 'green' });
  const { app: api } = await site.registry.createApp({ name: 'api', network: 'blue' });
  const all = [
    site.instance(app, host.id, 1),
    site.instance(db, host.id, 2),
    site.instance(app, other.id, 3),
    site.instance(api, other.id, 4),
  ];
  for (const one of all) await site.registry.putInstance(one.host, one);
  const list = async (filter: object): Promise<number[]> =>
    (await site.registry.listInstances(filter)).map((one) => one.instanceId - 0x10_000).sort();
  assert.deepEqual(await list({}), [1, 2, 3, 4]);
  assert.deepEqual(await list({ app: 'web' }), [1, 3]);
  assert.deepEqual(await list({ app: 'none' }), []);
  assert.deepEqual(await list({ host: host.id }), [1, 2]);
  assert.deepEqual(await list({ network: app.network }), [1, 3, 4]);
  assert.deepEqual(await list({ network: app.network, host: other.id }), [3, 4]);
  assert.deepEqual(await list({ network: db.network, app: 'web' }), []);
});

test('putInstances() writes what is sound and says what is not', async () => {
  const { site, host, other, app } = await scene();
  const first = site.instance(app, host.id, 1);
  const bad = site.instance(app, other.id, 2);
  const third = site.instance(app, host.id, 3);
  const outcomes = await site.registry.putInstances(host.id, [first, bad, third]);
  assert.deepEqual(
    outcomes.map(({ machineId, problem }) => [machineId, problem?.code]),
    [
      [first.machineId, undefined],
      [bad.machineId, 'NOT_PERMITTED'],
      [third.machineId, undefined],
    ],
  );
  assert.equal((await site.registry.listInstances({ host: host.id })).length, 2);
  const many = new Array<Instance>(INSTANCES_PER_CALL_MAX + 1).fill(first);
  await assert.rejects(site.registry.putInstances(host.id, many), { code: 'LIMIT_REACHED' });
});

test('putInstance() refuses the instance of a host that does not exist', async () => {
  const { site, other, app } = await scene();
  const none = (other.id + 1) as HostId;
  const put = site.registry.putInstance(none, site.instance(app, none, 1));
  await assert.rejects(put, { code: 'NOT_PERMITTED' });
});

async function scene(): Promise<Scene> {
  const site = new Site();
  const host = await site.start();
  const { host: other } = await site.join(host.id, 'two');
  const { app } = await site.registry.createApp({ name: 'web', network: 'blue' });
  return { site, host, other, app };
}

function pairs(count: number, value: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]));
}

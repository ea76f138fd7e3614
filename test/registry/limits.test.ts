// Everything that can be made has a limit, and what is removed makes room.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOST_ID_MAX } from '../../src/addressing/ids.ts';
import { APPS_PER_NETWORK_MAX } from '../../src/registry/apps.ts';
import { SERVERS_MAX } from '../../src/registry/hosts.ts';
import { INSTANCES_PER_APP_MAX, INSTANCES_PER_HOST_MAX } from '../../src/registry/instances.ts';
import {
  appCount,
  HOST_COUNTER,
  instanceCountOfApp,
  instanceCountOfHost,
  networkCount,
  ORGANIZATION_COUNT,
  SERVER_COUNT,
} from '../../src/registry/keys.ts';
import type { App, Host } from '../../src/registry/model.ts';
import { NETWORKS_PER_ORGANIZATION_MAX } from '../../src/registry/networks.ts';
import { ORGANIZATIONS_MAX } from '../../src/registry/organizations.ts';
import { Site } from '../fakes/site.ts';

const REACHED = { code: 'LIMIT_REACHED' };

test('counts follow what is made and removed', async () => {
  const { site, server, app } = await scene();
  const { registry } = site;
  const count = async (key: string): Promise<string | undefined> =>
    (await site.store.get(key))?.value;
  const instance = site.instance(app, server.id, 1);
  await registry.putInstance(server.id, instance);
  await registry.putInstance(server.id, { ...instance, state: 'started' });
  const keys = [
    ...[networkCount('default'), appCount(app.network), instanceCountOfApp('web')],
    ...[instanceCountOfHost(server.id), ORGANIZATION_COUNT, SERVER_COUNT],
  ];
  assert.deepEqual(await Promise.all(keys.map(count)), ['2', '1', '1', '1', '1', '1']);
  await registry.removeInstance(server.id, instance.machineId);
  assert.deepEqual(await Promise.all(keys.map(count)), ['2', '1', '0', '0', '1', '1']);
  await registry.removeApp('web');
  assert.deepEqual((await Promise.all(keys.map(count))).slice(0, 3), ['2', '0', undefined]);
  await registry.removeNetwork({ name: 'blue' });
  assert.deepEqual((await Promise.all(keys.map(count))).slice(0, 2), ['1', undefined]);
});

test('organizations, networks and apps have limits', async () => {
  const { site, app } = await scene();
  const { registry } = site;
  await fill(site, ORGANIZATION_COUNT, ORGANIZATIONS_MAX);
  await assert.rejects(registry.createOrganization('acme'), REACHED);
  await fill(site, networkCount('default'), NETWORKS_PER_ORGANIZATION_MAX);
  await assert.rejects(registry.createNetwork({ name: 'red' }), REACHED);
  await assert.rejects(registry.createApp({ name: 'next', network: 'red' }), REACHED);
  await fill(site, appCount(app.network), APPS_PER_NETWORK_MAX);
  await assert.rejects(registry.createApp({ name: 'next', network: 'blue' }), REACHED);
  await registry.removeNetwork({ name: 'default' });
  await registry.createNetwork({ name: 'red' });
  await registry.removeApp('web');
  await registry.createApp({ name: 'next', network: 'blue' });
});

test('servers, hosts and instances have limits', async () => {
  const { site, server, app } = await scene();
  const { registry } = site;
  const first = site.instance(app, server.id, 1);
  await registry.putInstance(server.id, first);
  const second = site.instance(app, server.id, 2);
  await fill(site, instanceCountOfHost(server.id), INSTANCES_PER_HOST_MAX);
  await assert.rejects(registry.putInstance(server.id, second), REACHED);
  await registry.putInstance(server.id, { ...first, state: 'started' });
  await fill(site, instanceCountOfHost(server.id), 1);
  await fill(site, instanceCountOfApp('web'), INSTANCES_PER_APP_MAX);
  await assert.rejects(registry.putInstance(server.id, second), REACHED);
  await fill(site, SERVER_COUNT, SERVERS_MAX);
  await assert.rejects(site.join(server.id, 'two', 'server'), REACHED);
  await site.join(server.id, 'two');
  await fill(site, HOST_COUNTER, HOST_ID_MAX, 16);
  assert.equal((await site.join(server.id, 'three')).host.id, HOST_ID_MAX);
  await assert.rejects(site.join(server.id, 'four'), REACHED);
});

async function scene(): Promise<{ site: Site; server: Host; app: App }> {
  const site = new Site();
  const server = await site.start();
  const { app } = await site.registry.createApp({ name: 'web', network: 'blue' });
  return { site, server, app };
}

async function fill(site: Site, key: string, count: number, radix = 10): Promise<void> {
  const value = count.toString(radix);
  await site.store.transact({ compares: [], writes: [{ type: 'put', key, value }] });
}

// What the API asks of a server's registry: the caller's authority comes before the registry is
// touched.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { InviteDesk } from '../../src/daemon/invite-desk.ts';
import { LocalRegistryService } from '../../src/daemon/registry-service.ts';
import type { Principal } from '../../src/registry/authority.ts';
import type { Host } from '../../src/registry/model.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { Site } from '../fakes/site.ts';

const OPERATOR: Principal = { kind: 'operator' };

test("only a server's own operator does what changes who belongs to the site", async () => {
  const { site, server, service } = await scene();
  const { host } = await site.join(server.id, 'two');
  const callers: readonly Principal[] = [
    { kind: 'host', host: host.id },
    { kind: 'host-operator', host: host.id },
    { kind: 'invite', number: 1 },
  ];
  for (const caller of callers) {
    for (const attempt of [
      service.removeHost(caller, 'two', { force: true }),
      service.createInvite(caller, {}),
      service.revokeInvite(caller, 1),
      service.listInvites(caller),
      service.createOrganization(caller, { name: 'acme' }),
    ]) {
      await assert.rejects(attempt, refusal, caller.kind);
    }
  }
  assert.equal((await service.listHosts(OPERATOR)).hosts.length, 2);
});

test('removeHost() takes a host with instances by force alone', async () => {
  const { site, server, service } = await scene();
  const { host } = await site.join(server.id, 'two');
  const { app } = await site.registry.createApp({
    name: 'web',
    organization: undefined,
    network: undefined,
  });
  await site.registry.putInstance(host.id, site.instance(app, host.id, 1));
  await assert.rejects(service.removeHost(OPERATOR, 'two', { force: false }), inUse);
  await assert.rejects(service.removeHost(OPERATOR, 'one', { force: true }), inUse);
  await service.removeHost(OPERATOR, 'two', { force: true });
  const { hosts } = await service.listHosts(OPERATOR);
  assert.deepEqual(
    hosts.map(({ name }) => name),
    ['one'],
  );
  assert.deepEqual((await service.listInstances(OPERATOR, {})).instances, []);
});

test('removeApp() by the p6nctl of a host ends nothing that another host runs', async () => {
  const { site, server, service } = await scene();
  const two = (await site.join(server.id, 'two')).host.id;
  const { app } = await site.registry.createApp({ name: 'web', network: 'blue' });
  for (const [number, host] of [server.id, two].entries()) {
    await site.registry.putInstance(host, site.instance(app, host, number));
  }
  const caller: Principal = { kind: 'host-operator', host: two };
  await assert.rejects(service.removeApp(caller, 'web', { force: true }), refusal);
  const { instances } = await service.listInstances(OPERATOR, {});
  assert.equal(instances.length, 2);
  await site.registry.removeInstance(server.id, site.instance(app, server.id, 0).machineId);
  await service.removeApp(caller, 'web', { force: true });
  assert.deepEqual((await service.listApps(OPERATOR, {})).apps, []);
});

test('updateSite() takes networks, apps and laptops from the p6nctl of hosts', async () => {
  const { site, server, service } = await scene();
  const caller: Principal = {
    kind: 'host-operator',
    host: (await site.join(server.id, 'two')).host.id,
  };
  const laptop = { network: 'blue', public_key: Buffer.alloc(32, 9).toString('base64') };
  await service.createApp(caller, { name: 'web', network: 'blue' });
  await service.createPeer(caller, { name: 'anna', ...laptop });
  const view = await service.updateSite(OPERATOR, { host_operators_write: false });
  assert.equal(view.host_operators_write, false);
  assert.deepEqual(await service.getSite(caller), view);
  for (const attempt of [
    service.createNetwork(caller, { name: 'red' }),
    service.removeNetwork(caller, { name: 'blue' }),
    service.createApp(caller, { name: 'db' }),
    service.removeApp(caller, 'web', { force: false }),
    service.createPeer(caller, { name: 'bert', ...laptop }),
    service.removePeer(caller, { name: 'anna', network: { name: 'blue' } }),
    service.updateSite(caller, { host_operators_write: true }),
  ]) {
    await assert.rejects(attempt, { code: 'NOT_A_SERVER' });
  }
  await service.createNetwork(OPERATOR, { name: 'red' });
  await service.updateSite(OPERATOR, {});
  assert.equal(
    (await service.getSite(OPERATOR)).host_operators_write,
    false,
    'what is absent stays',
  );
  await service.updateSite(OPERATOR, { host_operators_write: true });
  await service.createNetwork(caller, { name: 'green' });
});

test('listInstances() finds a network by its name without regard to case', async () => {
  const { site, server, service } = await scene();
  const { app } = await site.registry.createApp({
    name: 'web',
    organization: undefined,
    network: 'Blue',
  });
  await site.registry.putInstance(server.id, site.instance(app, server.id, 1));
  for (const [network, count] of [
    ['blue', 1],
    ['BLUE', 1],
    ['red', 0],
  ] as const) {
    const { instances } = await service.listInstances(OPERATOR, { network });
    assert.equal(instances.length, count, network);
  }
});

function refusal(error: unknown): boolean {
  return (
    error instanceof P6nError && (error.code === 'NOT_PERMITTED' || error.code === 'NOT_A_SERVER')
  );
}

function inUse(error: unknown): boolean {
  return error instanceof P6nError && error.code === 'HOST_IN_USE';
}

async function scene(): Promise<{ site: Site; server: Host; service: LocalRegistryService }> {
  const site = new Site();
  const server = await site.start();
  const { registry, random, clock, signer } = site;
  const invites = new InviteDesk(
    { registry, signer, crypto: NOBLE_CRYPTO, random, logger: SILENT_LOGGER },
    { server: server.id, serverKey: () => server.publicKey, endpoints: [], isShared: false },
  );
  const siteKey = { rotate: () => Promise.resolve({ signed: 0, refused: [] }) };
  return {
    site,
    server,
    service: new LocalRegistryService({
      registry,
      host: server.id,
      invites,
      siteKey,
      clock,
      audit: { last: () => Promise.resolve([]) },
    }),
  };
}

// The rules of hosts after they have joined.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { ENDPOINTS_MAX } from '../../src/registry/refusals.ts';
import { Registry } from '../../src/registry/registry.ts';
import type { Store, StoreListing } from '../../src/registry/store.ts';
import { Site } from '../fakes/site.ts';

test('updateHost() changes endpoints and region, and writes only changes', async () => {
  const site = new Site();
  const { id } = await site.start();
  const endpoints = ['[2001:db8::1]:51820', 'host.example:1', '192.0.2.7:65535'];
  const updated = await site.registry.updateHost(id, { endpoints, region: 'ams' });
  assert.deepEqual(await site.registry.findHost(id), updated);
  assert.deepEqual(updated.endpoints, endpoints);
  assert.equal(updated.region, 'ams');
  const { revision } = await site.store.list([]);
  assert.deepEqual(await site.registry.updateHost(id, { endpoints, region: 'ams' }), updated);
  assert.deepEqual(await site.registry.updateHost(id, {}), updated);
  assert.equal((await site.store.list([])).revision, revision);
});

test('updateHost() refuses what is no endpoint, no region, or too much', async () => {
  const site = new Site();
  const { id } = await site.start();
  const bad = [
    ...['', 'host', 'host:', ':1', 'host:0', 'host:65536', 'host:01', '2001:db8::1:51820'],
    ...['[2001:db8::1]', '[host]:1', '-a:1', 'a b:1', `${'a'.repeat(255)}:51820`, 'a:1\n'],
    // Datagrams to the mesh would go through the tunnel that they are of.
    ...['[fdaa::3]:51820', '[fdaa:0:0:1:0::1]:1', '[FDAA:ffff::1]:1', '[fe80::1%eth0]:1'],
  ];
  for (const endpoint of bad) {
    const update = site.registry.updateHost(id, { endpoints: [endpoint] });
    await assert.rejects(update, { code: 'VALUE_INVALID' }, endpoint);
  }
  const many = Array.from({ length: ENDPOINTS_MAX + 1 }, (_, i) => `192.0.2.${i}:1`);
  const update = site.registry.updateHost(id, { endpoints: many });
  await assert.rejects(update, { code: 'LIMIT_REACHED' });
  await assert.rejects(site.registry.updateHost(id, { region: 'X' }), { code: 'NAME_INVALID' });
  const none = (id + 1) as HostId;
  await assert.rejects(site.registry.updateHost(none, {}), { code: 'NOT_FOUND' });
});

test('removeHost() takes everything of the host along, and its id never comes again', async () => {
  const site = new Site();
  const { registry } = site;
  const server = await site.start();
  const { host, secret } = await site.join(server.id, 'two', 'server');
  await site.invite(host.id);
  const { app } = await registry.createApp({ name: 'web' });
  await registry.putInstance(host.id, site.instance(app, host.id, 1));
  const refusal = { code: 'HOST_IN_USE', hint: /force/ };
  await assert.rejects(registry.removeHost('two'), refusal);
  await registry.removeHost('two', { force: true });
  await assert.rejects(registry.findHost('two'), { code: 'NOT_FOUND' });
  await assert.rejects(registry.findHost(host.id), { code: 'NOT_FOUND' });
  assert.equal(await registry.verifyHostSecret(host.id, secret), false);
  assert.deepEqual(await registry.listInstances(), []);
  assert.deepEqual(await registry.listInvites({ server: host.id }), []);
  const late = registry.putInstance(host.id, site.instance(app, host.id, 1));
  await assert.rejects(late, { code: 'NOT_PERMITTED' });
  await registry.removeApp('web');
  const again = await site.join(server.id, 'two');
  assert.equal(again.host.id, host.id + 1);
});

test('removeHost() keeps a host that goes on writing, unless by force', async () => {
  const site = new Site();
  const server = await site.start();
  const { host, secret } = await site.join(server.id, 'two');
  const { app } = await site.registry.createApp({ name: 'web' });
  const written: string[] = [];
  // Between any two steps of the removal the host writes another instance.
  const store: Store = new Proxy(site.store, {
    get: (target, name) => {
      if (name !== 'list') return bound(target, name);
      return async (prefixes: readonly string[]): Promise<StoreListing> => {
        const listing = await target.list(prefixes);
        const next = site.instance(app, host.id, written.length + 1);
        const writing = site.registry.putInstance(host.id, next);
        written.push(await writing.then(() => 'written').catch(codeOf));
        return listing;
      };
    },
  });
  const { clock, random, signer } = site;
  const registry = new Registry({ store, clock, random, signer, logger: SILENT_LOGGER });
  const refusal = { code: 'HOST_IN_USE', message: /still at work/ };
  await assert.rejects(registry.removeHost('two'), refusal);
  assert.deepEqual(await site.registry.findHost('two'), host);
  assert.equal(await site.registry.verifyHostSecret(host.id, secret), true);
  const count = written.length;
  assert.deepEqual(new Set(written), new Set(['written']));
  await registry.removeHost('two', { force: true });
  assert.deepEqual(new Set(written.slice(count)), new Set(['NOT_PERMITTED']));
  assert.deepEqual(await site.registry.listInstances(), []);
  await site.registry.removeApp('web');
});

test('removeHost() by force cuts the host off first, and can be repeated', async () => {
  const site = new Site();
  const server = await site.start();
  const { host, secret } = await site.join(server.id, 'two');
  const { app } = await site.registry.createApp({ name: 'web' });
  const instance = site.instance(app, host.id, 1);
  await site.registry.putInstance(host.id, instance);
  const store: Store = new Proxy(site.store, {
    get: (target, name) =>
      name === 'list' ? () => Promise.reject(new Error('killed')) : bound(target, name),
  });
  const { clock, random, signer } = site;
  const registry = new Registry({ store, clock, random, signer, logger: SILENT_LOGGER });
  await assert.rejects(registry.removeHost('two', { force: true }), /killed/);
  assert.equal(await site.registry.verifyHostSecret(host.id, secret), false);
  const again = site.registry.putInstance(host.id, { ...instance, state: 'stopped' });
  await assert.rejects(again, { code: 'NOT_PERMITTED' });
  await site.registry.removeHost('two', { force: true });
  await site.registry.removeApp('web');
});

test('removeHost() keeps the last server', async () => {
  const site = new Site();
  const first = await site.start();
  await site.join(first.id, 'two');
  const refusal = { code: 'HOST_IN_USE', message: /last server/ };
  await assert.rejects(site.registry.removeHost('one', { force: true }), refusal);
  await site.join(first.id, 'three', 'server');
  await site.registry.removeHost(first.id);
  await assert.rejects(site.registry.removeHost('three'), refusal);
  await assert.rejects(site.registry.removeHost('none'), { code: 'NOT_FOUND' });
});

function codeOf(error: unknown): string {
  return error instanceof P6nError ? error.code : String(error);
}

/** A member of `target`, also one that needs its private fields. */
function bound(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === 'function' ? member.bind(target) : member;
}

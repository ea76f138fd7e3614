// The rules of networks and apps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNetworkId } from '../../src/addressing/ids.ts';
import type { Random } from '../../src/base/random.ts';
import { networkIdKey } from '../../src/registry/keys.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { Site } from '../fakes/site.ts';

test('a network has a name that is unique in its organization without regard to case', async () => {
  const { registry } = await started();
  await registry.createOrganization('acme');
  const network = await registry.createNetwork({ name: 'Blue' });
  assert.ok(isNetworkId(network.id));
  assert.equal(network.name, 'Blue');
  await assert.rejects(registry.createNetwork({ name: 'blue' }), { code: 'NAME_TAKEN' });
  const other = await registry.createNetwork({ name: 'blue', organization: 'acme' });
  assert.notEqual(other.id, network.id);
  assert.deepEqual(await registry.findNetwork({ name: 'BLUE' }), network);
  assert.deepEqual(await registry.findNetwork({ name: 'Blue', organization: 'acme' }), other);
  const names = (await registry.listNetworks()).map((one) => `${one.organization}/${one.name}`);
  assert.deepEqual(names, ['acme/blue', 'default/Blue', 'default/default']);
  assert.deepEqual(await registry.listNetworks({ organization: 'acme' }), [other]);
});

test('a network needs an organization and a name by the rules', async () => {
  const { registry } = await started();
  const create = (name: string, organization?: string): Promise<unknown> =>
    registry.createNetwork({ name, organization });
  await assert.rejects(create('a', 'acme'), { code: 'NOT_FOUND' });
  await assert.rejects(create('a', 'No'), { code: 'NAME_INVALID' });
  await assert.rejects(create('9a'), { code: 'NAME_INVALID' });
  await assert.rejects(create('Internal'), { code: 'NAME_RESERVED' });
  await assert.rejects(registry.findNetwork({ name: 'none' }), { code: 'NOT_FOUND' });
  await assert.rejects(registry.removeNetwork({ name: 'none' }), { code: 'NOT_FOUND' });
});

test('a network made again under a removed name has another id', async () => {
  const { registry, store } = await started();
  const first = await registry.createNetwork({ name: 'blue', regionScoped: true });
  assert.equal(first.regionScoped, true);
  assert.deepEqual(await registry.removeNetwork({ name: 'blue' }), first);
  await assert.rejects(registry.findNetwork({ name: 'blue' }), { code: 'NOT_FOUND' });
  const second = await registry.createNetwork({ name: 'blue' });
  assert.notEqual(second.id, first.id);
  assert.ok((await store.get(networkIdKey(first.id))) !== undefined);
});

test('a network id is redrawn while it was ever given out', async () => {
  const random = new FewValues([1, 1, 1, 2, 2, 1, 3]);
  const site = new Site({ random });
  await site.start();
  random.begin();
  const ids: number[] = [];
  for (const name of ['a', 'b', 'c']) {
    ids.push((await site.registry.createNetwork({ name })).id);
    await site.registry.removeNetwork({ name });
  }
  assert.equal(new Set(ids).size, 3);
  assert.equal(random.draws, 7);
});

test('a network with apps is not removed, and the refusal names them', async () => {
  const { registry } = await started();
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
    await registry.createApp({ name, network: 'blue' });
  const hint = /a, b, c, d, e and 2 more/;
  await assert.rejects(registry.removeNetwork({ name: 'blue' }), { code: 'NETWORK_IN_USE', hint });
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await registry.removeApp(name);
  await registry.removeNetwork({ name: 'blue' });
});

test('createApp() makes a network that does not exist yet and uses one that does', async () => {
  const { registry } = await started();
  const first = await registry.createApp({ name: 'web', network: 'blue' });
  assert.equal(first.networkCreated, true);
  assert.equal(first.network.name, 'blue');
  const second = await registry.createApp({ name: 'db', network: 'BLUE' });
  assert.equal(second.networkCreated, false);
  assert.equal(second.app.network, first.app.network);
  const third = await registry.createApp({ name: 'other' });
  assert.equal(third.network.name, 'default');
  assert.equal(third.networkCreated, false);
  await registry.createOrganization('acme');
  const fourth = await registry.createApp({ name: 'theirs', organization: 'acme' });
  assert.equal(fourth.networkCreated, true);
  assert.notEqual(fourth.network.id, third.network.id);
  assert.deepEqual(await names(registry), ['db', 'other', 'theirs', 'web']);
  assert.deepEqual(await registry.listApps({ organization: 'acme' }), [fourth.app]);
});

test('an app has a name that is unique on the site', async () => {
  const { registry } = await started();
  await registry.createOrganization('acme');
  await registry.createApp({ name: 'web', network: 'blue' });
  for (const network of ['blue', 'green', undefined]) {
    const again = registry.createApp({ name: 'web', network, organization: 'acme' });
    await assert.rejects(again, { code: 'NAME_TAKEN', message: /on network "blue"/ });
  }
  // Nothing is left of a refused app, also not its network.
  assert.deepEqual(await registry.listNetworks({ organization: 'acme' }), []);
  await registry.removeApp('web');
  const { app } = await registry.createApp({ name: 'web', network: 'green' });
  assert.deepEqual((await registry.lookupApp('web'))?.app, app);
});

test('an app needs names by the rules', async () => {
  const { registry } = await started();
  await assert.rejects(registry.createApp({ name: 'Web' }), { code: 'NAME_INVALID' });
  await assert.rejects(registry.createApp({ name: 'top3' }), { code: 'NAME_RESERVED' });
  const bad = { name: 'web', network: '1' };
  await assert.rejects(registry.createApp(bad), { code: 'NAME_INVALID' });
  const stray = { name: 'web', organization: 'none' };
  await assert.rejects(registry.createApp(stray), { code: 'NOT_FOUND' });
  await assert.rejects(registry.removeApp('web'), { code: 'NOT_FOUND' });
  assert.equal(await registry.lookupApp('web'), undefined);
});

test('an app with instances is not removed, and the refusal names them', async () => {
  const site = await started();
  const [host] = await site.registry.listHosts();
  assert.ok(host);
  const { app } = await site.registry.createApp({ name: 'web' });
  const instance = site.instance(app, host.id, 1);
  await site.registry.putInstance(host.id, instance);
  await assert.rejects(site.registry.removeApp('web'), {
    code: 'APP_IN_USE',
    hint: new RegExp(instance.machineId),
  });
  await site.registry.removeInstance(host.id, instance.machineId);
  await site.registry.removeApp('web');
});

async function started(): Promise<Site> {
  const site = new Site();
  await site.start();
  return site;
}

async function names(registry: Registry): Promise<string[]> {
  return (await registry.listApps()).map(({ name }) => name);
}

/** Draws the given values in order from `begin` on. */
class FewValues implements Random {
  draws = 0;
  #began = false;
  readonly #values: readonly number[];

  constructor(values: readonly number[]) {
    this.#values = values;
  }

  begin(): void {
    this.#began = true;
    this.draws = 0;
  }

  fill(bytes: Uint8Array): void {
    const value = this.#began ? (this.#values[this.draws] ?? 0) : 77;
    this.draws += 1;
    bytes.fill(value);
  }
}

// The start of a site and its organizations.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ID_MIN } from '../../src/addressing/ids.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { hostKey } from '../../src/registry/keys.ts';
import { Registry } from '../../src/registry/registry.ts';
import { generateSiteKeyPair, sitePublicKeyOf } from '../../src/registry/site.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { makeSigner, Site } from '../fakes/site.ts';

test('bootstrap() gives a fresh registry its site, its defaults and its first server', async () => {
  const site = new Site();
  assert.equal(await site.registry.findSite(), undefined);
  const host = await site.start();
  const record = await site.registry.findSite();
  assert.match(record?.id ?? '', /^[0-9a-f]{16}$/);
  assert.equal(host.id, ID_MIN);
  assert.equal(host.role, 'server');
  const names = (records: readonly { readonly name: string }[]): string[] =>
    records.map(({ name }) => name);
  assert.deepEqual(names(await site.registry.listOrganizations()), ['default']);
  assert.deepEqual(names(await site.registry.listNetworks()), ['default']);
  assert.deepEqual(await site.registry.listHosts(), [host]);
});

test('bootstrap() answers its own host again and refuses any other', async () => {
  const site = new Site();
  const host = { name: 'one', region: 'local', publicKey: site.freshKey(), endpoints: [] };
  const first = await site.registry.bootstrap({ host });
  const { revision } = await site.store.list([]);
  assert.deepEqual(await site.registry.bootstrap({ host }), first);
  const renamed = { ...host, name: 'other' };
  assert.deepEqual(await site.registry.bootstrap({ host: renamed }), first);
  assert.equal((await site.store.list([])).revision, revision);
  const others = [
    { host: { ...host, publicKey: site.freshKey() } },
    { host: { ...host, name: 'two', publicKey: site.freshKey() } },
  ];
  for (const other of others) {
    await assert.rejects(site.registry.bootstrap(other), { code: 'NOT_PERMITTED' });
  }
  const { store, clock, random } = site;
  const stranger = { store, clock, random, signer: makeSigner(4), logger: SILENT_LOGGER };
  const bootstrap = new Registry(stranger).bootstrap({ host });
  await assert.rejects(bootstrap, { code: 'NOT_PERMITTED' });
});

test('bootstrap() tells a damaged registry from that of another site', async () => {
  const site = new Site();
  const host = { name: 'one', region: 'local', publicKey: site.freshKey(), endpoints: [] };
  const { host: founder } = await site.registry.bootstrap({ host });
  const write = { type: 'put', key: hostKey(founder.id), value: '{}' } as const;
  await site.store.transact({ compares: [], writes: [write] });
  const again = site.registry.bootstrap({ host });
  await assert.rejects(again, { code: 'REGISTRY_CORRUPT' });
});

test('bootstrap() refuses keys that are none', async () => {
  const site = new Site();
  const host = { name: 'one', region: 'local', publicKey: site.freshKey(), endpoints: [] };
  for (const key of ['', 'AAAA', `${'A'.repeat(43)}=`, 'x'.repeat(44)]) {
    const bootstrap = site.registry.bootstrap({ host: { ...host, publicKey: key } });
    await assert.rejects(bootstrap, { code: 'VALUE_INVALID' });
  }
  assert.equal(await site.registry.findSite(), undefined);
});

test('a site key pair is whole and comes from the random source', () => {
  const pair = generateSiteKeyPair(new SeededRandom(5));
  assert.deepEqual(sitePublicKeyOf(pair.secretKey), pair.publicKey);
  assert.deepEqual(generateSiteKeyPair(new SeededRandom(5)), pair);
  assert.notDeepEqual(generateSiteKeyPair(new SeededRandom(6)), pair);
  assert.equal(sitePublicKeyOf(new Uint8Array(63)), undefined);
});

test('organizations have unique names', async () => {
  const { registry } = await started();
  await registry.createOrganization('acme');
  await assert.rejects(registry.createOrganization('acme'), { code: 'NAME_TAKEN' });
  await assert.rejects(registry.createOrganization('default'), { code: 'NAME_TAKEN' });
  await assert.rejects(registry.createOrganization('Acme'), { code: 'NAME_INVALID' });
  const names = (await registry.listOrganizations()).map(({ name }) => name);
  assert.deepEqual(names, ['acme', 'default']);
});

async function started(): Promise<Site> {
  const site = new Site();
  await site.start();
  return site;
}

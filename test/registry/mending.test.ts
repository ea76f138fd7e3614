// A registry from an older state, told by a server what the site's key has said since.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import { encodeRecord } from '../../src/registry/codec.ts';
import { parseExport } from '../../src/registry/export.ts';
import { hostKey, wireguardKeyKey } from '../../src/registry/keys.ts';
import type { Believed } from '../../src/registry/mending.ts';
import type { Host } from '../../src/registry/model.ts';
import { generateSiteKeyPair } from '../../src/registry/site.ts';
import { isGenuineHost, isSuccessor } from '../../src/registry/site-signature.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { makeSigner, Site } from '../fakes/site.ts';

test('mend() leads a registry from before a change of the site key to that key', async () => {
  const { site, older } = await scene();
  const before = site.signer.publicKey;
  await site.registry.siteKeys.publish(makeSigner(5));
  site.signer.setKey(secretOf(5));
  await site.registry.siteKeys.resign(before);
  const believed = await beliefs(site);
  const restored = await older(5);
  // Signed by the last key, and nobody has ever heard of it.
  const [known] = await restored.registry.listHosts();
  const key = { publicKey: site.freshKey(), generation: 1 };
  const evil = { ...known!, ...key, id: (known!.id + 99) as HostId, name: 'evil' };
  const siteId = (await restored.registry.findSite())?.id ?? '';
  const signature = makeSigner(3).signHost(siteId, evil, key);
  await put(restored, hostKey(evil.id), encodeRecord({ ...evil, signature }));

  assert.equal(await restored.registry.custody.mend(believed), 3);
  assert.equal((await restored.registry.findSite())?.publicKey, restored.signer.publicKey);
  const [first, second] = await restored.registry.siteKeys.list();
  assert.ok(isSuccessor(first!, second!));
  assert.deepEqual(await unsigned(restored), ['evil']);
  assert.equal(await restored.registry.custody.mend(believed), 0);
  await restored.join(known!.id, 'new');
});

test('mend() gives hosts the keys that they have changed to', async () => {
  const { site, two, older } = await scene();
  const key = site.freshKey();
  await site.registry.publishNextKey(two.id, key);
  await site.registry.switchKey(two.id, key);
  const restored = await older(3);
  assert.equal(await restored.registry.custody.mend(await beliefs(site)), 1);
  const mended = await restored.registry.findHost(two.id);
  assert.deepEqual([mended.publicKey, mended.generation], [key, 2]);
  assert.deepEqual(await unsigned(restored), []);
  assert.equal(await restored.store.get(wireguardKeyKey(two.publicKey)), undefined);
  assert.notEqual(await restored.store.get(wireguardKeyKey(key)), undefined);
});

test('mend() removes the hosts that were removed', async () => {
  const { site, two, older } = await scene();
  await site.registry.removeHost(two.id);
  const restored = await older(3);
  await restored.registry.custody.mend({ ...(await beliefs(site)), removed: new Set([two.id]) });
  await assert.rejects(restored.registry.findHost(two.id), { code: 'NOT_FOUND' });
  assert.equal((await restored.store.list(['records/removals/'])).entries.length, 1);
});

test('mend() goes on past a host that cannot be removed again, and says so', async () => {
  const { site, two, older } = await scene();
  const key = site.freshKey();
  await site.registry.publishNextKey(two.id, key);
  await site.registry.switchKey(two.id, key);
  const restored = await older(3);
  // Another server had taken its place, which the older registry does not know.
  const [server] = await restored.registry.listHosts();
  const believed = { ...(await beliefs(site)), removed: new Set([server!.id]) };
  await assert.rejects(restored.registry.custody.mend(believed), { code: 'HOST_IN_USE' });
  assert.equal((await restored.registry.findHost(two.id)).publicKey, key);
});

test('mend() by a server that has lost what it believed signs no host', async () => {
  const { site, older } = await scene();
  await site.registry.siteKeys.publish(makeSigner(5));
  site.signer.setKey(secretOf(5));
  const believed = { ...(await beliefs(site)), hosts: [] };
  const restored = await older(5);
  assert.equal(await restored.registry.custody.mend(believed), 1);
  const hosts = await restored.registry.listHosts();
  assert.deepEqual(
    await unsigned(restored),
    hosts.map(({ name }) => name),
  );
});

test('mend() signs nothing that somebody has written into the record of a host', async () => {
  const { site, two, older } = await scene();
  const believed = await beliefs(site);
  for (const forgery of [{ role: 'server' }, { name: 'three' }, { publicKey: 'x' }] as const) {
    const restored = await older(3);
    const { publicKey = site.freshKey() } = forgery as Partial<Host>;
    const record = { ...two, ...forgery, ...('publicKey' in forgery ? { publicKey } : {}) };
    await put(restored, hostKey(two.id), encodeRecord(record));
    assert.equal(await restored.registry.custody.mend(believed), 0);
    assert.equal((await unsigned(restored)).length, 1);
  }
});

interface Scene {
  readonly site: Site;
  readonly two: Host;
  /** The registry as it was at first, on a server that has the key of that seed. */
  readonly older: (seed: number) => Promise<Site>;
}

async function scene(): Promise<Scene> {
  const site = new Site();
  const server = await site.start();
  const { host: two } = await site.join(server.id, 'two');
  const text = (await site.registry.custody.export({ close: false })).join('');
  const older = async (seed: number): Promise<Site> => {
    const restored = new Site({ keysBefore: 1_000 });
    restored.signer.setKey(secretOf(seed));
    await restored.registry.custody.import(parseExport(text));
    return restored;
  };
  return { site, two, older };
}

async function beliefs({ registry }: Site): Promise<Believed> {
  const [hosts, siteKeys] = await Promise.all([registry.listHosts(), registry.siteKeys.list()]);
  return { hosts, siteKeys, removed: new Set() };
}

async function unsigned({ registry, signer }: Site): Promise<readonly string[]> {
  const site = await registry.findSite();
  return (await registry.listHosts())
    .filter((host) => !isGenuineHost(site?.id ?? '', signer.publicKey, host))
    .map(({ name }) => name);
}

async function put({ store }: Site, key: string, value: string): Promise<void> {
  await store.transact({ compares: [], writes: [{ type: 'put', key, value }] });
}

function secretOf(seed: number): Uint8Array {
  return generateSiteKeyPair(new SeededRandom(seed)).secretKey;
}

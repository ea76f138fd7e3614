// WireGuard peers that were removed: for good, by the word of the site, also in a registry that was
// restored or that somebody has written to.

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { NetworkId } from '../../../src/addressing/ids.ts';
import { PeerNumbers } from '../../../src/addressing/peer-numbers.ts';
import { SILENT_LOGGER } from '../../../src/base/logger.ts';
import type { KnownPeers } from '../../../src/registry/closure.ts';
import { decodeNetwork, decodePeerRemovals, encodeRecord } from '../../../src/registry/codec.ts';
import { idsOf, parseExport } from '../../../src/registry/export.ts';
import {
  NETWORKS,
  peerCounterKey,
  peerCountOfNetwork,
  peerKey,
  peerRemovalsKey,
} from '../../../src/registry/keys.ts';
import type { Network, PeerRemovals, WireguardPeer } from '../../../src/registry/model.ts';
import { RevisionMark } from '../../../src/registry/revision-mark.ts';
import { isGenuinePeerRemovals } from '../../../src/registry/site-signature.ts';
import { SqliteStore } from '../../../src/registry/sqlite/sqlite-store.ts';
import { ManualClock } from '../../fakes/manual-clock.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { makeSigner, Site } from '../../fakes/site.ts';

const BLUE = { name: 'blue' };
const NOTHING = { hosts: [], removed: new Set<never>(), siteKeys: [] };

test('a removal is said for good by the site, in one record a network', async () => {
  const { site, network } = await started();
  const [anna, ben] = [await create(site, 'anna'), await create(site, 'ben')];
  await site.registry.wireguard.remove({ name: 'anna', network: BLUE });
  await site.registry.wireguard.remove({ name: 'ben', network: BLUE });
  const said = await removalsOf(site, network);
  const { id = '' } = (await site.registry.findSite()) ?? {};
  assert.ok(isGenuinePeerRemovals(id, site.signer.publicKey, said));
  assert.ok(!isGenuinePeerRemovals(id, site.signer.publicKey, { ...said, numbers: '' }));
  assert.equal(said.numbers, set(anna.number, ben.number));
  await site.registry.removeNetwork(BLUE);
  assert.deepEqual(await removalsOf(site, network), said, 'its peers are gone still');
});

test('followers of a network are told which of its peers were removed', async () => {
  const { site, network } = await started();
  await create(site, 'anna');
  await site.registry.wireguard.remove({ name: 'anna', network: BLUE });
  for (const [networks, told] of [
    [new Set([network.id]), true],
    [new Set<never>(), false],
  ] as const) {
    const kinds: string[] = [];
    for await (const event of site.registry.follow(networks, undefined, AbortSignal.any([]))) {
      if (event.type === 'put') kinds.push(event.record.kind);
      if (event.type === 'synced') break;
    }
    assert.equal(kinds.includes('peer-removals'), told);
  }
});

test('a peer that somebody has written back is swept away', async () => {
  const { site } = await started();
  const anna = await create(site, 'anna');
  await create(site, 'ben');
  await site.registry.wireguard.remove({ name: 'anna', network: BLUE });
  await put(site, peerKey(anna.network, 'anna'), encodeRecord(anna));
  assert.equal((await names(site)).length, 2);
  await site.registry.custody.mend(NOTHING);
  assert.deepEqual(await names(site), ['ben']);
  assert.equal((await site.store.get(peerCountOfNetwork(anna.network)))?.value, '1');
  assert.equal(await site.registry.custody.mend(NOTHING), 0);
});

test('a removal that the site has not signed is not signed with the next one', async () => {
  const { site, network } = await started();
  const anna = await create(site, 'anna');
  await create(site, 'ben');
  const forged = { kind: 'peer-removals', network: network.id, numbers: set(2, 999) } as const;
  await put(site, peerRemovalsKey(network.id), encodeRecord({ ...forged, signature: '' }));
  await site.registry.custody.mend(NOTHING);
  await site.registry.wireguard.remove({ name: 'anna', network: BLUE });
  assert.equal((await removalsOf(site, network)).numbers, set(anna.number));
  assert.deepEqual(await names(site), ['ben']);
});

test('a number that was removed is given out to nobody, whatever the count says', async () => {
  const { site, network } = await started();
  for (const name of ['anna', 'ben']) await create(site, name);
  await site.registry.wireguard.remove({ name: 'ben', network: BLUE });
  await put(site, peerCounterKey(network.id), '0001');
  assert.equal((await create(site, 'carl')).number, 3);
});

test('a new key of the site signs removals anew', async () => {
  const { site, network } = await started();
  await create(site, 'anna');
  await site.registry.wireguard.remove({ name: 'anna', network: BLUE });
  const last = site.signer.publicKey;
  const next = makeSigner(7);
  await site.registry.siteKeys.publish(next);
  site.signer.setKey(Buffer.from(next.secretKey ?? '', 'base64'));
  assert.deepEqual((await site.registry.siteKeys.resign(last)).refused, []);
  const { id = '' } = (await site.registry.findSite()) ?? {};
  assert.ok(isGenuinePeerRemovals(id, next.publicKey, await removalsOf(site, network)));
});

test('an import brings back no peer that was removed', async () => {
  const { site } = await started();
  await create(site, 'anna');
  await create(site, 'ben');
  const before = (await site.registry.custody.export({ close: false })).join('');
  await site.registry.wireguard.remove({ name: 'anna', network: BLUE });
  await site.registry.custody.export({ close: true });
  await site.registry.custody.import(parseExport(before));
  await site.registry.custody.mend(NOTHING);
  assert.deepEqual(await names(site), ['ben']);
});

test('a restored registry takes over what hosts prove of its peers, and no lies', async (t) => {
  const { network, known, restore } = await restorable(t);
  const third = await restore();
  const lie = { network: network.id, last: { ...known.last, number: 900 } as WireguardPeer };
  const forged = { ...(known.removals as PeerRemovals), numbers: set(7, 999) };
  const other = await third.store
    .list([NETWORKS])
    .then(({ entries }) => entries.map(decodeNetwork));
  const elsewhere = other.find(({ id }) => id !== network.id)?.id as NetworkId;
  const lies: KnownPeers[] = [lie, { network: network.id, removals: forged }];
  // What is true of one network proves nothing of another.
  lies.push({ network: elsewhere, last: known.last, removals: known.removals });
  const server = (await third.registry.listHosts())[0]?.id;
  const ids = { networks: [], highestHost: undefined };
  await third.registry.custody.takeOver(server, { ...ids, peers: lies });
  assert.equal((await third.store.get(peerCounterKey(network.id)))?.value, '0002');
  assert.equal(await third.store.get(peerCounterKey(elsewhere)), undefined);
  assert.equal(await third.store.get(peerRemovalsKey(elsewhere)), undefined);
  await third.registry.custody.takeOver(server, { ...ids, peers: [known] });
  assert.equal((await third.store.get(peerCounterKey(network.id)))?.value, '0005');
  assert.deepEqual(await removalsOf(third, network), known.removals);
  assert.deepEqual(await names(third), ['anna', 'ben'], 'it takes no writes yet');
  await third.registry.custody.accept();
  assert.deepEqual(await names(third), ['ben']);
  const { number } = await create(third, 'late');
  assert.ok(number > 5 + 50, 'numbers that nobody reported are left out');
  assert.ok(number < 5 + 100);
});

test('a restored registry takes over late removals, and the counts of an export', async (t) => {
  const { network, known, text, restore } = await restorable(t);
  const third = await restore();
  const ids = idsOf(parseExport(text));
  await third.registry.custody.takeOver(undefined, { ...ids, peers: counts(ids.peers) });
  assert.equal((await third.store.get(peerCounterKey(network.id)))?.value, '0005');
  await third.registry.custody.accept();
  assert.deepEqual(await names(third), ['anna', 'ben']);
  const one = { networks: [], highestHost: undefined };
  assert.equal(await third.registry.custody.takeOver(undefined, { ...one, peers: [known] }), false);
  assert.deepEqual(await names(third), ['ben']);
  assert.ok(ids.peers?.some(({ removals }) => removals !== undefined));

  function counts(peers: readonly KnownPeers[] = []): readonly KnownPeers[] {
    return peers.filter(({ count }) => count !== undefined);
  }
});

interface Restorable {
  readonly network: Network;
  /** What a gateway knows of the registry before it was restored. */
  readonly known: KnownPeers;
  /** An export of that registry. */
  readonly text: string;
  readonly restore: () => Promise<Site>;
}

/** A registry with peers 1 and 2 in its backup; since then 1 was removed, and 3 to 5 were made. */
async function restorable(t: TestContext): Promise<Restorable> {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-peers-'));
  t.after(() => rm(folder, { recursive: true }));
  const [file, backup] = [join(folder, 'registry.db'), join(folder, 'backup.db')];
  const first = await openSite(t, folder, 0);
  await first.start();
  const network = await first.registry.createNetwork(BLUE);
  for (const name of ['anna', 'ben']) await create(first, name);
  await first.store.close();
  await copyFile(file, backup);
  const site = await openSite(t, folder, 100);
  await site.registry.wireguard.remove({ name: 'anna', network: BLUE });
  for (const name of ['carl', 'dora']) await create(site, name);
  const last = await create(site, 'eva');
  const known = { network: network.id, last, removals: await removalsOf(site, network) };
  const text = (await site.registry.custody.export({ close: false })).join('');
  await site.store.close();
  await copyFile(backup, file);
  return { network, known, text, restore: () => openSite(t, folder, 200) };
}

async function openSite(t: TestContext, folder: string, keysBefore: number): Promise<Site> {
  const mark = await RevisionMark.open(join(folder, 'registry.mark'), SILENT_LOGGER);
  const random = new SeededRandom(keysBefore + 1);
  const store = await SqliteStore.open(
    { clock: new ManualClock(), random, logger: SILENT_LOGGER, mark },
    { path: join(folder, 'registry.db') },
  );
  t.after(() => store.close());
  return new Site({ store, keysBefore });
}

async function started(): Promise<{ readonly site: Site; readonly network: Network }> {
  const site = new Site();
  await site.start();
  return { site, network: await site.registry.createNetwork(BLUE) };
}

async function create(site: Site, name: string): Promise<WireguardPeer> {
  const publicKey = site.freshKey();
  const peer = { name, network: BLUE, host: 'one', publicKey };
  return (await site.registry.wireguard.create(peer)).peer;
}

async function names({ registry }: Site): Promise<readonly string[]> {
  return (await registry.wireguard.list()).map(({ peer }) => peer.name);
}

async function removalsOf({ store }: Site, { id }: Network): Promise<PeerRemovals> {
  const key = peerRemovalsKey(id);
  return decodePeerRemovals({ key, value: (await store.get(key))?.value ?? '' });
}

async function put({ store }: Site, key: string, value: string): Promise<void> {
  await store.transact({ compares: [], writes: [{ type: 'put', key, value }] });
}

function set(...numbers: readonly number[]): string {
  return numbers.reduce((all, one) => all.with(one), PeerNumbers.NONE).toString();
}

// Which hosts are believed: forged, replayed and missing records of a registry that somebody else
// may write to.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { HostLedger, type SignedCopy } from '../../src/agent/host-ledger.ts';
import { judge, type RefusalReason, type Trust } from '../../src/agent/host-trust.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Host, HostRemoval, SiteKey } from '../../src/registry/model.ts';
import type { SiteSigner } from '../../src/registry/site-signer.ts';
import { makeSigner } from '../fakes/site.ts';
import { ManualTimers, makeHost, makeKey, until } from './agent-world.ts';

const SITE = '0123456789abcdef';
const NOW = 0 as WallMillis;
const FIRST = makeSigner(1);
const STRANGER = makeSigner(9);
const ONE = signed(makeHost(0x1_0000, { role: 'server' }));
const TWO = signed(makeHost(0x1_0001));

test('a host that the site has signed is believed, and a forged one is not', () => {
  const forged = signed(makeHost(0x1_0002), STRANGER);
  const unsigned = makeHost(0x1_0003);
  const renamed = { ...TWO, id: 0x1_0004 as Host['id'] };
  const claims = { hosts: [ONE, TWO, forged, unsigned, renamed] };
  const { trust, reasons } = judged(fresh(), claims);
  assert.deepEqual(idsOf(trust), [ONE.id, TWO.id]);
  assert.deepEqual(reasons, ['host-signature', 'host-signature', 'host-signature']);
});

test('a record that is changed after it was believed changes nothing', () => {
  const { trust: before } = judged(fresh(), { hosts: [ONE, TWO] });
  const hijacked = { ...TWO, publicKey: makeKey(99) };
  const { trust, reasons } = judged(before, { hosts: [ONE, hijacked] });
  assert.equal(trust.hosts.get(TWO.id)?.publicKey, TWO.publicKey);
  assert.deepEqual(reasons, ['host-signature']);
  const promoted = judged(before, { hosts: [ONE, { ...TWO, role: 'server' }] });
  assert.equal(promoted.trust.hosts.get(TWO.id)?.role, 'agent');
  const renamed = judged(before, { hosts: [ONE, { ...TWO, name: 'another' }] });
  assert.equal(renamed.trust.hosts.get(TWO.id)?.name, TWO.name);
  const moved = judged(before, { hosts: [ONE, { ...TWO, endpoints: ['a:1'], region: 'fra' }] });
  assert.deepEqual(moved.trust.hosts.get(TWO.id)?.endpoints, ['a:1']);
  assert.deepEqual(moved.reasons, []);
});

test('a host is not believed with an older key than before', () => {
  const newer = signed({ ...TWO, publicKey: makeKey(50), generation: 2 });
  const { trust: before } = judged(fresh(), { hosts: [ONE, newer] });
  const { trust, reasons } = judged(before, { hosts: [ONE, TWO] });
  assert.equal(trust.hosts.get(TWO.id)?.publicKey, newer.publicKey);
  assert.deepEqual(reasons, ['older-key']);
});

test('a host changes its key by signed steps alone', () => {
  const next = keyOf(TWO, { publicKey: makeKey(51), generation: 2 });
  const { trust } = judged(fresh(), { hosts: [ONE, { ...TWO, next }] });
  assert.deepEqual(trust.hosts.get(TWO.id)?.next, next);
  const done = judged(trust, { hosts: [ONE, { ...TWO, ...next }] });
  assert.equal(done.trust.hosts.get(TWO.id)?.publicKey, next.publicKey);
  for (const bad of [
    { ...next, publicKey: makeKey(52) },
    keyOf(TWO, { publicKey: makeKey(51), generation: 3 }),
    keyOf(TWO, { publicKey: makeKey(51), generation: 2 }, STRANGER),
  ]) {
    const { trust: after, reasons } = judged(fresh(), { hosts: [ONE, { ...TWO, next: bad }] });
    assert.equal(after.hosts.get(TWO.id)?.next, undefined);
    assert.equal(after.hosts.get(TWO.id)?.publicKey, TWO.publicKey);
    assert.deepEqual(reasons, ['next-key-signature']);
  }
});

test('a host goes by a signed removal alone, and never comes back', () => {
  const { trust: before } = judged(fresh(), { hosts: [ONE, TWO] });
  const gone = judged(before, { hosts: [ONE] });
  assert.deepEqual(idsOf(gone.trust), [ONE.id, TWO.id]);
  assert.deepEqual(gone.reasons, ['missing-removal']);
  const forged = judged(before, { hosts: [ONE, TWO], removals: [removal(TWO, STRANGER)] });
  assert.deepEqual(idsOf(forged.trust), [ONE.id, TWO.id]);
  assert.deepEqual(forged.reasons, ['removal-signature']);
  // Also while its record is still there.
  const removed = judged(before, { hosts: [ONE, TWO], removals: [removal(TWO)] });
  assert.deepEqual(idsOf(removed.trust), [ONE.id]);
  const replayed = judged(removed.trust, { hosts: [ONE, TWO] });
  assert.deepEqual(idsOf(replayed.trust), [ONE.id]);
  assert.deepEqual(replayed.reasons, ['removed-host']);
});

test("the site's key changes by the word of the one before alone", () => {
  const second = makeSigner(2);
  const third = makeSigner(3);
  const links = [siteKey(1, FIRST), siteKey(2, second, FIRST), siteKey(3, third, second)];
  const { trust: before } = judged(fresh(), { hosts: [ONE, TWO] });
  const newHost = signed(makeHost(0x1_0005), third);
  const claims = { hosts: [ONE, TWO, newHost], siteKeys: links };
  const { trust } = judged(before, claims);
  assert.equal(trust.siteKey, third.publicKey);
  assert.deepEqual(idsOf(trust), [ONE.id, TWO.id, newHost.id]);
  // What the last key signs is void from here on.
  const late = judged(trust, { ...claims, hosts: [signed(makeHost(0x1_0006))] });
  assert.ok(late.reasons.includes('host-signature'));
  const usurped = [siteKey(1, FIRST), siteKey(2, STRANGER, STRANGER)];
  const attacked = judged(before, { hosts: [ONE, TWO], siteKeys: usurped });
  assert.equal(attacked.trust.siteKey, FIRST.publicKey);
  // A key that was left out may be one that nobody has let sign.
  const leap = [siteKey(1, FIRST), siteKey(3, third, FIRST)];
  assert.equal(
    judged(before, { hosts: [ONE, TWO], siteKeys: leap }).trust.siteKey,
    FIRST.publicKey,
  );
  const rolledBack = judged(trust, { hosts: [ONE], siteKeys: [siteKey(1, FIRST)] });
  assert.equal(rolledBack.trust.siteKey, third.publicKey);
});

test('a registry that shows no key of the site is not believed', () => {
  const { trust, reasons } = judged(fresh(), { hosts: [ONE], siteKeys: [] });
  assert.deepEqual(idsOf(trust), []);
  assert.deepEqual(reasons, []);
});

test('HostLedger remembers over a restart what it has refused and believed', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-ledger-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'hosts.json');
  const options = { path, siteKey: FIRST.publicKey };
  let copy = copyOf([ONE, TWO]);
  const source = { current: () => copy, setNetworks: () => undefined };
  const dependencies = { copy: source, timers: new ManualTimers(), logger: SILENT_LOGGER };
  const ledger = await HostLedger.open(dependencies, options);
  const idsIn = (one: HostLedger): number[] => one.current().hosts.map(({ id }) => id);
  assert.deepEqual(idsIn(ledger), [ONE.id, TWO.id]);
  copy = copyOf([ONE], [removal(TWO)]);
  assert.deepEqual(idsIn(ledger), [ONE.id]);
  await ledger.stop();
  copy = copyOf([ONE, TWO]);
  const restarted = await HostLedger.open(dependencies, options);
  assert.deepEqual(idsIn(restarted), [ONE.id]);
  assert.equal(restarted.counters()['removed-host'], 1);
  // Said again with every change, counted once.
  copy = copyOf([ONE, TWO]);
  assert.deepEqual(idsIn(restarted), [ONE.id]);
  assert.equal(restarted.counters()['removed-host'], 1);
  // An empty copy, or none yet, takes nothing away.
  copy = { ...copyOf([]), revision: undefined };
  assert.deepEqual(idsIn(restarted), [ONE.id]);
  writeFileSync(path, '{"version":1,');
  const damaged = await HostLedger.open(dependencies, options);
  assert.deepEqual(idsIn(damaged), []);
});

test('HostLedger has a removal on disk at once, and what follows soon together', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-ledger-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'hosts.json');
  const removed = (): unknown => {
    if (!existsSync(path)) return [];
    return (JSON.parse(readFileSync(path, 'utf8')) as { removed: number[] }).removed;
  };
  const timers = new ManualTimers();
  let copy = copyOf([ONE, TWO], [removal(TWO)]);
  const copies = { current: () => copy, setNetworks: () => undefined };
  const dependencies = { copy: copies, timers, logger: SILENT_LOGGER };
  const ledger = await HostLedger.open(dependencies, { path, siteKey: FIRST.publicKey });
  ledger.current();
  await until(() => isDeepStrictEqual(removed(), [TWO.id]));
  copy = copyOf([], [removal(TWO), removal(ONE)]);
  ledger.current();
  assert.deepEqual(removed(), [TWO.id]);
  timers.fire(1_000);
  await until(() => isDeepStrictEqual(removed(), [TWO.id, ONE.id]));
  await ledger.stop();
});

function fresh(): Trust {
  const { publicKey } = FIRST;
  return { siteKey: publicKey, site: undefined, hosts: new Map(), removed: new Set() };
}

function judged(
  before: Trust,
  claims: { hosts: Host[]; removals?: HostRemoval[]; siteKeys?: SiteKey[] },
): { readonly trust: Trust; readonly reasons: RefusalReason[] } {
  const { hosts, removals = [], siteKeys = [siteKey(1, FIRST)] } = claims;
  const { trust, refusals } = judge(before, { hosts, removals, siteKeys });
  return { trust, reasons: refusals.map(({ reason }) => reason) };
}

function signed(host: Host, signer: SiteSigner = FIRST): Host {
  return { ...host, signature: signer.signHost(SITE, host, host) };
}

function keyOf(
  host: Host,
  key: { readonly publicKey: string; readonly generation: number },
  signer: SiteSigner = FIRST,
): NonNullable<Host['next']> {
  return { ...key, signature: signer.signHost(SITE, host, key) };
}

function removal({ id: host }: Host, signer: SiteSigner = FIRST): HostRemoval {
  const signature = signer.signRemoval(SITE, { host });
  return { kind: 'host-removal', host, signature, removedAt: NOW };
}

function siteKey(generation: number, signer: SiteSigner, last?: SiteSigner): SiteKey {
  const key = { site: SITE, generation, publicKey: signer.publicKey };
  return {
    kind: 'site-key',
    ...key,
    signature: signer.signSiteKey(key),
    ...(last === undefined ? {} : { endorsement: last.signSiteKey(key) }),
    createdAt: NOW,
  };
}

const NOTHING_ELSE = {
  ...{ closures: [], networks: [], apps: [], instances: [] },
  ...{ wireguardPeers: [], peerRemovals: [] },
};

function copyOf(hosts: readonly Host[], removals: readonly HostRemoval[] = []): SignedCopy {
  const revision = { incarnation: 'a', number: 1 };
  const siteKeys = [siteKey(1, FIRST)];
  return { revision, siteKeys, hosts, removals, ...NOTHING_ELSE };
}

function idsOf(trust: Trust): number[] {
  return [...trust.hosts.keys()];
}

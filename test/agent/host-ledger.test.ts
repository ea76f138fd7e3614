// What a host believes of the copy, beside whom it believes in.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HostLedger, type SignedCopy } from '../../src/agent/host-ledger.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Closure, ClosureReason, Host } from '../../src/registry/model.ts';
import { Site } from '../fakes/site.ts';

const NO_PEERS = { wireguardPeers: [], peerRemovals: [] };

test('HostLedger believes in no drain of a registry that waits to be accepted', async (context) => {
  const site = new Site();
  await site.start();
  const host = await site.registry.drainHost('one', true);
  let copy = await copyOf(site, [host]);
  const ledger = await open(context, site, () => copy);
  const drainedAt = (): WallMillis | undefined => ledger.current().hosts[0]?.drainedAt;
  assert.equal(drainedAt(), host.drainedAt);
  copy = { ...copy, closures: [closure('restored')] };
  assert.equal(ledger.current().hosts.length, 1);
  assert.equal(drainedAt(), undefined);
  copy = { ...copy, closures: [closure('exported')] };
  assert.equal(drainedAt(), host.drainedAt);
});

test('HostLedger drops a host by its removal, whatever its record says', async (context) => {
  const site = new Site();
  const server = await site.start();
  const { host: two } = await site.join(server.id, 'two');
  let copy = await copyOf(site, [server, two]);
  const ledger = await open(context, site, () => copy);
  assert.equal(ledger.current().hosts.length, 2);
  const signature = site.signer.signRemoval((await site.registry.findSite())?.id ?? '', {
    host: two.id,
  });
  const removal = { host: two.id, signature, removedAt: 1 as WallMillis };
  copy = { ...copy, removals: [{ kind: 'host-removal', ...removal }] };
  assert.deepEqual(
    ledger.current().hosts.map(({ id }) => id),
    [server.id],
  );
  assert.deepEqual([...ledger.removed], [two.id]);
});

test('HostLedger does not judge by a copy that knows nothing', async (context) => {
  const site = new Site();
  const server = await site.start();
  let copy = await copyOf(site, [server]);
  const ledger = await open(context, site, () => copy);
  assert.equal(ledger.current().hosts.length, 1);
  copy = { ...copy, revision: undefined, siteKeys: [], hosts: [] };
  assert.equal(ledger.current().hosts.length, 1);
  assert.equal(ledger.counters()['missing-removal'], 0);
});

async function copyOf(site: Site, hosts: readonly Host[]): Promise<SignedCopy> {
  const siteKeys = await site.registry.siteKeys.list();
  const revision = { incarnation: '0123456789abcdef', number: 1 };
  const empty = { removals: [], networks: [], apps: [], instances: [], ...NO_PEERS };
  return { ...empty, revision, siteKeys, hosts, closures: [] };
}

async function open(
  context: TestContext,
  site: Site,
  current: () => SignedCopy,
): Promise<HostLedger> {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-ledger-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return await HostLedger.open(
    {
      copy: { current, setNetworks: () => undefined },
      timers: { after: () => () => undefined },
      logger: SILENT_LOGGER,
    },
    { path: join(folder, 'hosts.json'), siteKey: site.signer.publicKey },
  );
}

function closure(reason: ClosureReason): Closure {
  return { kind: 'closure', reason, since: 1 as WallMillis, facts: '' };
}

// What a host believes of the copy, beside whom it believes in.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HostLedger, type SignedCopy } from '../../src/agent/host-ledger.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Closure, ClosureReason } from '../../src/registry/model.ts';
import { Site } from '../fakes/site.ts';

const NO_PEERS = { wireguardPeers: [], peerRemovals: [] };

test('HostLedger believes in no drain of a registry that waits to be accepted', async (context) => {
  const site = new Site();
  await site.start();
  const host = await site.registry.drainHost('one', true);
  const siteKeys = await site.registry.siteKeys.list();
  const revision = { incarnation: '0123456789abcdef', number: 1 };
  const empty = { removals: [], networks: [], apps: [], instances: [], ...NO_PEERS };
  let copy: SignedCopy = { ...empty, revision, siteKeys, hosts: [host], closures: [] };
  const folder = mkdtempSync(join(tmpdir(), 'p6n-ledger-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const ledger = await HostLedger.open(
    {
      copy: { current: () => copy, setNetworks: () => undefined },
      timers: { after: () => () => undefined },
      logger: SILENT_LOGGER,
    },
    { path: join(folder, 'hosts.json'), siteKey: site.signer.publicKey },
  );
  const drainedAt = (): WallMillis | undefined => ledger.current().hosts[0]?.drainedAt;
  assert.equal(drainedAt(), host.drainedAt);
  copy = { ...copy, closures: [closure('restored')] };
  assert.equal(ledger.current().hosts.length, 1);
  assert.equal(drainedAt(), undefined);
  copy = { ...copy, closures: [closure('exported')] };
  assert.equal(drainedAt(), host.drainedAt);
});

function closure(reason: ClosureReason): Closure {
  return { kind: 'closure', reason, since: 1 as WallMillis, facts: '' };
}

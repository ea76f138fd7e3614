// What hosts report of ids: whole, and each report within the limits of a request.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Check } from 'typebox/value';
import { type HostId, ID_MIN, type NetworkId } from '../../src/addressing/ids.ts';
import { PEER_NUMBERS_LENGTH_MAX } from '../../src/addressing/peer-numbers.ts';
import { KNOWN_IDS_REPORT, PEERS_REPORT_LENGTH_MAX } from '../../src/api/contract/registry.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { idsReports, knownIds } from '../../src/daemon/known-ids.ts';
import type { KnownPeers } from '../../src/registry/closure.ts';

test('idsReports() says all that is known, in short reports, the ids last', () => {
  const peers = Array.from({ length: 40 }, (_, i) => known((ID_MIN + i) as NetworkId));
  const networks = [ID_MIN as NetworkId];
  const all = { networks, highestHost: ID_MIN as HostId, peers };
  const reports = [...idsReports(all)];
  assert.ok(reports.length > 5);
  for (const report of reports) {
    assert.ok(Check(KNOWN_IDS_REPORT, report));
    assert.ok(JSON.stringify(report).length < PEERS_REPORT_LENGTH_MAX + 1_000);
  }
  assert.deepEqual(
    reports.flatMap((report) => knownIds(report).peers ?? []),
    peers,
  );
  const { peers: _, ...ids } = knownIds(reports.at(-1)!);
  assert.deepEqual(ids, { networks, highestHost: ID_MIN });
  assert.deepEqual(knownIds({ networks: [1], highest_host: 1, peers: [{ network: 1 }] }), {
    ...{ networks: [], highestHost: undefined, peers: [] },
  });
});

function known(network: NetworkId): KnownPeers {
  const host = ID_MIN as HostId;
  const last = { network, name: 'anna', host, number: 3, publicKey: 'key', signature: 's' };
  return {
    network,
    last: { kind: 'wireguard-peer', ...last, createdAt: 0 as WallMillis },
    removals: {
      ...{ kind: 'peer-removals', network, signature: 's' },
      numbers: 'x'.repeat(PEER_NUMBERS_LENGTH_MAX),
    },
  };
}

// The metrics of a host: every counter of its parts is among them, and nothing that tenants or
// strangers do makes more series.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId } from '../../../src/addressing/ids.ts';
import type { HostLedger } from '../../../src/agent/host-ledger.ts';
import type { Millis, WallMillis } from '../../../src/base/clock.ts';
import {
  LocalMetricsService,
  type MetricsDependencies,
} from '../../../src/daemon/metrics/metrics-service.ts';
import { COUNTER_NAMES } from '../../../src/dataplane/counters.ts';
import type { PeerStatus } from '../../../src/dataplane/dataplane.ts';
import { DNS_COUNTERS } from '../../../src/dns/metrics.ts';
import { PEER_LABELS_MAX } from '../../../src/metrics/definitions.ts';
import { NAMESERVER_COUNTERS } from '../../../src/nameserver/metrics.ts';
import { NO_OFFLOADS } from '../../../src/os/offloads.ts';
import { HOST } from '../../fakes/api-services.ts';
import { type Family, parseExposition } from '../../fakes/prometheus.ts';

const NOW = 1_000_000;

async function read(
  overrides: Partial<MetricsDependencies> = {},
): Promise<ReadonlyMap<string, Family>> {
  return parseExposition(await serviceOf(overrides).metrics());
}

function serviceOf(overrides: Partial<MetricsDependencies>): LocalMetricsService {
  return new LocalMetricsService(
    {
      dataplane: { counters: () => ({}), peers: async () => [], crypto: 'noble' },
      follower: {
        status: () => ({
          ...{ following: false, syncedAt: (NOW - 7_000) as Millis, problem: undefined },
          revision: { incarnation: 'a', number: 12 },
        }),
        counters: () => ({ copyDamages: 1, copyWriteFailures: 2, disconnects: 3, resets: 4 }),
      },
      ledger: ledgerOf([]),
      names: { counters: () => ({}) },
      instances: { list: () => [] },
      registry: undefined,
      doors: new Map(),
      clock: { now: () => NOW as Millis, wallNow: () => NOW as WallMillis },
      ...overrides,
    },
    {
      version: '0.1.0',
      startedAt: 5_000 as WallMillis,
      identity: { role: 'agent' } as never,
      offloads: NO_OFFLOADS,
    },
  );
}

function ledgerOf(hosts: readonly object[]): Pick<HostLedger, 'current' | 'counters'> {
  return { current: () => ({ hosts }), counters: () => ({}) } as never;
}

function values(families: ReadonlyMap<string, Family>): Set<number> {
  return new Set([...families.values()].flatMap(({ samples }) => samples.map((one) => one.value)));
}

test('every counter of the data plane has a series of its own', async () => {
  const counters = Object.fromEntries(COUNTER_NAMES.map((name, index) => [name, 1e9 + index]));
  const dataplane = { counters: () => counters, peers: async () => [], crypto: 'noble' };
  const seen = values(await read({ dataplane }));
  for (const [name, value] of Object.entries(counters)) assert.ok(seen.has(value), name);
});

test('every counter of the name server has a series of its own', async () => {
  const counters = Object.fromEntries(
    [...DNS_COUNTERS, ...NAMESERVER_COUNTERS].map((name, index) => [name, 1e9 + index]),
  );
  const seen = values(await read({ names: { counters: () => counters } }));
  for (const [name, value] of Object.entries(counters)) assert.ok(seen.has(value), name);
});

test('drops have their place and their reason', async () => {
  const counters = { filter_drop_other_network: 3, drop_tun_write: 4, device_drop_mac1: 5 };
  const dataplane = { counters: () => counters, peers: async () => [], crypto: 'noble' };
  const drops = (await read({ dataplane })).get('p6n_drops_total')?.samples ?? [];
  assert.deepEqual(
    drops.map(({ labels, value }) => [labels['place'], labels['reason'], value]),
    [
      ['filter', 'other-network', 3],
      ['tun', 'tun-write', 4],
      ['device', 'mac1', 5],
    ],
  );
});

test('a site of many hosts, strangers and invites has a bounded number of series', async () => {
  const peer = (n: number): PeerStatus => ({
    publicKey: `key-${n}`,
    endpoint: undefined,
    lastHandshakeAt: NOW as WallMillis,
    receivedBytes: 2,
    sentBytes: 1,
    pathMtu: undefined,
  });
  const hosts = Array.from({ length: 5_000 }, (_, n) => ({
    ...{ id: (0x10000 + n) as HostId, name: `host-${n}`, publicKey: `key-${n}` },
  }));
  const peers = Array.from({ length: 6_000 }, (_, n) => peer(n));
  const dataplane = { counters: () => ({}), peers: async () => peers, crypto: 'noble' };
  const families = await read({ dataplane, ledger: ledgerOf(hosts) });
  const samples = families.get('p6n_peer_bytes_total')?.samples ?? [];
  assert.equal(samples.length, 2 * (PEER_LABELS_MAX + 1));
  assert.equal(
    samples.reduce((sum, { value }) => sum + value, 0),
    3 * peers.length,
  );
  assert.equal(families.get('p6n_sessions')?.samples[0]?.value, peers.length);
});

test('a host that changes its key is one peer', async () => {
  const peers = [1, 2].map((n) => ({
    ...{ publicKey: 'key', endpoint: undefined, lastHandshakeAt: (NOW - n) as WallMillis },
    ...{ receivedBytes: n, sentBytes: 0, pathMtu: n === 1 ? undefined : 1_340 },
  }));
  const dataplane = { counters: () => ({}), peers: async () => peers, crypto: 'noble' };
  const ledger = ledgerOf([{ name: 'two', publicKey: 'key' }]);
  const families = await read({ dataplane, ledger });
  assert.equal(families.get('p6n_peer_bytes_total')?.samples[0]?.value, 3);
  const at = families.get('p6n_peer_handshake_timestamp_seconds')?.samples[0]?.value;
  assert.equal(at, (NOW - 1) / 1000);
  assert.equal(families.get('p6n_peer_path_mtu_bytes')?.samples[0]?.value, 1_340);
});

test('what is counted under a label never goes back, whatever peers come and go', async () => {
  const peer = (n: number, bytes: number): PeerStatus => ({
    ...{ publicKey: `key-${n}`, endpoint: undefined, lastHandshakeAt: undefined },
    ...{ receivedBytes: bytes, sentBytes: 0, pathMtu: undefined },
  });
  const hosts = Array.from({ length: PEER_LABELS_MAX + 2 }, (_, n) => ({
    ...{ name: `host-${n}`, publicKey: `key-${n}` },
  }));
  const all = hosts.map((_, n) => peer(n, 100));
  const laptop = { ...peer(0, 1_000), publicKey: 'laptop' };
  let peers: readonly PeerStatus[] = [...all, laptop];
  let known: readonly object[] = hosts;
  const service = serviceOf({
    dataplane: { counters: () => ({}), peers: async () => [...peers], crypto: 'noble' },
    ledger: { current: () => ({ hosts: known }), counters: () => ({}) } as never,
  });
  const received = async (): Promise<ReadonlyMap<string | undefined, number>> => {
    const samples = parseExposition(await service.metrics()).get('p6n_peer_bytes_total')?.samples;
    const wanted = (samples ?? []).filter(({ labels }) => labels['direction'] === 'received');
    return new Map(wanted.map(({ labels, value }) => [labels['peer'], value]));
  };
  assert.equal((await received()).get('other'), 1_200);
  // The laptop goes, a host is made anew, and another leaves the site.
  peers = [peer(0, 7), ...all.slice(2)];
  known = hosts.filter((_, n) => n !== 1);
  const after = await received();
  assert.equal(after.get('other'), 1_200);
  assert.equal(after.get('host-0'), 107);
  assert.equal(after.has('host-1'), false);
  assert.ok(after.size <= PEER_LABELS_MAX + 1, `${after.size} labels`);
});

test('a host without a server says for how long', async () => {
  const families = await read();
  assert.equal(families.get('p6n_follower_connected')?.samples[0]?.value, 0);
  assert.equal(families.get('p6n_follower_lag_seconds')?.samples[0]?.value, 7);
  assert.equal(families.get('p6n_registry_revision')?.samples[0]?.value, 12);
});

test('a server counts hosts by liveness, and says when its registry does not answer', async () => {
  const registry = { listHosts: async () => ({ hosts: [HOST, { ...HOST, id: 7 }] }) };
  const up = await read({ registry });
  assert.equal(up.get('p6n_registry_up')?.samples[0]?.value, 1);
  const alive = up.get('p6n_hosts')?.samples.find(({ labels }) => labels['liveness'] === 'alive');
  assert.equal(alive?.value, 2);
  const down = await read({ registry: { listHosts: () => Promise.reject(new Error('away')) } });
  assert.equal(down.get('p6n_registry_up')?.samples[0]?.value, 0);
  assert.equal(down.get('p6n_hosts')?.samples.length, 0);
});

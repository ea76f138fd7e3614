// The metrics of this host: what its parts have counted, gathered when somebody reads them. The
// library that writes them is loaded at the first reading.

import type { HostLedger } from '../../agent/host-ledger.ts';
import type { InstanceOperations } from '../../agent/ports.ts';
import type { ApiServer } from '../../api/http-server.ts';
import type { MetricsService, RegistryService } from '../../api/services.ts';
import type { Clock } from '../../base/clock.ts';
import type { Dataplane, PeerStatus } from '../../dataplane/dataplane.ts';
import type { Follower } from '../../follower/follower.ts';
import type { MetricName, Sample, Samples } from '../../metrics/definitions.ts';
import type { Exposition } from '../../metrics/exposition.ts';
import type { Nameserver } from '../../nameserver/nameserver.ts';
import { OFFLOAD_NAMES, type Offloads } from '../../os/offloads.ts';
import { REJECT_AFTER_MS } from '../../wireguard/constants.ts';
import type { StatusFacts } from '../status-service.ts';
import { dataplaneSample, type NamedSample, namesSample } from './counted.ts';
import { PeerSeries } from './peer-series.ts';

/** A registry that says nothing for so long does not answer; Prometheus waits 10 s. */
const REGISTRY_TIMEOUT_MS = 2_000;

export interface MetricsDependencies {
  readonly dataplane: Pick<Dataplane, 'counters' | 'peers' | 'crypto'>;
  readonly follower: Pick<Follower, 'status' | 'counters'>;
  readonly ledger: Pick<HostLedger, 'current' | 'counters'>;
  readonly names: Pick<Nameserver, 'counters'>;
  readonly instances: Pick<InstanceOperations, 'list'>;
  /** Of a server. */
  readonly registry: Pick<RegistryService, 'listHosts'> | undefined;
  /** The servers of the API by name; may grow. */
  readonly doors: ReadonlyMap<string, Pick<ApiServer, 'requests' | 'refusedRequests'>>;
  readonly clock: Clock;
}

export type MetricsFacts = Pick<StatusFacts, 'version' | 'startedAt' | 'identity'> & {
  readonly offloads: Offloads;
};

export class LocalMetricsService implements MetricsService {
  readonly #dependencies: MetricsDependencies;
  readonly #facts: MetricsFacts;
  readonly #peerSeries = new PeerSeries();
  #exposition: Promise<Exposition> | undefined;
  /** Readings are made one after the other: they share what they are written from. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(dependencies: MetricsDependencies, facts: MetricsFacts) {
    this.#dependencies = dependencies;
    this.#facts = facts;
  }

  metrics(): Promise<string> {
    const text = this.#last.then(() => this.#read());
    this.#last = text.catch(() => undefined);
    return text;
  }

  async #read(): Promise<string> {
    this.#exposition ??= import('../../metrics/exposition.ts').then(
      ({ Exposition }) => new Exposition(() => this.#collect()),
    );
    return await (await this.#exposition).text();
  }

  async #collect(): Promise<Samples> {
    const { dataplane, names, registry } = this.#dependencies;
    const [peers, hosts] = await Promise.all([dataplane.peers(), hostsOf(registry)]);
    return bySeries([
      ...this.#own(),
      ...counted(dataplane.counters(), dataplaneSample),
      ...counted(names.counters(), namesSample),
      ...this.#site(),
      ...hosts,
      ...this.#peers(peers),
      ...this.#requests(),
    ]);
  }

  #own(): NamedSample[] {
    const { dataplane, instances } = this.#dependencies;
    const { version, startedAt, identity, offloads } = this.#facts;
    const { role } = identity;
    const states = { created: 0, started: 0, stopped: 0 };
    for (const { instance } of instances.list()) states[instance.state] += 1;
    return [
      one('p6n_info', 1, { version, role, crypto: dataplane.crypto }),
      one('p6n_start_time_seconds', startedAt / 1000),
      ...Object.entries(states).map(([state, count]) => one('p6n_instances', count, { state })),
      ...Object.entries(OFFLOAD_NAMES).map(([offload, key]) =>
        one('p6n_offload', Number(offloads[key]), { offload }),
      ),
    ];
  }

  #site(): NamedSample[] {
    const { follower, ledger, clock } = this.#dependencies;
    const { following, syncedAt, revision } = follower.status();
    const { disconnects, resets, copyDamages, copyWriteFailures } = follower.counters();
    const samples = [
      one('p6n_follower_connected', Number(following)),
      one('p6n_follower_disconnects_total', disconnects),
      one('p6n_follower_resets_total', resets),
      one('p6n_copy_failures_total', copyDamages, { failure: 'damaged' }),
      one('p6n_copy_failures_total', copyWriteFailures, { failure: 'write' }),
      ...Object.entries(ledger.counters()).map(([reason, count]) =>
        one('p6n_drops_total', count, { place: 'record', reason }),
      ),
    ];
    if (revision !== undefined) samples.push(one('p6n_registry_revision', revision.number));
    // Heartbeats of a server that is followed say that nothing has changed.
    if (following) samples.push(one('p6n_follower_lag_seconds', 0));
    else if (syncedAt !== undefined) {
      samples.push(one('p6n_follower_lag_seconds', (clock.now() - syncedAt) / 1000));
    }
    return samples;
  }

  #peers(peers: readonly PeerStatus[]): NamedSample[] {
    const { ledger, clock } = this.#dependencies;
    const hosts = new Map(ledger.current().hosts.map(({ publicKey, name }) => [publicKey, name]));
    const youngest = clock.wallNow() - REJECT_AFTER_MS;
    const samples: NamedSample[] = [
      one('p6n_peers', peers.length),
      one('p6n_sessions', peers.filter((peer) => (peer.lastHandshakeAt ?? 0) > youngest).length),
    ];
    const series = this.#peerSeries.read(peers, hosts);
    for (const [peer, { received, sent, handshakeAt, pathMtu }] of series) {
      samples.push(one('p6n_peer_bytes_total', received, { peer, direction: 'received' }));
      samples.push(one('p6n_peer_bytes_total', sent, { peer, direction: 'sent' }));
      if (handshakeAt > 0)
        samples.push(one('p6n_peer_handshake_timestamp_seconds', handshakeAt / 1000, { peer }));
      if (pathMtu > 0) samples.push(one('p6n_peer_path_mtu_bytes', pathMtu, { peer }));
    }
    return samples;
  }

  #requests(): NamedSample[] {
    return [...this.#dependencies.doors].flatMap(([door, { requests, refusedRequests }]) => [
      ...Object.entries(requests).map(([result, count]) =>
        one('p6n_api_requests_total', count as number, { door, result }),
      ),
      one('p6n_api_requests_refused_total', refusedRequests, { door }),
    ]);
  }
}

function bySeries(samples: readonly NamedSample[]): Samples {
  const metrics = new Map<MetricName, Sample[]>();
  for (const [name, sample] of samples) {
    const series = metrics.get(name);
    if (series === undefined) metrics.set(name, [sample]);
    else series.push(sample);
  }
  return metrics;
}

function counted(
  counters: Readonly<Record<string, number>>,
  place: (name: string, value: number) => NamedSample | undefined,
): NamedSample[] {
  return Object.entries(counters)
    .map(([name, value]) => place(name, value))
    .filter((sample) => sample !== undefined);
}

async function hostsOf(
  registry: Pick<RegistryService, 'listHosts'> | undefined,
): Promise<NamedSample[]> {
  if (registry === undefined) return [];
  try {
    const { hosts } = await withTimeout(registry.listHosts({ kind: 'operator' }));
    const counts = { alive: 0, absent: 0, unknown: 0 };
    for (const { liveness } of hosts) counts[liveness] += 1;
    return [
      one('p6n_registry_up', 1),
      ...Object.entries(counts).map(([liveness, count]) => one('p6n_hosts', count, { liveness })),
    ];
  } catch {
    return [one('p6n_registry_up', 0)];
  }
}

async function withTimeout<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('late')), REGISTRY_TIMEOUT_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function one(
  name: MetricName,
  value: number,
  labels?: Readonly<Record<string, string>>,
): NamedSample {
  return [name, labels === undefined ? { value } : { labels, value }];
}

// How far the other hosts are: round trips through the mesh, measured again and again to the hosts
// whose instances this host knows, and at once to one that is new. Names like
// `top1.nearest.of.<app>.internal` go by their order.

import type { HostId } from '../addressing/ids.ts';
import { hostAddress } from '../addressing/layout.ts';
import type { AgentIdentity, CopySource, EchoPort, Timers } from './ports.ts';

/** Between the end of a round and the next. */
export const MEASURE_INTERVAL_MS = 30_000;
/** Hosts that a round measures; where there are more, they take turns. */
export const MEASURED_HOSTS_MAX = 1024;
export const ECHOES_AT_ONCE_MAX = 64;
const ECHO_TIMEOUT_MS = 1000;
/** Rounds in a row without an answer after which a host counts as the farthest. */
const MISSES_MAX = 2;
/** A new round trip counts this much against all before it. */
const NEW_WEIGHT = 0.25;

export interface DistancesDependencies {
  readonly echo: EchoPort;
  readonly identity: () => AgentIdentity;
  readonly copy: Pick<CopySource, 'current'>;
  readonly timers: Timers;
  /** The order of the hosts is another one. */
  readonly onChange: () => void;
}

interface Distance {
  /** Undefined while it has not answered. */
  roundTripMs: number | undefined;
  misses: number;
}

export class Distances {
  readonly #dependencies: DistancesDependencies;
  readonly #distances = new Map<HostId, Distance>();
  #nearestHosts: readonly HostId[] = [];
  #cancel: () => void = () => undefined;
  #turn = 0;
  #busy = false;
  #stopped = false;

  constructor(dependencies: DistancesDependencies) {
    this.#dependencies = dependencies;
  }

  /** The hosts that answer, the nearest first. */
  get nearestHosts(): readonly HostId[] {
    return this.#nearestHosts;
  }

  /** The copy may have changed: begins a round if a host is in it that was never measured. */
  look(): void {
    if (this.#busy || this.#stopped) return;
    const isNew = [...this.#hosts()].some((host) => !this.#distances.has(host));
    if (isNew) void this.#round();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #round(): Promise<void> {
    this.#busy = true;
    this.#cancel();
    const { echo, identity, timers } = this.#dependencies;
    const source = hostAddress(identity().hostId);
    const hosts = this.#nextHosts();
    for (let start = 0; start < hosts.length && !this.#stopped; start += ECHOES_AT_ONCE_MAX) {
      const some = hosts.slice(start, start + ECHOES_AT_ONCE_MAX);
      const answers = await echo.measure(source, some.map(hostAddress), ECHO_TIMEOUT_MS);
      for (const host of some) this.#note(host, answers.get(hostAddress(host)));
    }
    this.#busy = false;
    if (this.#stopped) return;
    this.#sort();
    this.#cancel = timers.after(MEASURE_INTERVAL_MS, () => void this.#round());
  }

  /** Other hosts with instances that this host knows. */
  #hosts(): ReadonlySet<HostId> {
    const { copy, identity } = this.#dependencies;
    const hosts = new Set<HostId>();
    for (const { host } of copy.current().instances) hosts.add(host);
    hosts.delete(identity().hostId);
    return hosts;
  }

  /** Those of this round; what is known of hosts without instances is forgotten. */
  #nextHosts(): readonly HostId[] {
    const hosts = this.#hosts();
    for (const host of this.#distances.keys()) if (!hosts.has(host)) this.#distances.delete(host);
    const inOrder = [...hosts].sort((a, b) => a - b);
    for (const host of inOrder) {
      if (!this.#distances.has(host)) {
        this.#distances.set(host, { roundTripMs: undefined, misses: 0 });
      }
    }
    if (inOrder.length <= MEASURED_HOSTS_MAX) return inOrder;
    const start = this.#turn % inOrder.length;
    this.#turn = start + MEASURED_HOSTS_MAX;
    return [...inOrder, ...inOrder].slice(start, start + MEASURED_HOSTS_MAX);
  }

  #note(host: HostId, roundTripMs: number | undefined): void {
    const distance = this.#distances.get(host);
    if (distance === undefined) return;
    if (roundTripMs === undefined) {
      distance.misses += 1;
      if (distance.misses >= MISSES_MAX) distance.roundTripMs = undefined;
      return;
    }
    const before = distance.roundTripMs ?? roundTripMs;
    distance.roundTripMs = before + (roundTripMs - before) * NEW_WEIGHT;
    distance.misses = 0;
  }

  #sort(): void {
    const answering = [...this.#distances].flatMap(([host, { roundTripMs }]) =>
      roundTripMs === undefined ? [] : [{ host, roundTripMs }],
    );
    answering.sort((a, b) => a.roundTripMs - b.roundTripMs || a.host - b.host);
    const next = answering.map(({ host }) => host);
    const isSame =
      next.length === this.#nearestHosts.length &&
      next.every((host, rank) => host === this.#nearestHosts[rank]);
    if (isSame) return;
    this.#nearestHosts = next;
    this.#dependencies.onChange();
  }
}

// A whole host's data plane without its loop: the parts of the packet path, put together over ports
// and told what shall be. The worker runs it on the machine, tests run many in one process.

import { toBase64 } from '../../base/bytes.ts';
import { after, type Millis } from '../../base/clock.ts';
import { asP6nError, type P6nError } from '../../base/errors.ts';
import { randomUint32 } from '../../base/random.ts';
import type { EndpointAddress, PeerConfig } from '../../device/config.ts';
import { HostRoutes } from '../../device/host-routes.ts';
import type { DeviceEvents } from '../../device/ports.ts';
import type { FilterConfig } from '../../filter/config.ts';
import { PacketFilter } from '../../filter/filter.ts';
import type { Offloads } from '../../os/offloads.ts';
import type { PrivateKey, PublicKey } from '../../wireguard/crypto/crypto.ts';
import { type CaptureSpec, CaptureTap } from '../capture/tap.ts';
import type { ConfigChange } from '../config-diff.ts';
import { type EngineDependencies, makeParts } from '../path/parts.ts';
import type { Pipeline } from '../path/pipeline.ts';
import { MESH_PLACES } from '../path/places.ts';
import { udpToken } from '../path/tokens.ts';
import type { RecentPeer } from '../session-book.ts';
import { MeshPolicy } from './mesh-policy.ts';
import { PeerEvents } from './peer-events.ts';
import { HOST_FIELD, PeerTable } from './peer-table.ts';

export interface EngineOptions {
  /** 0 for any free one. */
  readonly listenPort: number;
  readonly privateKey: PrivateKey;
  readonly mtu: number;
  readonly offloads: Offloads;
  /** Peers that had a session with this host before its start, the latest first; maybe none. */
  readonly recentPeers?: readonly RecentPeer[];
}

interface PeerStart {
  readonly at: Millis;
  readonly lastEndpoint: EndpointAddress | undefined;
}

/** One part of a change that failed; the others hold. */
export interface ChangeFailure {
  readonly part:
    | { readonly kind: 'tun'; readonly tun: number }
    | { readonly kind: 'peer'; readonly publicKey: string }
    | { readonly kind: 'filter' };
  readonly error: P6nError;
}

/** Handshakes that a start begins: a burst would put this host and others under load. */
export const START_INITIATIONS_PER_SECOND = 64;

/** What the filter knows before it is told: nothing, so that nothing passes. */
const CLOSED_FILTER: FilterConfig = {
  hostId: undefined,
  region: '',
  extraHostAddresses: [],
  server: false,
  hosts: [],
  networks: [],
  instances: [],
  wireguardPeers: [],
};

export class Engine {
  readonly pipeline: Pipeline;
  readonly peers: PeerTable;
  readonly #policy: MeshPolicy;
  readonly #dependencies: EngineDependencies;
  readonly #events = new PeerEvents();
  readonly #recentPeers: readonly RecentPeer[];
  #hasPeers = false;

  /** Opens the UDP sockets; throws PORT_TAKEN or SYSTEM. */
  constructor(dependencies: EngineDependencies, options: EngineOptions) {
    this.#dependencies = dependencies;
    this.#recentPeers = options.recentPeers ?? [];
    const { random, counters, openUdp, poller } = dependencies;
    const { listenPort, privateKey, mtu, offloads } = options;
    const routes = new HostRoutes(HOST_FIELD);
    const parts = makeParts(dependencies, {
      places: MESH_PLACES,
      offloads,
      openSockets: (udpOptions) => openUdp({ ...udpOptions, port: listenPort }),
      routes,
      events: this.#events,
      device: { privateKey, mtu },
    });
    const filter = new PacketFilter(CLOSED_FILTER, {
      flowSeed: randomUint32(random),
      counters: { drops: counters.filterDrops, passes: counters.filterPasses },
    });
    this.peers = new PeerTable(parts.device, routes);
    this.#policy = new MeshPolicy(filter, this.peers, CLOSED_FILTER);
    this.pipeline = { ...parts, policy: this.#policy };
    const { udp } = parts;
    for (const [i, descriptor] of udp.descriptors.entries()) poller.add(descriptor, udpToken(i));
  }

  /**
   * Carries out a change and returns what failed. What comes is there before the filter lets
   * anything to it, and what goes is closed by the filter first.
   */
  apply(change: ConfigChange): ChangeFailure[] {
    const { peers } = this;
    const { device, tuns, udp } = this.pipeline;
    const { filter } = change;
    const now = this.#dependencies.clock.now();
    const failures: ChangeFailure[] = [];
    if (change.privateKey !== undefined) peers.setPrivateKey(change.privateKey, now);
    if (change.mtu !== undefined) device.setMtu(change.mtu);
    const startsAt = this.#planStart(change.peers, now);
    for (const peer of change.peers) {
      const { at, lastEndpoint } = startsAt.get(peer) ?? {};
      const settings = lastEndpoint === undefined ? peer : { ...peer, lastEndpoint };
      attempt(failures, peerPart(peer.publicKey), () => peers.install(settings, now, at));
      udp.flush();
    }
    for (const tun of change.replacedTuns) tuns.remove(tun);
    for (const tun of change.newTuns) {
      attempt(failures, { kind: 'tun', tun: tun.tun }, () => tuns.open(tun));
    }
    if (filter !== undefined) {
      attempt(failures, { kind: 'filter' }, () => this.#policy.replaceConfig(filter));
    }
    for (const tun of change.goneTuns) tuns.remove(tun);
    for (const publicKey of change.gonePeers) peers.remove(publicKey);
    return failures;
  }

  /** Shows packets to who captures; undefined ends that. */
  capture(spec: CaptureSpec | undefined): void {
    const { clock } = this.#dependencies;
    this.#policy.capture(spec === undefined ? undefined : new CaptureTap(spec, clock));
  }

  /** Runs the timers that are due. */
  tick(now: Millis): void {
    this.pipeline.device.tick(now);
    this.pipeline.udp.flush();
  }

  /** The machine has slept: no session is used again, and those that were begin anew. */
  forgetSessions(): void {
    this.pipeline.device.forgetSessions(this.#dependencies.clock.now());
    this.pipeline.udp.flush();
  }

  nextDeadline(): Millis {
    return this.pipeline.device.nextDeadline();
  }

  /** Tells what happened to peers since the last call. */
  drainEvents(listener: DeviceEvents): void {
    this.#events.drain(listener);
  }

  /** Zeroes all keys and closes all descriptors. */
  close(): void {
    const { device, tuns, udp } = this.pipeline;
    device.close();
    tuns.closeAll();
    for (const descriptor of udp.descriptors) this.#dependencies.poller.remove(descriptor);
    udp.close();
  }

  /**
   * When to begin with each of the first peers, and where. Those that knew this host before its
   * start have sessions that it has lost, and would notice only when nothing was answered for 15 s:
   * those of the last sessions come first.
   */
  #planStart(peers: readonly PeerConfig[], now: Millis): Map<PeerConfig, PeerStart> {
    const startsAt = new Map<PeerConfig, PeerStart>();
    if (this.#hasPeers || peers.length === 0) return startsAt;
    this.#hasPeers = true;
    const plan = (peer: PeerConfig, lastEndpoint?: EndpointAddress): void => {
      if (startsAt.has(peer)) return;
      const at = after(now, (startsAt.size * 1000) / START_INITIATIONS_PER_SECOND);
      startsAt.set(peer, { at, lastEndpoint });
    };
    const byKey = new Map(peers.map((peer) => [toBase64(peer.publicKey), peer]));
    for (const { publicKey, endpoint } of this.#recentPeers) {
      const peer = byKey.get(publicKey);
      if (peer !== undefined) plan(peer, endpoint);
    }
    for (const peer of peers) if (peer.endpoint !== undefined) plan(peer);
    return startsAt;
  }
}

function peerPart(publicKey: PublicKey): ChangeFailure['part'] {
  return { kind: 'peer', publicKey: toBase64(publicKey) };
}

function attempt(failures: ChangeFailure[], part: ChangeFailure['part'], action: () => void): void {
  try {
    action();
  } catch (error) {
    failures.push({ part, error: asP6nError(error, 'Cannot change the data plane') });
  }
}

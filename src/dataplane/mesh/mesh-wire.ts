// A wire of a host of the mesh: a device with its sockets, its peers and what happens to them. The
// same for hosts and for WireGuard peers; which of both, the routes of the peers say.

import { toBase64 } from '../../base/bytes.ts';
import { after, type Millis } from '../../base/clock.ts';
import type { PacketBatch } from '../../base/packet-batch.ts';
import type { EndpointAddress, PeerConfig } from '../../device/config.ts';
import type { Device } from '../../device/device.ts';
import { HostRoutes } from '../../device/host-routes.ts';
import type { Poller } from '../../os/poller.ts';
import type { Udp } from '../../os/udp.ts';
import type { PublicKey } from '../../wireguard/crypto/crypto.ts';
import type { ConfigChange } from '../config-diff.ts';
import { type EngineDependencies, type Ground, makeWire } from '../path/parts.ts';
import { MESH_PLACES } from '../path/places.ts';
import { udpToken } from '../path/tokens.ts';
import type { Wire } from '../path/wire.ts';
import type { RecentPeer } from '../session-book.ts';
import { attempt, type ChangeFailure } from './change-failure.ts';
import type { EngineOptions } from './engine.ts';
import type { MeshPolicy } from './mesh-policy.ts';
import { PeerEvents } from './peer-events.ts';
import { HOST_FIELD, PeerTable } from './peer-table.ts';

/** Handshakes that a start begins: a burst would put this host and others under load. */
export const START_INITIATIONS_PER_SECOND = 64;

interface PeerStart {
  readonly at: Millis;
  readonly lastEndpoint: EndpointAddress | undefined;
}

export interface MeshWireOptions extends EngineOptions {
  /** The number of its first socket. */
  readonly firstSocket: number;
  /** The policy of a wire with these peers. */
  readonly policyFor: (peers: PeerTable) => MeshPolicy;
}

export class MeshWire implements Wire {
  readonly device: Device;
  readonly udp: Udp;
  readonly policy: MeshPolicy;
  readonly peers: PeerTable;
  readonly events: PeerEvents = new PeerEvents();
  readonly fromTuns: PacketBatch;
  readonly fromPeers: PacketBatch;
  readonly #poller: Pick<Poller, 'add' | 'remove'>;
  readonly #recentPeers: readonly RecentPeer[];
  #hasPeers = false;

  /** Opens the UDP sockets; throws PORT_TAKEN or SYSTEM. */
  constructor(dependencies: EngineDependencies, ground: Ground, options: MeshWireOptions) {
    const { openUdp, poller } = dependencies;
    const { listenPort, privateKey, mtu, offloads, firstSocket, recentPeers = [] } = options;
    const routes = new HostRoutes(HOST_FIELD);
    const parts = makeWire(dependencies, ground, {
      places: MESH_PLACES,
      offloads,
      openSockets: (udpOptions) => openUdp({ ...udpOptions, port: listenPort }),
      routes,
      events: this.events,
      device: { privateKey, mtu },
    });
    this.device = parts.device;
    this.udp = parts.udp;
    this.fromTuns = parts.fromTuns;
    this.fromPeers = parts.fromPeers;
    this.peers = new PeerTable(this.device, routes);
    this.policy = options.policyFor(this.peers);
    this.#poller = poller;
    this.#recentPeers = recentPeers;
    for (const [i, descriptor] of this.udp.descriptors.entries()) {
      poller.add(descriptor, udpToken(firstSocket + i));
    }
  }

  /** Installs or updates peers and adds those that fail to `failures`. */
  install(peers: ConfigChange['peers'], now: Millis, failures: ChangeFailure[]): void {
    const startsAt = this.#planStart(peers, now);
    for (const peer of peers) {
      const { at, lastEndpoint } = startsAt.get(peer) ?? {};
      const settings = lastEndpoint === undefined ? peer : { ...peer, lastEndpoint };
      const part = { kind: 'peer', publicKey: toBase64(peer.publicKey) } as const;
      attempt(failures, part, () => this.peers.install(settings, now, at));
      this.udp.flush();
    }
  }

  remove(publicKeys: readonly PublicKey[]): void {
    for (const publicKey of publicKeys) this.peers.remove(publicKey);
  }

  tick(now: Millis): void {
    this.device.tick(now);
    this.udp.flush();
  }

  /** No session is used again, and those that were begin anew. */
  forgetSessions(now: Millis): void {
    this.device.forgetSessions(now);
    this.udp.flush();
  }

  /** Zeroes all keys and closes the sockets. */
  close(): void {
    this.device.close();
    for (const descriptor of this.udp.descriptors) this.#poller.remove(descriptor);
    this.udp.close();
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

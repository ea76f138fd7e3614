// A whole host as a node of the simulated network: engine, filter and device over TUNs and UDP in
// memory. The programs of its instances answer pings.

import { toBase64 } from '../../src/base/bytes.ts';
import type { Clock, Millis, WallMillis } from '../../src/base/clock.ts';
import { plainSlab } from '../../src/base/slab.ts';
import type { DataplaneConfig } from '../../src/dataplane/config.ts';
import { diffConfig } from '../../src/dataplane/config-diff.ts';
import { counterMemory, readCounters, viewCounters } from '../../src/dataplane/counters.ts';
import type { ChangeFailure } from '../../src/dataplane/mesh/change-failure.ts';
import { Engine } from '../../src/dataplane/mesh/engine.ts';
import type { MeshWire } from '../../src/dataplane/mesh/mesh-wire.ts';
import { moveInbound } from '../../src/dataplane/path/inbound.ts';
import { moveOutbound, TunState } from '../../src/dataplane/path/outbound.ts';
import type { RecentPeer } from '../../src/dataplane/session-book.ts';
import { IPV6_HEADER_BYTES, readUint16 } from '../../src/ip/header.ts';
import { formatIpv6 } from '../../src/ip/ipv6-address.ts';
import { plainSummedSlab } from '../../src/ip/slab-sums.ts';
import { Icmpv6Type } from '../../src/ip/transport.ts';
import { ALL_OFFLOADS } from '../../src/os/offloads.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { MemoryTun } from '../fakes/memory-tun.ts';
import { MemoryUdp } from '../fakes/memory-udp.ts';
import { MTU } from '../fakes/mesh.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { echo, echoReply } from '../filter/packets.ts';
import type { SimAddress, SimLink, SimNatOptions, SimNetwork, SimNode } from './network.ts';

export interface HostNodeOptions {
  /** How far its wall clock is ahead. */
  readonly clockOffsetMs?: number;
  readonly config: DataplaneConfig;
  readonly address: SimAddress;
  readonly nat?: SimNatOptions;
}

/** What came out of a TUN. */
export interface Delivered {
  readonly tun: number;
  readonly source: string;
  readonly destination: string;
  /** Of ICMPv6; undefined for anything else. */
  readonly type: number | undefined;
  readonly id: number;
}

export class HostNode implements SimNode {
  readonly link: SimLink;
  /** By their numbers. */
  readonly tuns: Map<number, MemoryTun> = new Map();
  readonly delivered: Delivered[] = [];
  /** Whether pings are answered. */
  answersPings = true;
  /** While it is true, datagrams that arrive wait at the socket until takeWaiting(). */
  isBusy = false;
  engine: Engine;
  readonly #network: SimNetwork;
  readonly #clockOffsetMs: number;
  #config: DataplaneConfig | undefined;
  #recentPeers: readonly RecentPeer[] = [];
  #counters = counterMemory();
  #udp!: MemoryUdp;

  constructor(network: SimNetwork, options: HostNodeOptions) {
    this.#network = network;
    this.#clockOffsetMs = options.clockOffsetMs ?? 0;
    this.engine = this.#makeEngine(options.config);
    this.link = network.attach(this, options.address, options.nat);
    this.apply(options.config);
  }

  /** Brings the host to a configuration as the handle does; returns what failed. */
  apply(config: DataplaneConfig): ChangeFailure[] {
    const change = diffConfig(this.#config, config);
    this.#config = config;
    return change === undefined ? [] : this.engine.apply(change);
  }

  /** Forgets everything but its configuration, as after a kill; and the peers of its sessions. */
  restart({ keepsSessions = false }: { readonly keepsSessions?: boolean } = {}): void {
    if (keepsSessions) {
      this.#recentPeers = this.#statuses().flatMap(({ publicKey, status }) => {
        const { endpoint } = status;
        return endpoint === undefined ? [] : [{ publicKey: toBase64(publicKey), endpoint }];
      });
    }
    const config = this.#config;
    if (config === undefined) return;
    this.#counters = counterMemory();
    this.tuns.clear();
    this.engine = this.#makeEngine(config);
    this.#config = undefined;
    this.apply(config);
  }

  /** A program behind TUN `tun` sends a packet. */
  send(tun: number, packet: Uint8Array): void {
    this.tuns.get(tun)?.waiting.push(packet);
    while (moveOutbound(this.engine.pipeline, tun, this.#network.now) === TunState.MoreWaits);
  }

  ping(tun: number, from: string, to: string, id: number): void {
    this.send(tun, echo(from, to, id));
  }

  /** Whether the answer to ping `id` from `address` came out of TUN `tun`. */
  hasPong(tun: number, from: string, id: number): boolean {
    return this.delivered.some(
      (one) =>
        one.tun === tun &&
        one.source === from &&
        one.id === id &&
        one.type === Icmpv6Type.EchoReply,
    );
  }

  counters(): Record<string, number> {
    return readCounters(this.#counters);
  }

  receive(datagram: Uint8Array, from: Uint8Array, trafficClass: number, now: Millis): void {
    this.#udp.waiting.push({ bytes: datagram, endpoint: from, trafficClass });
    if (!this.isBusy) this.takeWaiting(now);
  }

  takeWaiting(now: Millis): void {
    while (moveInbound(this.engine.pipeline, 0, now));
  }

  tick(now: Millis): void {
    this.engine.tick(now);
  }

  nextDeadline(): Millis {
    return this.engine.nextDeadline();
  }

  #statuses(): ReturnType<MeshWire['peers']['statuses']> {
    return this.engine.wires.flatMap(({ peers }) => peers.statuses());
  }

  #makeEngine({ listenPort, device }: DataplaneConfig): Engine {
    const network = this.#network;
    const seed = new Uint8Array(4);
    network.random.fill(seed);
    const clock: Clock = {
      now: () => network.now,
      wallNow: () => (network.wallNow() + this.#clockOffsetMs) as WallMillis,
    };
    return new Engine(
      {
        crypto: NOBLE_CRYPTO,
        random: new SeededRandom(new DataView(seed.buffer).getUint32(0)),
        clock,
        workNow: () => network.now,
        allocateSlab: plainSlab,
        allocateSummedSlab: plainSummedSlab,
        openTun: (options) => new MemoryTun(options),
        openUdp: (options) => {
          this.#udp = new MemoryUdp(options, ({ bytes, endpoint, trafficClass }) =>
            this.link.send(bytes, endpoint, trafficClass),
          );
          return this.#udp;
        },
        poller: {
          add: (_descriptor, tun) => this.#watch(tun),
          remove: () => undefined,
        },
        counters: viewCounters(this.#counters),
        onRefused: () => undefined,
      },
      {
        ...{ listenPort, privateKey: device.privateKey, mtu: MTU, offloads: ALL_OFFLOADS },
        recentPeers: this.#recentPeers,
      },
    );
  }

  /** The data plane has made TUN `tun`: what comes out of it is noted, and pings are answered. */
  #watch(number: number): void {
    const tun = this.engine.pipeline.tuns.get(number);
    if (!(tun instanceof MemoryTun)) return;
    this.tuns.set(number, tun);
    tun.onPacket = (packet) => this.#take(number, packet);
  }

  #take(tun: number, packet: Uint8Array): void {
    const isIcmpv6 = packet[6] === 58;
    const type = isIcmpv6 ? packet[IPV6_HEADER_BYTES] : undefined;
    const id = isIcmpv6 ? readUint16(packet, IPV6_HEADER_BYTES + 4) : 0;
    const [source, destination] = [formatIpv6(packet, 8), formatIpv6(packet, 24)];
    this.delivered.push({ tun, source, destination, type, id });
    if (type !== Icmpv6Type.EchoRequest || !this.answersPings) return;
    // A program answers when it has its turn, not in the middle of a write.
    this.#network.schedule(0, () => this.send(tun, echoReply(destination, source, id)));
  }
}

// A device as a node of the simulated network: it sends packets, answers pings with pongs, and
// keeps what it received.

import type { Millis } from '../../src/base/clock.ts';
import { DatagramBatch, ENDPOINT_BYTES, PacketBatch } from '../../src/base/packet-batch.ts';
import { plainSlab } from '../../src/base/slab.ts';
import type { PeerSettings } from '../../src/device/config.ts';
import type { DeviceCounter } from '../../src/device/counters.ts';
import { Device, SCRATCH_BYTES_MIN } from '../../src/device/device.ts';
import { HostRoutes } from '../../src/device/host-routes.ts';
import { type DatagramSink, PACKET_HEADROOM } from '../../src/device/ports.ts';
import type { PeerIndex } from '../../src/device/routes.ts';
import type { Crypto, PublicKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { type KeyPair, keyPair } from '../../src/wireguard/identity.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import type { SimAddress, SimLink, SimNatOptions, SimNetwork, SimNode } from './network.ts';

export const MTU = 1420;
const IPV6_HEADER_BYTES = 40;
const HOST_FIELD_OFFSET = 6;
const HOST_ID_MIN = 0x10000;
const FIELD = {
  prefix: Uint8Array.of(0xfd, 0xaa),
  offset: HOST_FIELD_OFFSET,
  idMin: HOST_ID_MIN,
  hostsMax: 2 ** 20,
};
const PING = 1;
const PONG = 2;
const SLAB_BYTES = 65_536;

export interface DeviceNodeOptions {
  readonly hostNumber: number;
  readonly address: SimAddress;
  readonly nat?: SimNatOptions;
  /** What a handshake takes by the device's measure; the device assumes a cost when absent. */
  readonly handshakeWorkMs?: number;
  /** The reference when absent. */
  readonly crypto?: Crypto;
  /** What the system knows of every path, 0 for nothing; paths are not probed when absent. */
  readonly pathMtu?: number;
}

export class DeviceNode implements SimNode {
  readonly hostId: number;
  readonly keys: KeyPair;
  readonly device: Device;
  readonly link: SimLink;
  readonly routes: HostRoutes = new HostRoutes(FIELD);
  /** Packets that came out, without their header: kind, number. */
  readonly pongs: Set<number> = new Set();
  readonly pings: number[] = [];
  readonly completed: PeerIndex[] = [];
  readonly roamed: PeerIndex[] = [];
  /** Whether a local address is right after a change of routes. */
  isSourceRight: () => boolean = () => false;
  /** Everything that went to the network. */
  readonly sent: { readonly datagram: Uint8Array; readonly trafficClass: number }[] = [];
  /** Called with each packet that came out. */
  onPacket: (packet: Uint8Array) => void = () => undefined;
  readonly #network: SimNetwork;
  readonly #slab = plainSlab(SLAB_BYTES);
  readonly #datagrams = new DatagramBatch(this.#slab, 8);
  readonly #packets = new PacketBatch(this.#slab, 8);
  readonly #outcomes = new Uint8Array(8);

  constructor(network: SimNetwork, options: DeviceNodeOptions) {
    this.#network = network;
    this.hostId = HOST_ID_MIN + options.hostNumber;
    const seed = new Uint8Array(32);
    network.random.fill(seed);
    this.keys = keyPair(NOBLE_CRYPTO, seed);
    const deviceSeed = new DataView(seed.buffer).getUint32(0);
    this.device = new Device(
      {
        crypto: options.crypto ?? NOBLE_CRYPTO,
        random: new SeededRandom(deviceSeed),
        wallNow: network.wallNow,
        routes: this.routes,
        ...workClock(options.handshakeWorkMs),
        scratch: plainSlab(SCRATCH_BYTES_MIN),
        sink: {
          push: this.#push,
          isSourceRight: () => this.isSourceRight(),
          ...this.#probing(options.pathMtu),
          flush: () => undefined,
        },
        events: {
          handshakeCompleted: (peer) => this.completed.push(peer),
          peerSilent: () => undefined,
          endpointRoamed: (peer) => this.roamed.push(peer),
        },
      },
      { privateKey: this.keys.privateKey, mtu: MTU },
    );
    this.link = network.attach(this, options.address, options.nat);
  }

  #push: DatagramSink['push'] = (slab, offset, length, endpoints, endpointOffset, trafficClass) => {
    const datagram = slab.bytes.slice(offset, offset + length);
    this.sent.push({ datagram, trafficClass });
    const to = endpoints.subarray(endpointOffset, endpointOffset + ENDPOINT_BYTES);
    this.link.send(datagram, to, trafficClass);
  };

  #probing(pathMtu: number | undefined): Pick<DatagramSink, 'sendWhole' | 'pathMtu'> {
    if (pathMtu === undefined) return {};
    return {
      pathMtu: () => pathMtu,
      sendWhole: (slab, offset, length, endpoints, endpointOffset) =>
        this.#push(slab, offset, length, endpoints, endpointOffset, 0),
    };
  }

  get publicKey(): PublicKey {
    return this.keys.publicKey;
  }

  count(counter: DeviceCounter): number {
    return this.device.counters[counter]!;
  }

  /** Installs `other` as the peer of its host. */
  meet(other: DeviceNode, settings: Partial<PeerSettings> = {}, initiateAt?: Millis): PeerIndex {
    const peer = this.device.installPeer(
      { publicKey: other.publicKey, ...settings },
      this.#network.now,
      initiateAt,
    );
    this.routes.setHost(other.hostId, 'current', peer);
    return peer;
  }

  /** Sends a ping of number `n` to `other`; returns its SendOutcome. */
  ping(other: DeviceNode, n: number, payloadBytes = 8): number {
    return this.#send(packetBetween(this.hostId, other.hostId, PING, n, payloadBytes));
  }

  /** Sends any packet. */
  sendPacket(packet: Uint8Array): number {
    return this.#send(packet);
  }

  receive(datagram: Uint8Array, from: Uint8Array, trafficClass: number, now: Millis): void {
    this.receiveAll([datagram], from, trafficClass, now);
  }

  /** One batch of datagrams from one endpoint. */
  receiveAll(
    datagrams: readonly Uint8Array[],
    from: Uint8Array,
    trafficClass: number,
    now: Millis,
  ): void {
    this.#datagrams.clear();
    this.#packets.clear();
    let offset = 0;
    for (const datagram of datagrams) {
      const i = this.#datagrams.count++;
      this.#slab.bytes.set(datagram, offset);
      this.#datagrams.offsets[i] = offset;
      this.#datagrams.lengths[i] = datagram.length;
      this.#datagrams.trafficClasses[i] = trafficClass;
      this.#datagrams.endpoints.set(from, i * ENDPOINT_BYTES);
      offset += datagram.length;
    }
    this.device.receiveDatagrams(this.#datagrams, this.#packets, now);
    const packets = Array.from({ length: this.#packets.count }, (_, i) => {
      const at = this.#packets.offsets[i]!;
      return this.#slab.bytes.slice(at, at + this.#packets.lengths[i]!);
    });
    for (const packet of packets) this.#take(packet);
  }

  tick(now: Millis): void {
    this.device.tick(now);
  }

  nextDeadline(): Millis {
    return this.device.nextDeadline();
  }

  #take(packet: Uint8Array): void {
    this.onPacket(packet);
    const view = new DataView(packet.buffer);
    const kind = view.getUint32(IPV6_HEADER_BYTES);
    const n = view.getUint32(IPV6_HEADER_BYTES + 4);
    if (kind === PONG) this.pongs.add(n);
    if (kind !== PING) return;
    this.pings.push(n);
    const sender = view.getUint32(8 + HOST_FIELD_OFFSET);
    this.#send(packetBetween(this.hostId, sender, PONG, n, packet.length - IPV6_HEADER_BYTES));
  }

  #send(packet: Uint8Array): number {
    this.#slab.bytes.set(packet, PACKET_HEADROOM);
    this.#packets.clear();
    this.#packets.push(PACKET_HEADROOM, packet.length, 0);
    this.device.sendPackets(this.#packets, this.#outcomes, this.#network.now);
    return this.#outcomes[0]!;
  }
}

/** An IPv6 packet from one host's own address to another's. */
export function packetBetween(
  fromHostId: number,
  toHostId: number,
  kind: number,
  n: number,
  payloadBytes: number,
): Uint8Array {
  const packet = new Uint8Array(IPV6_HEADER_BYTES + payloadBytes);
  const view = new DataView(packet.buffer);
  packet[0] = 0x60;
  view.setUint16(4, payloadBytes);
  packet[6] = 59;
  packet[7] = 64;
  for (const [at, host] of [
    [8, fromHostId],
    [24, toHostId],
  ] as const) {
    view.setUint16(at, 0xfdaa);
    view.setUint32(at + HOST_FIELD_OFFSET, host);
    view.setUint16(at + 14, 1);
  }
  view.setUint32(IPV6_HEADER_BYTES, kind);
  view.setUint32(IPV6_HEADER_BYTES + 4, n);
  return packet;
}

/** A clock that moves on by `workMs` from the beginning of a handshake to its end. */
function workClock(workMs: number | undefined): { workNow?: () => Millis } {
  if (workMs === undefined) return {};
  let readings = 0;
  return { workNow: () => (Math.ceil(readings++ / 2) * workMs) as Millis };
}

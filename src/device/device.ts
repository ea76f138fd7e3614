// A WireGuard device without I/O: packets in, datagrams out, and the other way round, for any
// number of peers. The door of this folder.

import type { Millis, WallMillis } from '../base/clock.ts';
import { NEVER } from '../base/clock.ts';
import type { DatagramBatch, PacketBatch } from '../base/packet-batch.ts';
import type { Random } from '../base/random.ts';
import type { Slab } from '../base/slab.ts';
import type { Crypto, PrivateKey } from '../wireguard/crypto/crypto.ts';
import type { EndpointAddress, PeerSettings } from './config.ts';
import { deviceCounters } from './counters.ts';
import type { DatagramSink, DeviceEvents } from './ports.ts';
import { NO_PEER, type PeerIndex, type Routes } from './routes.ts';

export interface DeviceDependencies {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly wallNow: () => WallMillis;
  readonly routes: Routes;
  readonly sink: DatagramSink;
  readonly events: DeviceEvents;
  /**
   * Memory for handshake messages and staged packets on their way out, at least
   * SCRATCH_BYTES_MIN.
   */
  readonly scratch: Slab;
  /** DEVICE_COUNTERS numbers, perhaps in shared memory; the device's own when absent. */
  readonly counters?: Float64Array;
  /** A running clock that measures the work of handshakes; a fixed cost is assumed when absent. */
  readonly workNow?: () => Millis;
}

export interface DeviceOptions {
  readonly privateKey: PrivateKey;
  /** MTU of the inner packets: padding does not go beyond it. 0 when unknown. */
  readonly mtu: number;
}

export interface PeerStatus {
  readonly endpoint: EndpointAddress | undefined;
  readonly lastHandshakeAt: WallMillis | undefined;
  /** Bytes of UDP payload, handshakes included. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** The least scratch memory: a handshake message and a staged packet of any size. */
export const SCRATCH_BYTES_MIN: number = 2 * 65_536;

export class Device {
  readonly counters: Float64Array;

  constructor(dependencies: DeviceDependencies, _options: DeviceOptions) {
    this.counters = dependencies.counters ?? deviceCounters();
  }

  /**
   * Changes the device's own key: a peer with this key is removed, sessions are used for receiving
   * only until new handshakes complete.
   */
  setPrivateKey(_privateKey: PrivateKey, _now: Millis): void {}

  /** The MTU may change while the device runs. */
  setMtu(_mtu: number): void {}

  /**
   * Adds a peer and returns its index; the caller then tells its Routes. NO_PEER when the key is
   * the device's own; the index of the existing peer, updated, when the key is known. Initiates a
   * handshake when `initiateAtOnce` is set, or when the peer itself tried within the last 30 s.
   * Throws VALUE_INVALID for an endpoint that is none, and LIMIT_REACHED.
   */
  installPeer(_settings: PeerSettings, _now: Millis, _initiateAtOnce = false): PeerIndex {
    return NO_PEER;
  }

  /**
   * Takes over preshared key, keepalive interval and, when `endpoint` is present, the endpoint; the
   * public key must be the peer's.
   */
  updatePeer(_peer: PeerIndex, _settings: PeerSettings, _now: Millis): void {}

  /** Forgets a peer and its keys. Its index may be given out again. */
  removePeer(_peer: PeerIndex): void {}

  /**
   * Seals `packets` in place (PACKET_HEADROOM before and PACKET_TAILROOM behind each must be free)
   * and gives the datagrams to the sink. `outcomes[i]` says what became of packet i (SendOutcome).
   * Origins are ignored.
   */
  sendPackets(_packets: PacketBatch, _outcomes: Uint8Array, _now: Millis): void {}

  /**
   * Opens `datagrams` in place and adds the inner packets, which stand in the same slab, to
   * `packets`, whose slab must be the same and which has room for one a datagram. Origins are
   * PeerIndex.
   */
  receiveDatagrams(_datagrams: DatagramBatch, _packets: PacketBatch, _now: Millis): void {}

  /**
   * Does what is due, at most for PEERS_PER_TICK_MAX peers: nextDeadline() is in the past while
   * more is due.
   */
  tick(_now: Millis): void {}

  /** When tick() is due; NEVER when it is not. */
  nextDeadline(): Millis {
    return NEVER;
  }

  /** What the device knows about a peer, or undefined when there is none of that index. */
  peerStatus(_peer: PeerIndex): PeerStatus | undefined {
    return undefined;
  }
}

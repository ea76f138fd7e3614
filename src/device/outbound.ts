// Packets on their way out, in the order in which they are processed: the peer of the destination,
// its endpoint, its session; then sealed in place, or kept until a handshake has made a session.

import type { Millis } from '../base/clock.ts';
import type { PacketBatch } from '../base/packet-batch.ts';
import { mayBeFragmented } from '../ip/ipv4-header.ts';
import { DeviceCounter } from './counters.ts';
import { NO_PATH_LIMIT, PATH_LIMIT_MIN } from './path/path-mtu.ts';
import type { PeerTable } from './peers/peer.ts';
import { SendOutcome } from './ports.ts';
import type { Routes } from './routes.ts';
import type { Transmitter } from './transmitter.ts';

export interface OutboundDependencies {
  readonly routes: Routes;
  readonly peers: PeerTable;
  readonly counters: Float64Array;
  readonly transmitter: Transmitter;
}

export class Outbound {
  readonly #routes: Routes;
  readonly #peers: PeerTable;
  readonly #counters: Float64Array;
  readonly #transmitter: Transmitter;

  constructor(dependencies: OutboundDependencies) {
    this.#routes = dependencies.routes;
    this.#peers = dependencies.peers;
    this.#counters = dependencies.counters;
    this.#transmitter = dependencies.transmitter;
  }

  sendPackets(packets: PacketBatch, outcomes: Uint8Array, now: Millis): void {
    for (let i = 0; i < packets.count; i++) outcomes[i] = this.#sendPacket(packets, i, now);
  }

  /** The longest packet that goes to where the one at `offset` does. */
  limitFor(bytes: Uint8Array, offset: number): number {
    const peer = this.#peers.get(this.#routes.peerForDestination(bytes, offset));
    return peer?.path?.limit ?? NO_PATH_LIMIT;
  }

  #sendPacket(packets: PacketBatch, i: number, now: Millis): SendOutcome {
    const { slab } = packets;
    const offset = packets.offsets[i]!;
    const length = packets.lengths[i]!;
    const peer = this.#peers.get(this.#routes.peerForDestination(slab.bytes, offset));
    if (peer === undefined) {
      this.#counters[DeviceCounter.DropNoPeer]! += 1;
      return SendOutcome.NoPeer;
    }
    const endpoint = this.#transmitter.endpointOf(peer);
    if (endpoint === undefined) {
      this.#counters[DeviceCounter.DropNoEndpoint]! += 1;
      return SendOutcome.NoEndpoint;
    }
    if (length > PATH_LIMIT_MIN && length > this.#transmitter.limitFor(peer)) {
      // The datagram of what routers may cut may be cut itself.
      if (!mayBeFragmented(slab.bytes, offset)) {
        this.#counters[DeviceCounter.DropTooBig]! += 1;
        return SendOutcome.TooBig;
      }
    }
    // Packets that wait go first.
    if (peer.staging.length > 0) this.#transmitter.sendStaged(peer, now);
    const session = peer.tunnel.sendingSession(now);
    if (session === undefined) {
      const isStaged = this.#transmitter.stagePacket(peer, slab, offset, length, now);
      return isStaged ? SendOutcome.Staged : SendOutcome.NoMemory;
    }
    this.#transmitter.sendPacket(peer, endpoint, session, slab, offset, length);
    this.#counters[DeviceCounter.SentData]! += 1;
    return SendOutcome.Sent;
  }
}

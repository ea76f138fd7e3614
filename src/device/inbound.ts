// Datagrams as they arrive, in the order in which they are processed: type and exact length; then
// for data messages receiver index, tag, replay window, roaming, confirmation of the session, the
// inner packet's length, and its source. Each ends in exactly one counter.

import { assert } from '../base/assert.ts';
import type { Millis } from '../base/clock.ts';
import { type DatagramBatch, ENDPOINT_BYTES, type PacketBatch } from '../base/packet-batch.ts';
import type { Slab } from '../base/slab.ts';
import { Ecn, ecnOfTrafficClass, markCongestion } from '../ip/ecn.ts';
import {
  DATA_HEADER_BYTES,
  DATA_RECEIVER_OFFSET,
  KEEPALIVE_BYTES,
  MessageType,
  messageType,
  NO_MESSAGE,
  readUint32,
} from '../wireguard/messages.ts';
import { OpenOutcome } from '../wireguard/session/session.ts';
import { DeviceCounter } from './counters.ts';
import type { Handshakes } from './handshakes.ts';
import { innerPacketLength, NO_PACKET } from './inner-packet.ts';
import type { Paths } from './path/paths.ts';
import { copyEndpoint, ENDPOINT_WORDS, type Endpoint, isSameEndpoint } from './peers/endpoint.ts';
import type { IndexTable } from './peers/index-table.ts';
import type { Peer } from './peers/peer.ts';
import type { Routes } from './routes.ts';
import type { Transmitter } from './transmitter.ts';

export interface InboundDependencies {
  readonly routes: Routes;
  readonly indices: IndexTable<Peer>;
  readonly counters: Float64Array;
  readonly transmitter: Transmitter;
  readonly handshakes: Handshakes;
  readonly paths: Paths;
  /** An authenticated message came from there. */
  readonly heardFrom: (peer: Peer, endpoint: Endpoint) => void;
  readonly handshakeCompleted: (peer: Peer) => void;
}

/** Data messages that were not opened, by the reason. */
const OPEN_COUNTERS: Readonly<Record<OpenOutcome, DeviceCounter>> = {
  [OpenOutcome.Opened]: DeviceCounter.ReceivedData,
  [OpenOutcome.Expired]: DeviceCounter.DropKeyExpired,
  [OpenOutcome.WrongTag]: DeviceCounter.DropAuthentication,
  [OpenOutcome.Replayed]: DeviceCounter.DropReplayed,
};

export class Inbound {
  readonly #dependencies: InboundDependencies;
  readonly #counters: Float64Array;

  constructor(dependencies: InboundDependencies) {
    this.#dependencies = dependencies;
    this.#counters = dependencies.counters;
  }

  receiveDatagrams(datagrams: DatagramBatch, packets: PacketBatch, now: Millis): void {
    assert(packets.slab === datagrams.slab, 'receiveDatagrams: the batches must share a slab');
    const room = packets.capacity - packets.count;
    assert(room >= datagrams.count, 'receiveDatagrams: no room for the packets');
    const words = datagrams.endpointWords;
    for (let i = 0; i < datagrams.count; i++) {
      const counter = this.#receiveDatagram(datagrams, i, words, packets, now);
      this.#counters[counter]! += 1;
      this.#counters[DeviceCounter.ReceivedBytes]! += datagrams.lengths[i]!;
    }
  }

  #receiveDatagram(
    datagrams: DatagramBatch,
    i: number,
    endpointWords: Uint32Array,
    packets: PacketBatch,
    now: Millis,
  ): DeviceCounter {
    const { slab, endpoints } = datagrams;
    const offset = datagrams.offsets[i]!;
    const length = datagrams.lengths[i]!;
    const type = messageType(slab.bytes, offset, length);
    if (type === NO_MESSAGE) return DeviceCounter.DropMalformed;
    if (type !== MessageType.Data) {
      const message = slab.bytes.subarray(offset, offset + length);
      const source = copyEndpoint(endpoints, i * ENDPOINT_BYTES);
      return this.#dependencies.handshakes.receive(type, message, source, now);
    }
    const { indices } = this.#dependencies;
    const entry = indices.get(readUint32(slab.bytes, offset + DATA_RECEIVER_OFFSET));
    const session = entry?.session;
    if (entry === undefined || session === undefined) return DeviceCounter.DropUnknownIndex;
    const outcome = session.open(slab, offset, length, now);
    if (outcome !== OpenOutcome.Opened) return OPEN_COUNTERS[outcome];
    const peer = entry.owner;
    if (
      peer.endpoint === undefined ||
      !isSameEndpoint(peer.endpoint, endpointWords, i * ENDPOINT_WORDS)
    ) {
      this.#dependencies.heardFrom(peer, copyEndpoint(endpoints, i * ENDPOINT_BYTES));
    }
    if (peer.tunnel.confirm(session)) this.#confirmed(peer, now);
    peer.receivedBytes += length;
    peer.batch.received = true;
    this.#dependencies.transmitter.touch(peer);
    if (length === KEEPALIVE_BYTES) return DeviceCounter.ReceivedKeepalive;
    const inner = offset + DATA_HEADER_BYTES;
    const innerLength = length - KEEPALIVE_BYTES;
    if (this.#dependencies.paths.receive(peer, slab, inner, innerLength, now)) {
      return DeviceCounter.ReceivedProbe;
    }
    peer.batch.receivedData = true;
    const outer = ecnOfTrafficClass(datagrams.trafficClasses[i]!);
    return this.#deliver(peer, slab, inner, innerLength, packets, outer);
  }

  #confirmed(peer: Peer, now: Millis): void {
    this.#dependencies.handshakeCompleted(peer);
    this.#dependencies.transmitter.sendStaged(peer, now);
  }

  #deliver(
    peer: Peer,
    slab: Slab,
    offset: number,
    paddedLength: number,
    packets: PacketBatch,
    outer: Ecn,
  ): DeviceCounter {
    const length = innerPacketLength(slab.bytes, offset, paddedLength);
    if (length === NO_PACKET) return DeviceCounter.DropInnerMalformed;
    if (!this.#dependencies.routes.sourceBelongsTo(peer.index, slab.bytes, offset)) {
      return DeviceCounter.DropSourceNotAllowed;
    }
    if (outer === Ecn.CongestionExperienced) markCongestion(slab.bytes, offset);
    packets.push(offset, length, peer.index);
    return DeviceCounter.ReceivedData;
  }
}

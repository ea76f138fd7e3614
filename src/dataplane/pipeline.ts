// The packet path of one host: everything between its TUNs and its UDP sockets, synchronous and
// without an allocation for a packet. This file holds the parts and their memory; the way of a
// packet is in outbound.ts (TUN -> policy -> device -> UDP) and inbound.ts (UDP -> device -> policy
// -> TUN).

import type { Clock } from '../base/clock.ts';
import { DatagramBatch, PacketBatch } from '../base/packet-batch.ts';
import type { Slab } from '../base/slab.ts';
import type { Device } from '../device/device.ts';
import type { AllocateSlab } from '../os/slab.ts';
import type { PacketPlaces } from '../os/tun.ts';
import type { Udp } from '../os/udp.ts';
import { BATCH_PACKETS, type Places, REJECTION_STRIDE } from './places.ts';
import type { Policy } from './policy.ts';
import type { TunTable } from './tun-table.ts';

export interface Pipeline {
  readonly clock: Clock;
  readonly device: Device;
  readonly policy: Policy;
  readonly tuns: TunTable;
  readonly udp: Udp;
  readonly buffers: PipelineBuffers;
  /** PipelineCounter numbers. */
  readonly counters: Float64Array;
}

/** Made once; every batch is used again. */
export interface PipelineBuffers {
  /** Packets read from a TUN, at `outboundPlaces`. */
  readonly outbound: PacketBatch;
  readonly outboundPlaces: PacketPlaces;
  /** Those of them that go to peers. */
  readonly outboundToPeers: PacketBatch;
  /** Datagrams received, each at a place of its own. */
  readonly datagrams: DatagramBatch;
  /** The packets in them. */
  readonly inbound: PacketBatch;
  /** Those of them that go on to other peers. */
  readonly inboundToPeers: PacketBatch;
  /** Answers to rejected packets on their way to peers, REJECTION_STRIDE apart. */
  readonly rejections: PacketBatch;
  /** One answer to a rejected packet on its way to a TUN. */
  readonly localRejection: Slab;
  /** SendOutcome of each packet of the last batch that was given to the device. */
  readonly outcomes: Uint8Array;
}

export function makeBuffers(allocateSlab: AllocateSlab, places: Places): PipelineBuffers {
  const outboundSlab = allocateSlab(BATCH_PACKETS * places.bytes);
  const inboundSlab = allocateSlab(BATCH_PACKETS * places.bytes);
  const rejectionSlab = allocateSlab(BATCH_PACKETS * REJECTION_STRIDE);
  return {
    outbound: new PacketBatch(outboundSlab, BATCH_PACKETS),
    outboundPlaces: places.outbound,
    outboundToPeers: new PacketBatch(outboundSlab, BATCH_PACKETS),
    datagrams: new DatagramBatch(inboundSlab, BATCH_PACKETS),
    inbound: new PacketBatch(inboundSlab, BATCH_PACKETS),
    inboundToPeers: new PacketBatch(inboundSlab, BATCH_PACKETS),
    rejections: new PacketBatch(rejectionSlab, BATCH_PACKETS),
    localRejection: allocateSlab(REJECTION_STRIDE),
    outcomes: new Uint8Array(BATCH_PACKETS),
  };
}

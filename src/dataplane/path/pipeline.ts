// The packet path of one host: everything between its TUNs and its UDP sockets, synchronous and
// without an allocation for a packet. This file holds the parts and their memory; the way of a
// packet is in outbound.ts (TUN -> policy -> wire) and inbound.ts (wire -> policy -> TUN), where a
// wire is a device with its sockets.

import type { Clock } from '../../base/clock.ts';
import { DatagramBatch, PacketBatch } from '../../base/packet-batch.ts';
import type { Slab } from '../../base/slab.ts';
import type { AllocateSlab, AllocateSummedSlab } from '../../os/slab.ts';
import type { PacketPlaces } from '../../os/tun.ts';
import { Merger } from '../offload/merger.ts';
import { Segmenter } from '../offload/segmenter.ts';
import {
  BATCH_PACKETS,
  OUTBOUND_PACKETS,
  type Places,
  RECEIVE_DATAGRAMS,
  RECEIVE_PLACES,
  RECEIVE_STRIDE,
  REJECTION_STRIDE,
  SEGMENTS_BYTES,
  SEGMENTS_OFFSET,
} from './places.ts';
import type { Policy } from './policy.ts';
import type { TunTable } from './tun-table.ts';
import type { Wire } from './wire.ts';

export interface Pipeline {
  readonly clock: Clock;
  readonly policy: Policy;
  readonly tuns: TunTable;
  readonly wire: Wire;
  /** The wire of a host's WireGuard peers, while there is one. */
  gateway?: Wire | undefined;
  readonly buffers: PipelineBuffers;
  /** PipelineCounter numbers. */
  readonly counters: Float64Array;
}

/** Made once; every batch is used again. */
export interface PipelineBuffers {
  /** Packets read from a TUN, at OUTBOUND_PLACES. */
  readonly outbound: PacketBatch;
  readonly transitPlaces: PacketPlaces;
  readonly segmenter: Segmenter;
  /** Behind the segments that wait to be sealed. */
  segmentPlace: number;
  /** Datagrams received. */
  readonly datagrams: DatagramBatch;
  /** The packets in them. */
  readonly inbound: PacketBatch;
  /** Those of them that go to TUNs that take superpackets. */
  readonly merger: Merger;
  /** Answers to rejected packets on their way to peers, REJECTION_STRIDE apart. */
  readonly rejections: PacketBatch;
  /** One answer to a rejected packet on its way to a TUN. */
  readonly localRejection: Slab;
  /** SendOutcome of each packet of the last batch that was given to the device. */
  readonly outcomes: Uint8Array;
}

export interface BufferMemory {
  readonly allocateSlab: AllocateSlab;
  readonly allocateSummedSlab: AllocateSummedSlab;
}

export function makeBuffers(memory: BufferMemory, places: Places): PipelineBuffers {
  const { allocateSlab, allocateSummedSlab } = memory;
  const outbound = allocateSummedSlab(SEGMENTS_OFFSET + SEGMENTS_BYTES);
  const inbound = allocateSummedSlab(RECEIVE_PLACES * RECEIVE_STRIDE);
  const outboundSlab = outbound.slab;
  const inboundSlab = inbound.slab;
  const rejectionSlab = allocateSlab(BATCH_PACKETS * REJECTION_STRIDE);
  return {
    outbound: new PacketBatch(outboundSlab, BATCH_PACKETS),
    segmenter: new Segmenter(outbound),
    segmentPlace: SEGMENTS_OFFSET,
    transitPlaces: places.transit,
    datagrams: new DatagramBatch(inboundSlab, RECEIVE_DATAGRAMS),
    inbound: new PacketBatch(inboundSlab, RECEIVE_DATAGRAMS),
    merger: new Merger(inbound, RECEIVE_DATAGRAMS),
    rejections: new PacketBatch(rejectionSlab, BATCH_PACKETS),
    localRejection: allocateSlab(REJECTION_STRIDE),
    outcomes: new Uint8Array(Math.max(BATCH_PACKETS, OUTBOUND_PACKETS)),
  };
}

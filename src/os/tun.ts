// A TUN interface as a port of the packet path: packets of one interface in, packets out. All calls
// are synchronous and never block; one thread uses a Tun.

import type { PacketBatch } from '../base/packet-batch.ts';
import type { Slab } from '../base/slab.ts';
import type { Offloads, OnRefused } from './offloads.ts';
import { VIRTIO_HEADER_BYTES } from './virtio-header.ts';

/** Bytes before each packet that a Tun writes to: room for its header (os/virtio-header.ts). */
export const TUN_HEADROOM_BYTES: number = VIRTIO_HEADER_BYTES;

/** Of a superpacket that the kernel does not take: the Tun takes none of its kind from then on. */
export const SUPERPACKET_REFUSED = -1;

/** Pieces of one superpacket that writePieces() takes. */
export const PIECES_MAX = 64;

/** Where the packets of a batch stand: packet i at `firstOffset + i * stride` of its slab. */
export interface PacketPlaces {
  /** At least TUN_HEADROOM_BYTES. */
  readonly firstOffset: number;
  readonly stride: number;
  /** Room at each place; a longer packet is cut off by the kernel, so this is above any MTU. */
  readonly lengthMax: number;
  /** One read ends when it has so many bytes, although more may wait. */
  readonly bytesMax: number;
}

export interface Tun {
  readonly name: string;
  /** For a Poller: readable when read() has something to give. */
  readonly descriptor: number;
  /**
   * Whether packets that are read have a header in front, which may say that the packet is a
   * superpacket or has no checksum yet, and whether write() takes such packets.
   */
  readonly hasHeaders: boolean;
  /** Which superpackets may be written; a refusal switches them off. */
  readonly merges: { readonly tcp: boolean; readonly udp: boolean };
  /**
   * Appends waiting packets to `packets`, each at the place of its index and with `origin`, until
   * the batch is full, has `bytesMax` bytes, or nothing waits; more may wait afterwards, which a
   * Poller tells. Returns 0, or the error number that
   * ended the reading: the packets before it are in the batch, and an interface that is gone says
   * EBADFD from then on. The batch and its slab stay the caller's.
   */
  read(packets: PacketBatch, places: PacketPlaces, origin: number): number;
  /** The same for a packet whose header stands in front of it; only where `hasHeaders`. */
  writeWithHeader(slab: Slab, offset: number, length: number): number;
  /** The same for a superpacket in `count` pieces of `slab`; the first has the header in front. */
  writePieces(
    slab: Slab,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
    isTcp: boolean,
  ): number;
  /**
   * Gives the packet to the kernel, which copies it; writes to TUN_HEADROOM_BYTES in front of it.
   * Returns 0, or the error number: EIO while the interface is down, EINVAL for what is no IP
   * packet. Nothing is retried.
   */
  write(slab: Slab, offset: number, length: number): number;
  /** Releases the interface, which goes away unless it is persistent. Nothing is called after. */
  close(): void;
  /** Releases the interface for good: a persistent one goes too. Nothing is called after. */
  remove(): void;
}

export type TunOffloads = Pick<Offloads, 'tunTcp' | 'tunUdp'>;

export interface TunOptions {
  /** 1 to 15 bytes. */
  readonly name: string;
  /** Path of the network namespace in which it is made; undefined for the thread's own. */
  readonly namespace: string | undefined;
  readonly mtu: number;
  /**
   * Whether interface, addresses and routes stay when the process ends, without carrier, until a
   * process opens the same name again.
   */
  readonly persistent: boolean;
  /** Which superpackets are read and written where the kernel can; none when absent. */
  readonly offloads?: TunOffloads;
  /** Told of superpackets that the kernel refused, once for each kind. */
  readonly onRefused?: OnRefused;
}

/**
 * Makes the interface, or takes a persistent one that nobody holds. Throws a P6nError: NO_TUN
 * without /dev/net/tun, NOT_ROOT, NAMESPACE_INVALID, ALREADY_RUNNING when another process holds an
 * interface of that name, else SYSTEM.
 */
export type OpenTun = (options: TunOptions) => Tun;

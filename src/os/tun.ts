// A TUN interface as a port of the packet path: packets of one interface in, packets out. All calls
// are synchronous and never block; one thread uses a Tun.

import type { PacketBatch } from '../base/packet-batch.ts';
import type { Slab } from '../base/slab.ts';

/**
 * Bytes before each packet that a Tun may write to: room for a virtio header, so that a packet may
 * one day be a superpacket with its segmentation in front.
 */
export const TUN_HEADROOM_BYTES = 10;

/** Where the packets of a batch stand: packet i at `firstOffset + i * stride` of its slab. */
export interface PacketPlaces {
  /** At least TUN_HEADROOM_BYTES. */
  readonly firstOffset: number;
  readonly stride: number;
  /** Room at each place; a longer packet is cut off by the kernel, so this is above any MTU. */
  readonly lengthMax: number;
}

export interface Tun {
  readonly name: string;
  /** For a Poller: readable when read() has something to give. */
  readonly descriptor: number;
  /**
   * Appends waiting packets to `packets`, each at the place of its index and with `origin`, until
   * the batch is full or nothing waits. Returns 0, or the error number that ended the reading: the
   * packets before it are in the batch, and an interface that is gone says EBADFD from then on.
   * The batch and its slab stay the caller's.
   */
  read(packets: PacketBatch, places: PacketPlaces, origin: number): number;
  /**
   * Gives the packet to the kernel, which copies it. Returns 0, or the error number: EIO while the
   * interface is down, EINVAL for what is no IP packet. Nothing is retried.
   */
  write(slab: Slab, offset: number, length: number): number;
  /** Releases the interface, which goes away unless it is persistent. Nothing is called after. */
  close(): void;
  /** Releases the interface for good: a persistent one goes too. Nothing is called after. */
  remove(): void;
}

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
}

/**
 * Makes the interface, or takes a persistent one that nobody holds. Throws a P6nError: NO_TUN
 * without /dev/net/tun, NOT_ROOT, NAMESPACE_INVALID, ALREADY_RUNNING when another process holds an
 * interface of that name, else SYSTEM.
 */
export type OpenTun = (options: TunOptions) => Tun;

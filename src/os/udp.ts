// The outer UDP sockets as a port of the packet path: one port number on both families, datagrams
// in batches. All calls are synchronous; receiving never blocks, and sending waits a bounded time
// at most. One thread uses a Udp.

import type { DatagramBatch } from '../base/packet-batch.ts';
import type { Slab } from '../base/slab.ts';

export interface Udp {
  /** The UDP port on every family that exists. */
  readonly port: number;
  /** For a Poller: one socket for each family that the kernel has. */
  readonly descriptors: readonly number[];
  /** UdpCounter numbers. */
  readonly counters: Float64Array;
  /**
   * Clears `datagrams` and fills it with what waits, each at its index times the stride that the
   * Udp was made with. A datagram longer than `lengthMax` is counted and left out. Returns true
   * when the batch was filled, so that more may wait. The batch must be the one that the Udp was
   * made with; it stays the caller's.
   */
  receive(datagrams: DatagramBatch): boolean;
  /**
   * Takes the datagram of `length` bytes at `offset` of `slab` for the endpoint at
   * `endpoints[endpointOffset]`. The endpoint is copied, the bytes must stay as they are until
   * flush(). Calls flush() by itself when it holds as many as it can. An endpoint of a family that
   * the machine lacks is counted as a drop.
   */
  push(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
    trafficClass: number,
  ): void;
  /** Marks all datagrams from here on for the machine's routing rules; 0 for no mark. */
  setMark(mark: number): void;
  /** Sends all that was pushed, in order for each family. What fails is counted and left out. */
  flush(): void;
  close(): void;
}

/** What a Udp counts. Each pushed datagram ends in Sent or in one of the drops behind it. */
export const UdpCounter = {
  Received: 0,
  /** Longer than any datagram of ours. */
  DropTooLong: 1,
  Sent: 2,
  /** The kernel's send buffer stayed full. */
  DropSendBufferFull: 3,
  /** The kernel refused it: no route, too big, forbidden by a firewall. */
  DropSendFailed: 4,
  DropNoFamily: 5,
  /** Sent without its local address, which the machine has lost. Counted besides Sent. */
  SourceLost: 6,
} as const;
export type UdpCounter = (typeof UdpCounter)[keyof typeof UdpCounter];

export const UDP_COUNTERS: number = Object.keys(UdpCounter).length;

export interface UdpOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** The batch that receive() fills; its slab is native memory. */
  readonly datagrams: DatagramBatch;
  /** Bytes between the places of two datagrams in the slab. */
  readonly stride: number;
  /** The longest datagram that is taken, at most `stride`. */
  readonly lengthMax: number;
  /** UDP_COUNTERS numbers, perhaps in shared memory. */
  readonly counters: Float64Array;
}

/**
 * Opens both sockets. Throws PORT_TAKEN when one family has the port in use, NO_IPV6 never: a
 * family that is missing is left out, and only when both are does it throw SYSTEM.
 */
export type OpenUdp = (options: UdpOptions) => Udp;

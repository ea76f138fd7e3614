// The outer UDP sockets as a port of the packet path: one port number on both families, datagrams
// in batches. All calls are synchronous; receiving never blocks, and sending waits a bounded time
// at most. One thread uses a Udp.

import type { DatagramBatch } from '../base/packet-batch.ts';
import type { Slab } from '../base/slab.ts';
import type { Offloads, OnRefused } from './offloads.ts';

export interface Udp {
  /** The UDP port on every family that exists. */
  readonly port: number;
  /** For a Poller: one socket for each family that the kernel has. */
  readonly descriptors: readonly number[];
  /** UdpCounter numbers. */
  readonly counters: Float64Array;
  /**
   * Clears `datagrams` and fills it with what waits on socket number `socket` of `descriptors`.
   * Each message stands at one of the places that
   * the Udp was made with; it is a datagram, or a run of them from one endpoint, one behind the
   * other. A datagram longer than `lengthMax` is counted and left out. Returns true
   * when all places were filled, so that more may wait. The batch must be the one that the Udp was
   * made with; it stays the caller's.
   */
  receive(datagrams: DatagramBatch, socket: number): boolean;
  /**
   * Takes the datagram of `length` bytes at `offset` of `slab` for the endpoint at
   * `endpoints[endpointOffset]`. Bytes and endpoint must stay as they are until flush(), which it
   * calls by itself when it holds as many as it can. An endpoint of a family that the machine lacks
   * is counted as a drop.
   */
  push(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
    trafficClass: number,
  ): void;
  /**
   * Whether datagrams for the endpoint at `endpoints[endpointOffset]` still leave by the interface
   * that its local address was heard on. Asks the kernel, so not for every datagram.
   */
  isSourceRight(endpoints: Uint8Array, endpointOffset: number): boolean;
  /**
   * Sends a datagram at once, alone and uncut, as its traffic class 0: what does not fit the
   * interface is not sent, what does not fit the path is lost. Counted only when it is sent.
   */
  sendWhole(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
  ): void;
  /**
   * The longest IP packet that goes uncut to the endpoint at `endpoints[endpointOffset]`, as far as
   * the system knows; 0 when it does not. Asks the kernel, so not for every datagram.
   */
  pathMtu(endpoints: Uint8Array, endpointOffset: number): number;
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
  /** Runs of datagrams that the kernel refused, so that each was sent by itself. */
  RunsSplit: 7,
  /** More datagrams in runs than the batch holds. */
  DropNoRoom: 8,
} as const;
export type UdpCounter = (typeof UdpCounter)[keyof typeof UdpCounter];

export const UDP_COUNTERS: number = Object.keys(UdpCounter).length;

export interface UdpOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** The batch that receive() fills; its slab is native memory. */
  readonly datagrams: DatagramBatch;
  /** Places in the slab; as many as the batch has datagrams when absent. */
  readonly places?: number;
  /** Bytes from one place to the next; RUN_BYTES_MAX at least where runs are received. */
  readonly stride: number;
  /** The longest datagram that is taken, at most `stride`. */
  readonly lengthMax: number;
  /** UDP_COUNTERS numbers, perhaps in shared memory. */
  readonly counters: Float64Array;
  /** None when absent. */
  readonly offloads?: UdpOffloads;
  /** Told when the kernel refused runs of datagrams, once for each socket. */
  readonly onRefused?: OnRefused;
}

/** Whether runs of datagrams are sent and received as one message where the kernel can. */
export type UdpOffloads = Pick<Offloads, 'udpGso' | 'udpGro'>;

/** The longest message, of one datagram or of a run. */
export const RUN_BYTES_MAX = 65_535;
/** Datagrams of a run that is received: what the newest kernels send to themselves. */
export const RUN_DATAGRAMS_MAX = 128;

/**
 * Opens both sockets. Throws PORT_TAKEN when one family has the port in use, NO_IPV6 never: a
 * family that is missing is left out, and only when both are does it throw SYSTEM.
 */
export type OpenUdp = (options: UdpOptions) => Udp;

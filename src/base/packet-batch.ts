// Batches of packets and datagrams as parallel arrays over a slab: what the machine's ports fill
// and drain and what devices and filters work on. A batch is made once and used again; nothing in
// it is allocated per packet.

import type { Slab } from './slab.ts';

/** An outer address in a batch: address, port, scope and the local address it was received on. */
//  0   2  family: 4, 6, or 0 for none (native byte order)
//  2   2  port (big-endian)
//  4  16  address; an IPv4 address fills the first four bytes
// 20   4  scope id of a link-local IPv6 address (native)
// 24  16  local address that the peer sent to, zero when unknown (sticky source)
// 40   4  interface index of the local address (native), 0 when unknown
export const ENDPOINT_BYTES = 44;
export const ENDPOINT_FAMILY_OFFSET = 0;
export const ENDPOINT_PORT_OFFSET = 2;
export const ENDPOINT_ADDRESS_OFFSET = 4;
export const ENDPOINT_SCOPE_OFFSET = 20;
export const ENDPOINT_LOCAL_OFFSET = 24;
export const ENDPOINT_INTERFACE_OFFSET = 40;

/**
 * Inner packets that stand in one slab. `origin` says where each came from or goes to, by its
 * producer's numbers.
 */
export class PacketBatch {
  readonly slab: Slab;
  readonly capacity: number;
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
  readonly origins: Uint32Array;
  count = 0;

  constructor(slab: Slab, capacity: number) {
    this.slab = slab;
    this.capacity = capacity;
    this.offsets = new Uint32Array(capacity);
    this.lengths = new Uint32Array(capacity);
    this.origins = new Uint32Array(capacity);
  }

  /** Adds a packet; the caller has made sure that `count < capacity`. */
  push(offset: number, length: number, origin: number): void {
    const index = this.count++;
    this.offsets[index] = offset;
    this.lengths[index] = length;
    this.origins[index] = origin;
  }

  clear(): void {
    this.count = 0;
  }
}

/** Outer datagrams that stand in one slab, each with its endpoint and its traffic class byte. */
export class DatagramBatch {
  readonly slab: Slab;
  readonly capacity: number;
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
  readonly trafficClasses: Uint8Array;
  /** Endpoint i stands at i * ENDPOINT_BYTES. */
  readonly endpoints: Uint8Array;
  /** The same memory. */
  readonly endpointWords: Uint32Array;
  count = 0;

  constructor(slab: Slab, capacity: number) {
    this.slab = slab;
    this.capacity = capacity;
    this.offsets = new Uint32Array(capacity);
    this.lengths = new Uint32Array(capacity);
    this.trafficClasses = new Uint8Array(capacity);
    this.endpoints = new Uint8Array(capacity * ENDPOINT_BYTES);
    this.endpointWords = new Uint32Array(this.endpoints.buffer);
  }

  clear(): void {
    this.count = 0;
  }
}

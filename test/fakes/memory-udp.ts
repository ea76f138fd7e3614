// UDP sockets in memory: what the test puts in is received by the data plane, what the data plane
// sends is given to the test at flush().

import { type DatagramBatch, ENDPOINT_BYTES } from '../../src/base/packet-batch.ts';
import type { Slab } from '../../src/base/slab.ts';
import { type Udp, UdpCounter, type UdpOptions } from '../../src/os/udp.ts';

export interface MemoryDatagram {
  readonly bytes: Uint8Array;
  /** ENDPOINT_BYTES. */
  readonly endpoint: Uint8Array;
  readonly trafficClass: number;
}

export class MemoryUdp implements Udp {
  readonly port: number;
  readonly descriptors: readonly number[] = [];
  readonly counters: Float64Array;
  readonly waiting: MemoryDatagram[] = [];
  mark = 0;
  /** Of every path; 0 for none known. */
  knownMtu = 0;
  readonly #options: UdpOptions;
  readonly #send: (datagram: MemoryDatagram) => void;
  #pushed: { readonly slab: Slab; readonly offset: number; readonly length: number }[] = [];
  #targets: Omit<MemoryDatagram, 'bytes'>[] = [];

  /** `send` is given each datagram when it is flushed. */
  constructor(options: UdpOptions, send: (datagram: MemoryDatagram) => void) {
    this.port = options.port;
    this.counters = options.counters;
    this.#options = options;
    this.#send = send;
  }

  /** There are no routes here. */
  isSourceRight(): boolean {
    return false;
  }

  sendWhole(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
  ): void {
    this.push(slab, offset, length, endpoints, endpointOffset, 0);
    this.flush();
  }

  pathMtu(): number {
    return this.knownMtu;
  }

  receive(datagrams: DatagramBatch): boolean {
    datagrams.clear();
    const { stride, lengthMax } = this.#options;
    for (let place = 0; place < (this.#options.places ?? datagrams.capacity); place++) {
      const datagram = this.waiting.shift();
      if (datagram === undefined) return false;
      const { bytes, endpoint, trafficClass } = datagram;
      if (bytes.length > lengthMax) {
        this.counters[UdpCounter.DropTooLong]! += 1;
        continue;
      }
      const index = datagrams.count++;
      datagrams.slab.bytes.set(bytes, place * stride);
      datagrams.offsets[index] = place * stride;
      datagrams.lengths[index] = bytes.length;
      datagrams.trafficClasses[index] = trafficClass;
      datagrams.endpoints.set(endpoint, index * ENDPOINT_BYTES);
      this.counters[UdpCounter.Received]! += 1;
    }
    return true;
  }

  push(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
    trafficClass: number,
  ): void {
    const endpoint = endpoints.slice(endpointOffset, endpointOffset + ENDPOINT_BYTES);
    this.#pushed.push({ slab, offset, length });
    this.#targets.push({ endpoint, trafficClass });
  }

  /** The bytes are read only here, so that a flush that comes too late is seen. */
  flush(): void {
    const [pushed, targets] = [this.#pushed, this.#targets];
    this.#pushed = [];
    this.#targets = [];
    for (const [index, { slab, offset, length }] of pushed.entries()) {
      this.counters[UdpCounter.Sent]! += 1;
      this.#send({ bytes: slab.bytes.slice(offset, offset + length), ...targets[index]! });
    }
  }

  setMark(mark: number): void {
    this.mark = mark;
  }

  close(): void {
    this.waiting.length = 0;
  }
}

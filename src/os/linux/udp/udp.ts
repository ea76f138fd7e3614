// The outer UDP sockets on Linux: one for each family, both on one port.

import {
  type DatagramBatch,
  ENDPOINT_BYTES,
  ENDPOINT_FAMILY_OFFSET,
  ENDPOINT_INTERFACE_OFFSET,
} from '../../../base/packet-batch.ts';
import type { Slab } from '../../../base/slab.ts';
import { type Udp, UdpCounter, type UdpOptions } from '../../udp.ts';
import { SO_MARK, SOL_SOCKET } from '../layouts.ts';
import { close, setOption } from '../syscalls.ts';
import { systemError } from '../system-error.ts';
import { pathMtuTo } from './path-mtu.ts';
import { RouteLookup } from './route-lookup.ts';
import { UdpReceiver } from './udp-receiver.ts';
import { UdpSender } from './udp-sender.ts';
import { openSocketPair, type SocketPair } from './udp-socket.ts';

/** As os/udp.ts says. */
export function openUdp(options: UdpOptions): Udp {
  return new LinuxUdp(openSocketPair(options.port), options);
}

class LinuxUdp implements Udp {
  readonly port: number;
  readonly descriptors: readonly number[];
  readonly counters: Float64Array;
  readonly #receivers: readonly UdpReceiver[];
  readonly #ipv4: UdpSender | undefined;
  readonly #ipv6: UdpSender | undefined;
  #mark = 0;
  readonly #routes = new RouteLookup();

  constructor(pair: SocketPair, options: UdpOptions) {
    const { counters } = options;
    this.port = pair.port;
    this.counters = counters;
    this.descriptors = pair.sockets.map((socket) => socket.descriptor);
    this.#receivers = pair.sockets.map((socket) => new UdpReceiver(socket, options));
    const senders = pair.sockets.map((socket) => new UdpSender(socket, options));
    this.#ipv4 = senders[pair.sockets.findIndex((socket) => socket.family === 4)];
    this.#ipv6 = senders[pair.sockets.findIndex((socket) => socket.family === 6)];
  }

  receive(datagrams: DatagramBatch, socket: number): boolean {
    datagrams.clear();
    return this.#receivers[socket]?.receive(datagrams) ?? false;
  }

  push(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
    trafficClass: number,
  ): void {
    const four = endpoints[endpointOffset + ENDPOINT_FAMILY_OFFSET] === 4;
    const sender = four ? this.#ipv4 : this.#ipv6;
    if (sender === undefined) this.counters[UdpCounter.DropNoFamily]! += 1;
    else sender.push(slab.address + offset, length, endpoints, endpointOffset, trafficClass);
  }

  isSourceRight(endpoints: Uint8Array, endpointOffset: number): boolean {
    const { buffer, byteOffset } = endpoints;
    const view = new DataView(buffer, byteOffset + endpointOffset, ENDPOINT_BYTES);
    const heardOn = view.getUint32(ENDPOINT_INTERFACE_OFFSET, true);
    return this.#routes.interfaceFor(endpoints, endpointOffset, this.#mark) === heardOn;
  }

  sendWhole(
    slab: Slab,
    offset: number,
    length: number,
    endpoints: Uint8Array,
    endpointOffset: number,
  ): void {
    const four = endpoints[endpointOffset + ENDPOINT_FAMILY_OFFSET] === 4;
    const sender = four ? this.#ipv4 : this.#ipv6;
    sender?.sendWhole(slab.address + offset, length, endpoints, endpointOffset);
  }

  pathMtu(endpoints: Uint8Array, endpointOffset: number): number {
    return pathMtuTo(endpoints, endpointOffset, this.#mark);
  }

  setMark(mark: number): void {
    this.#mark = mark;
    for (const descriptor of this.descriptors) {
      // The option is unsigned, its memory is written as a signed number.
      const returned = setOption(descriptor, SOL_SOCKET, SO_MARK, mark | 0);
      if (returned < 0) throw systemError('Cannot mark UDP datagrams', -returned);
    }
  }

  flush(): void {
    this.#ipv4?.flush();
    this.#ipv6?.flush();
  }

  close(): void {
    for (const descriptor of this.descriptors) close(descriptor);
    this.#routes.close();
  }
}

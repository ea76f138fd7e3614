// Receiving datagrams of one socket in batches: recvmmsg(2) straight into the places of a
// DatagramBatch, and the kernel's address structures turned into endpoints.

import { assert } from '../../../base/assert.ts';
import {
  type DatagramBatch,
  ENDPOINT_ADDRESS_OFFSET,
  ENDPOINT_BYTES,
  ENDPOINT_FAMILY_OFFSET,
  ENDPOINT_INTERFACE_OFFSET,
  ENDPOINT_LOCAL_OFFSET,
  ENDPOINT_PORT_OFFSET,
  ENDPOINT_SCOPE_OFFSET,
} from '../../../base/packet-batch.ts';
import { RUN_BYTES_MAX, UdpCounter, type UdpOptions } from '../../udp.ts';
import {
  CMSG_ALIGNMENT,
  CMSG_DATA_OFFSET,
  CMSG_LENGTH_OFFSET,
  CMSG_LEVEL_OFFSET,
  CMSG_TYPE_OFFSET,
  IN_PKTINFO_INTERFACE_OFFSET,
  IN_PKTINFO_LOCAL_OFFSET,
  IN6_PKTINFO_ADDRESS_OFFSET,
  IN6_PKTINFO_INTERFACE_OFFSET,
  IP_PKTINFO,
  IP_TOS,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SOCKADDR_IN_ADDRESS_OFFSET,
  SOCKADDR_IN6_ADDRESS_OFFSET,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_IN6_SCOPE_OFFSET,
  SOCKADDR_PORT_OFFSET,
  SOL_UDP,
  UDP_GRO,
} from '../layouts.ts';
import { recvmmsg, setOption } from '../syscalls.ts';
import { CONTROL_STRIDE, MessageVector } from './message-vector.ts';
import type { UdpSocket } from './udp-socket.ts';

const ENDPOINT_WORDS = ENDPOINT_BYTES / 4;
const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

export class UdpReceiver {
  readonly #socket: UdpSocket;
  readonly #vector: MessageVector;
  readonly #stride: number;
  readonly #lengthMax: number;
  readonly #counters: Float64Array;
  /** Entries to make ready for the next call; all at first. */
  #used: number;
  /** Of each datagram of the message at hand but a shorter last one. */
  #segmentBytes = 0;

  /** The batch of the options is the one that receive() fills. */
  constructor(socket: UdpSocket, options: Omit<UdpOptions, 'port'>) {
    const { datagrams, stride, lengthMax, counters } = options;
    const places = options.places ?? datagrams.capacity;
    const wantsRuns = options.offloads?.udpGro ?? false;
    const takesRuns = wantsRuns && setOption(socket.descriptor, SOL_UDP, UDP_GRO, 1) === 0;
    assert(!takesRuns || stride >= RUN_BYTES_MAX, 'UdpReceiver: no room for a run');
    this.#socket = socket;
    this.#stride = stride;
    this.#counters = counters;
    this.#lengthMax = lengthMax;
    this.#vector = new MessageVector(places);
    this.#used = places;
    const room = takesRuns ? RUN_BYTES_MAX : lengthMax;
    for (let index = 0; index < places; index++) {
      this.#vector.setData(index, datagrams.slab.address + index * stride, room);
    }
  }

  /**
   * Appends waiting datagrams at the places of their vector entries; an entry that is left out
   * leaves its place unused. True when all entries were used.
   */
  receive(datagrams: DatagramBatch): boolean {
    const vector = this.#vector;
    // The kernel has written to those that it used.
    for (let index = 0; index < this.#used; index++) {
      vector.setNameLength(index, SOCKADDR_IN6_BYTES);
      vector.setControlLength(index, CONTROL_STRIDE);
    }
    const { descriptor } = this.#socket;
    const received = recvmmsg(descriptor, vector.address, vector.capacity, MSG_DONTWAIT, 0);
    this.#used = Math.max(0, received);
    // A failure is "nothing waits", an interrupted call, or an old ICMP error; the next call tells.
    for (let index = 0; index < received; index++) {
      if ((vector.flags(index) & MSG_TRUNC) !== 0) {
        this.#counters[UdpCounter.DropTooLong]! += 1;
      } else {
        this.#append(datagrams, index);
      }
    }
    return received === vector.capacity;
  }

  /** Appends the datagram of entry `index`, or each of its run. */
  #append(datagrams: DatagramBatch, index: number): void {
    const total = this.#vector.length(index);
    const first = datagrams.count;
    if (first === datagrams.capacity) {
      this.#counters[UdpCounter.DropNoRoom]! += 1;
      return;
    }
    datagrams.trafficClasses[first] = 0;
    const endpoint = first * ENDPOINT_BYTES;
    const { endpointWords } = datagrams;
    const word = first * ENDPOINT_WORDS;
    // For less time than a call of fill().
    for (let i = 0; i < ENDPOINT_WORDS; i++) endpointWords[word + i] = 0;
    this.#readName(index, datagrams.endpoints, endpoint);
    this.#segmentBytes = total;
    this.#readControl(index, datagrams, first);
    const segmentBytes = this.#segmentBytes;
    if (segmentBytes > this.#lengthMax) {
      this.#counters[UdpCounter.DropTooLong]! += 1;
      return;
    }
    const start = index * this.#stride;
    let at = 0;
    do {
      if (datagrams.count === datagrams.capacity) {
        this.#counters[UdpCounter.DropNoRoom]! += Math.ceil((total - at) / segmentBytes);
        return;
      }
      this.#place(datagrams, first, start + at, Math.min(segmentBytes, total - at));
      at += segmentBytes;
    } while (at < total);
  }

  /** Adds one datagram, whose endpoint and traffic class are those of number `first`. */
  #place(datagrams: DatagramBatch, first: number, offset: number, length: number): void {
    const { endpointWords, trafficClasses } = datagrams;
    const place = datagrams.count++;
    datagrams.offsets[place] = offset;
    datagrams.lengths[place] = length;
    if (place !== first) {
      trafficClasses[place] = trafficClasses[first]!;
      const [source, target] = [first * ENDPOINT_WORDS, place * ENDPOINT_WORDS];
      for (let i = 0; i < ENDPOINT_WORDS; i++) {
        endpointWords[target + i] = endpointWords[source + i]!;
      }
    }
    this.#counters[UdpCounter.Received]! += 1;
  }

  #readName(index: number, endpoints: Uint8Array, endpoint: number): void {
    const name = this.#vector.nameOffset(index);
    const six = this.#socket.family === 6;
    endpoints[endpoint + ENDPOINT_FAMILY_OFFSET] = this.#socket.family;
    this.#copy(name + SOCKADDR_PORT_OFFSET, 2, endpoints, endpoint + ENDPOINT_PORT_OFFSET);
    this.#copy(
      name + (six ? SOCKADDR_IN6_ADDRESS_OFFSET : SOCKADDR_IN_ADDRESS_OFFSET),
      six ? IPV6_BYTES : IPV4_BYTES,
      endpoints,
      endpoint + ENDPOINT_ADDRESS_OFFSET,
    );
    if (!six) return;
    const scope = name + SOCKADDR_IN6_SCOPE_OFFSET;
    this.#copy(scope, 4, endpoints, endpoint + ENDPOINT_SCOPE_OFFSET);
  }

  /** Walks the control messages for the local address, the traffic class and a run's length. */
  #readControl(index: number, datagrams: DatagramBatch, place: number): void {
    const { view, bytes } = this.#vector;
    const six = this.#socket.family === 6;
    let offset = this.#vector.controlOffset(index);
    const end = offset + Math.min(this.#vector.controlLength(index), CONTROL_STRIDE);
    while (offset + CMSG_DATA_OFFSET < end) {
      const length = view.getUint32(offset + CMSG_LENGTH_OFFSET, true);
      const type = view.getInt32(offset + CMSG_TYPE_OFFSET, true);
      if (length <= CMSG_DATA_OFFSET || offset + length > end) return;
      const data = offset + CMSG_DATA_OFFSET;
      if (type === (six ? IPV6_PKTINFO : IP_PKTINFO)) {
        this.#readPacketInfo(data, datagrams.endpoints, place * ENDPOINT_BYTES);
      } else if (type === (six ? IPV6_TCLASS : IP_TOS)) {
        // A byte with IPv4 and an int with IPv6; the low byte comes first in both.
        datagrams.trafficClasses[place] = bytes[data]!;
      } else if (type === UDP_GRO && view.getInt32(offset + CMSG_LEVEL_OFFSET, true) === SOL_UDP) {
        this.#segmentBytes = Math.max(1, view.getInt32(data, true));
      }
      offset += Math.ceil(length / CMSG_ALIGNMENT) * CMSG_ALIGNMENT;
    }
  }

  #readPacketInfo(data: number, endpoints: Uint8Array, endpoint: number): void {
    const local = endpoint + ENDPOINT_LOCAL_OFFSET;
    const interfaceOffset = endpoint + ENDPOINT_INTERFACE_OFFSET;
    if (this.#socket.family === 6) {
      this.#copy(data + IN6_PKTINFO_ADDRESS_OFFSET, IPV6_BYTES, endpoints, local);
      this.#copy(data + IN6_PKTINFO_INTERFACE_OFFSET, 4, endpoints, interfaceOffset);
    } else {
      this.#copy(data + IN_PKTINFO_LOCAL_OFFSET, IPV4_BYTES, endpoints, local);
      this.#copy(data + IN_PKTINFO_INTERFACE_OFFSET, 4, endpoints, interfaceOffset);
    }
  }

  #copy(from: number, length: number, target: Uint8Array, to: number): void {
    const { bytes } = this.#vector;
    for (let i = 0; i < length; i++) target[to + i] = bytes[from + i]!;
  }
}

// What sendmmsg(2) is told of each message of a vector besides its bytes: where it goes, and in
// control messages, in this order, each of which may be absent:
//
//   traffic class | local address and interface | length of a run's datagrams
//
// so that the later ones can be cut off.

import {
  ENDPOINT_ADDRESS_OFFSET,
  ENDPOINT_INTERFACE_OFFSET,
  ENDPOINT_LOCAL_OFFSET,
  ENDPOINT_PORT_OFFSET,
  ENDPOINT_SCOPE_OFFSET,
} from '../../../base/packet-batch.ts';
import {
  AF_INET,
  AF_INET6,
  CMSG_ALIGNMENT,
  CMSG_DATA_OFFSET,
  CMSG_LENGTH_OFFSET,
  CMSG_LEVEL_OFFSET,
  CMSG_TYPE_OFFSET,
  IN_PKTINFO_BYTES,
  IN_PKTINFO_INTERFACE_OFFSET,
  IN_PKTINFO_LOCAL_OFFSET,
  IN6_PKTINFO_ADDRESS_OFFSET,
  IN6_PKTINFO_BYTES,
  IN6_PKTINFO_INTERFACE_OFFSET,
  IP_PKTINFO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  SOCKADDR_FAMILY_OFFSET,
  SOCKADDR_IN_ADDRESS_OFFSET,
  SOCKADDR_IN_BYTES,
  SOCKADDR_IN6_ADDRESS_OFFSET,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_IN6_SCOPE_OFFSET,
  SOCKADDR_PORT_OFFSET,
  SOL_UDP,
  UDP_SEGMENT,
} from '../layouts.ts';
import type { MessageVector } from './message-vector.ts';

/** UDP_SEGMENT takes 16 bits. */
const SEGMENT_BYTES = 2;
/** IP_TOS and IPV6_TCLASS both take an int. */
const TRAFFIC_CLASS_BYTES = 4;

export class MessageHeaders {
  readonly #vector: MessageVector;
  readonly #isIpv4: boolean;
  /** Of each message, less a run's. */
  readonly #controlLengths: Uint32Array;

  /** For a socket of that family. */
  constructor(vector: MessageVector, family: 4 | 6) {
    this.#vector = vector;
    this.#isIpv4 = family === 4;
    this.#controlLengths = new Uint32Array(vector.capacity);
    for (let index = 0; index < vector.capacity; index++) {
      const place = vector.nameOffset(index) + SOCKADDR_FAMILY_OFFSET;
      vector.view.setUint16(place, this.#isIpv4 ? AF_INET : AF_INET6, true);
      vector.setNameLength(index, this.#isIpv4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
    }
  }

  /** For a datagram to an endpoint, from the local address that its peer last spoke to. */
  write(index: number, endpoints: Uint8Array, endpoint: number, trafficClass: number): void {
    this.#writeName(index, endpoints, endpoint);
    this.#writeControl(index, endpoints, endpoint, trafficClass);
  }

  /** Makes a run of a message, and tells the kernel where to cut it. */
  writeRun(index: number, segmentBytes: number): void {
    const start = this.#vector.controlOffset(index);
    const offset = start + this.#controlLengths[index]!;
    const end = this.#startControl(offset, SEGMENT_BYTES, SOL_UDP, UDP_SEGMENT);
    this.#vector.view.setUint16(offset + CMSG_DATA_OFFSET, segmentBytes, true);
    this.#vector.setControlLength(index, end - start);
  }

  /** As it was before writeRun(). */
  dropRun(index: number): void {
    this.#vector.setControlLength(index, this.#controlLengths[index]!);
  }

  /** Cuts the local address off; false when there was none. */
  dropSource(index: number): boolean {
    const { view } = this.#vector;
    const length = this.#vector.controlLength(index);
    if (length === 0) return false;
    const first = this.#vector.controlOffset(index);
    const type = view.getInt32(first + CMSG_TYPE_OFFSET, true);
    const traffic = this.#isIpv4 ? IP_TOS : IPV6_TCLASS;
    const kept = type === traffic ? CMSG_DATA_OFFSET + CMSG_ALIGNMENT : 0;
    this.#vector.setControlLength(index, kept);
    return kept < length;
  }

  #writeName(index: number, endpoints: Uint8Array, endpoint: number): void {
    const name = this.#vector.nameOffset(index);
    const port = name + SOCKADDR_PORT_OFFSET;
    this.#copy(endpoints, endpoint + ENDPOINT_PORT_OFFSET, 2, port);
    const address = endpoint + ENDPOINT_ADDRESS_OFFSET;
    if (this.#isIpv4) {
      this.#copy(endpoints, address, 4, name + SOCKADDR_IN_ADDRESS_OFFSET);
    } else {
      this.#copy(endpoints, address, 16, name + SOCKADDR_IN6_ADDRESS_OFFSET);
      const scope = endpoint + ENDPOINT_SCOPE_OFFSET;
      this.#copy(endpoints, scope, 4, name + SOCKADDR_IN6_SCOPE_OFFSET);
    }
  }

  /** The traffic class first, so that the local address can be cut off behind it. */
  #writeControl(
    index: number,
    endpoints: Uint8Array,
    endpoint: number,
    trafficClass: number,
  ): void {
    const { view } = this.#vector;
    const four = this.#isIpv4;
    const level = four ? IPPROTO_IP : IPPROTO_IPV6;
    const start = this.#vector.controlOffset(index);
    let offset = start;
    if (trafficClass !== 0) {
      offset = this.#startControl(offset, TRAFFIC_CLASS_BYTES, level, four ? IP_TOS : IPV6_TCLASS);
      view.setInt32(start + CMSG_DATA_OFFSET, trafficClass, true);
    }
    if (hasLocalAddress(endpoints, endpoint)) {
      const data = offset + CMSG_DATA_OFFSET;
      const local = endpoint + ENDPOINT_LOCAL_OFFSET;
      if (four) {
        offset = this.#startControl(offset, IN_PKTINFO_BYTES, level, IP_PKTINFO);
        const target = data + IN_PKTINFO_INTERFACE_OFFSET;
        this.#copy(endpoints, endpoint + ENDPOINT_INTERFACE_OFFSET, 4, target);
        this.#copy(endpoints, local, 4, data + IN_PKTINFO_LOCAL_OFFSET);
      } else {
        offset = this.#startControl(offset, IN6_PKTINFO_BYTES, level, IPV6_PKTINFO);
        this.#copy(endpoints, local, 16, data + IN6_PKTINFO_ADDRESS_OFFSET);
        const target = data + IN6_PKTINFO_INTERFACE_OFFSET;
        this.#copy(endpoints, endpoint + ENDPOINT_INTERFACE_OFFSET, 4, target);
      }
    }
    this.#controlLengths[index] = offset - start;
    this.#vector.setControlLength(index, offset - start);
  }

  /** Writes a control message's header; returns where the next one begins. */
  #startControl(offset: number, dataLength: number, level: number, type: number): number {
    const { view } = this.#vector;
    const length = CMSG_DATA_OFFSET + dataLength;
    view.setUint32(offset + CMSG_LENGTH_OFFSET, length, true);
    view.setUint32(offset + CMSG_LENGTH_OFFSET + 4, 0, true);
    view.setInt32(offset + CMSG_LEVEL_OFFSET, level, true);
    view.setInt32(offset + CMSG_TYPE_OFFSET, type, true);
    return offset + Math.ceil(length / CMSG_ALIGNMENT) * CMSG_ALIGNMENT;
  }

  #copy(source: Uint8Array, from: number, length: number, to: number): void {
    const { bytes } = this.#vector;
    for (let i = 0; i < length; i++) bytes[to + i] = source[from + i]!;
  }
}

function hasLocalAddress(endpoints: Uint8Array, endpoint: number): boolean {
  const start = endpoint + ENDPOINT_LOCAL_OFFSET;
  for (let i = start; i < start + 16; i++) if (endpoints[i] !== 0) return true;
  return false;
}

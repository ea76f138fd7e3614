// Sending datagrams of one socket in batches: each pushed datagram becomes an entry for
// sendmmsg(2), with the local address that its peer last spoke to and its traffic class.

import {
  ENDPOINT_ADDRESS_OFFSET,
  ENDPOINT_INTERFACE_OFFSET,
  ENDPOINT_LOCAL_OFFSET,
  ENDPOINT_PORT_OFFSET,
  ENDPOINT_SCOPE_OFFSET,
} from '../../base/packet-batch.ts';
import { UdpCounter } from '../udp.ts';
import { addressOf, errorNumber, nativeMemory } from './ffi.ts';
import {
  AF_INET,
  AF_INET6,
  CMSG_ALIGNMENT,
  CMSG_DATA_OFFSET,
  CMSG_LENGTH_OFFSET,
  CMSG_LEVEL_OFFSET,
  CMSG_TYPE_OFFSET,
  EADDRNOTAVAIL,
  EAGAIN,
  EINTR,
  EINVAL,
  ENETUNREACH,
  ENOBUFS,
  ENODEV,
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
  MMSGHDR_BYTES,
  MSG_DONTWAIT,
  POLLFD_BYTES,
  POLLFD_EVENTS_OFFSET,
  POLLOUT,
  SOCKADDR_FAMILY_OFFSET,
  SOCKADDR_IN_ADDRESS_OFFSET,
  SOCKADDR_IN_BYTES,
  SOCKADDR_IN6_ADDRESS_OFFSET,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_IN6_SCOPE_OFFSET,
  SOCKADDR_PORT_OFFSET,
} from './layouts.ts';
import { MessageVector } from './message-vector.ts';
import { poll, sendmmsg } from './syscalls.ts';
import type { UdpSocket } from './udp-socket.ts';

/** Datagrams for one call: two batches of packets. */
const DATAGRAMS_MAX = 128;
/** How long one flush waits for a full send buffer, all in all, before it drops. */
const WAIT_MAX_MS = 4;
/** IP_TOS and IPV6_TCLASS both take an int. */
const TRAFFIC_CLASS_BYTES = 4;

/** What a local address or interface that the machine has lost is answered with. */
const SOURCE_ERRORS: ReadonlySet<number> = new Set([EINVAL, EADDRNOTAVAIL, ENETUNREACH, ENODEV]);

export class UdpSender {
  readonly #socket: UdpSocket;
  readonly #counters: Float64Array;
  readonly #vector = new MessageVector(DATAGRAMS_MAX);
  readonly #pollfd = nativeMemory(POLLFD_BYTES);
  readonly #pollfdAddress = addressOf(this.#pollfd);
  #count = 0;

  constructor(socket: UdpSocket, counters: Float64Array) {
    this.#socket = socket;
    this.#counters = counters;
    this.#pollfd.writeInt32LE(socket.descriptor);
    this.#pollfd.writeUInt16LE(POLLOUT, POLLFD_EVENTS_OFFSET);
    const six = socket.family === 6;
    for (let index = 0; index < DATAGRAMS_MAX; index++) {
      const name = this.#vector.nameOffset(index);
      this.#vector.view.setUint16(name + SOCKADDR_FAMILY_OFFSET, six ? AF_INET6 : AF_INET, true);
      this.#vector.setNameLength(index, six ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES);
    }
  }

  /** Takes a datagram at a native address; the endpoint is copied, the bytes are not. */
  push(
    address: number,
    length: number,
    endpoints: Uint8Array,
    endpoint: number,
    trafficClass: number,
  ): void {
    if (this.#count === DATAGRAMS_MAX) this.flush();
    const index = this.#count++;
    this.#vector.setData(index, address, length);
    this.#writeName(index, endpoints, endpoint);
    this.#writeControl(index, endpoints, endpoint, trafficClass);
  }

  flush(): void {
    let sent = 0;
    let waitMs = WAIT_MAX_MS;
    while (sent < this.#count) {
      const address = this.#vector.address + sent * MMSGHDR_BYTES;
      const returned = sendmmsg(this.#socket.descriptor, address, this.#count - sent, MSG_DONTWAIT);
      if (returned > 0) {
        this.#counters[UdpCounter.Sent]! += returned;
        sent += returned;
        continue;
      }
      const error = errorNumber();
      if (error === EINTR) continue;
      if (error === EAGAIN && waitMs > 0) {
        poll(this.#pollfdAddress, 1, 1);
        waitMs -= 1;
      } else {
        this.#failed(sent, error);
        sent += 1;
      }
    }
    this.#count = 0;
  }

  /** Settles an entry that the kernel refused: once more without its local address, or dropped. */
  #failed(index: number, error: number): void {
    if (SOURCE_ERRORS.has(error) && this.#dropSource(index)) {
      const address = this.#vector.address + index * MMSGHDR_BYTES;
      if (sendmmsg(this.#socket.descriptor, address, 1, MSG_DONTWAIT) === 1) {
        this.#counters[UdpCounter.Sent]! += 1;
        this.#counters[UdpCounter.SourceLost]! += 1;
        return;
      }
    }
    const full = error === EAGAIN || error === ENOBUFS;
    this.#counters[full ? UdpCounter.DropSendBufferFull : UdpCounter.DropSendFailed]! += 1;
  }

  #writeName(index: number, endpoints: Uint8Array, endpoint: number): void {
    const name = this.#vector.nameOffset(index);
    const port = name + SOCKADDR_PORT_OFFSET;
    this.#copy(endpoints, endpoint + ENDPOINT_PORT_OFFSET, 2, port);
    const address = endpoint + ENDPOINT_ADDRESS_OFFSET;
    if (this.#socket.family === 4) {
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
    const four = this.#socket.family === 4;
    const start = this.#vector.controlOffset(index);
    let offset = start;
    if (trafficClass !== 0) {
      offset = this.#startControl(offset, TRAFFIC_CLASS_BYTES, four ? IP_TOS : IPV6_TCLASS);
      view.setInt32(start + CMSG_DATA_OFFSET, trafficClass, true);
    }
    if (hasLocalAddress(endpoints, endpoint)) {
      const data = offset + CMSG_DATA_OFFSET;
      const local = endpoint + ENDPOINT_LOCAL_OFFSET;
      if (four) {
        offset = this.#startControl(offset, IN_PKTINFO_BYTES, IP_PKTINFO);
        const target = data + IN_PKTINFO_INTERFACE_OFFSET;
        this.#copy(endpoints, endpoint + ENDPOINT_INTERFACE_OFFSET, 4, target);
        this.#copy(endpoints, local, 4, data + IN_PKTINFO_LOCAL_OFFSET);
      } else {
        offset = this.#startControl(offset, IN6_PKTINFO_BYTES, IPV6_PKTINFO);
        this.#copy(endpoints, local, 16, data + IN6_PKTINFO_ADDRESS_OFFSET);
        const target = data + IN6_PKTINFO_INTERFACE_OFFSET;
        this.#copy(endpoints, endpoint + ENDPOINT_INTERFACE_OFFSET, 4, target);
      }
    }
    this.#vector.setControlLength(index, offset - start);
  }

  /** Writes a control message's header; returns where the next one begins. */
  #startControl(offset: number, dataLength: number, type: number): number {
    const { view } = this.#vector;
    const length = CMSG_DATA_OFFSET + dataLength;
    const level = this.#socket.family === 4 ? IPPROTO_IP : IPPROTO_IPV6;
    view.setUint32(offset + CMSG_LENGTH_OFFSET, length, true);
    view.setUint32(offset + CMSG_LENGTH_OFFSET + 4, 0, true);
    view.setInt32(offset + CMSG_LEVEL_OFFSET, level, true);
    view.setInt32(offset + CMSG_TYPE_OFFSET, type, true);
    return offset + Math.ceil(length / CMSG_ALIGNMENT) * CMSG_ALIGNMENT;
  }

  /** Cuts the local address off; false when there was none. */
  #dropSource(index: number): boolean {
    const { view } = this.#vector;
    const length = this.#vector.controlLength(index);
    if (length === 0) return false;
    const first = this.#vector.controlOffset(index);
    const type = view.getInt32(first + CMSG_TYPE_OFFSET, true);
    const traffic = this.#socket.family === 4 ? IP_TOS : IPV6_TCLASS;
    const kept = type === traffic ? CMSG_DATA_OFFSET + CMSG_ALIGNMENT : 0;
    this.#vector.setControlLength(index, kept);
    return kept < length;
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

// Sending datagrams of one socket in batches: each pushed datagram becomes an entry for
// sendmmsg(2), with the local address that its peer last spoke to and its traffic class. Where the
// kernel can (UDP_SEGMENT), datagrams of one length to one endpoint, of which the last may be
// shorter, share an entry that gathers them where they stand: a run.
//
// A run that is refused is sent again datagram by datagram, and others to the same peer are for a
// while: all of them after EIO, which says that the interface on the way there cannot; as long ones
// after EINVAL and EMSGSIZE, which say that they do not fit the path (the kernel cuts datagrams,
// but not those of a run). Whether no interface can, the loopback one tells.

import {
  ENDPOINT_ADDRESS_OFFSET,
  ENDPOINT_INTERFACE_OFFSET,
  ENDPOINT_LOCAL_OFFSET,
  ENDPOINT_PORT_OFFSET,
  ENDPOINT_SCOPE_OFFSET,
} from '../../../base/packet-batch.ts';
import { UdpCounter, type UdpOptions } from '../../udp.ts';
import { addressOf, errorNumber, nativeMemory } from '../ffi.ts';
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
  EIO,
  EMSGSIZE,
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
  SOL_UDP,
  UDP_SEGMENT,
} from '../layouts.ts';
import { poll, sendmmsg, setOption } from '../syscalls.ts';
import { MessageVector } from './message-vector.ts';
import { probeRuns } from './run-probe.ts';
import { setCutting, type UdpSocket } from './udp-socket.ts';

/** Datagrams for one call: two batches of packets. */
const DATAGRAMS_MAX = 128;
/** Datagrams of one run: every kernel with UDP_SEGMENT takes so many. */
const RUN_DATAGRAMS_MAX = 64;
/** Bytes of one run: what an IPv4 datagram could hold. */
const RUN_BYTES_MAX = 65_507;
/** The iovec of a datagram of a refused run. */
const SPARE_IOVEC: number = DATAGRAMS_MAX;
/** A path may grow wider, and a run is worth some tries. */
const REFUSED_DATAGRAMS = 10_000;
/** UDP_SEGMENT takes 16 bits. */
const SEGMENT_BYTES = 2;
/** How long one flush waits for a full send buffer, all in all, before it drops. */
const WAIT_MAX_MS = 4;
/** IP_TOS and IPV6_TCLASS both take an int. */
const TRAFFIC_CLASS_BYTES = 4;

/** What a local address or interface that the machine has lost is answered with. */
const SOURCE_ERRORS: ReadonlySet<number> = new Set([EINVAL, EADDRNOTAVAIL, ENETUNREACH, ENODEV]);
/** What a run may be refused with although its datagrams are not. */
const RUN_ERRORS: ReadonlySet<number> = new Set([...SOURCE_ERRORS, EIO, EMSGSIZE]);

interface RefusedRun {
  /** Of the shortest datagrams that are. */
  readonly segmentBytes: number;
  /** Datagrams until a run is tried again. */
  left: number;
}

export type UdpSenderOptions = Pick<UdpOptions, 'counters' | 'offloads' | 'onRefused'>;

export class UdpSender {
  readonly #socket: UdpSocket;
  readonly #counters: Float64Array;
  readonly #vector = new MessageVector(DATAGRAMS_MAX, DATAGRAMS_MAX + 1);
  readonly #addresses = new Float64Array(DATAGRAMS_MAX);
  readonly #lengths = new Uint32Array(DATAGRAMS_MAX);
  /** For each entry: its first datagram, how many it has, and its control messages less a run's. */
  readonly #firsts = new Uint32Array(DATAGRAMS_MAX);
  readonly #counts = new Uint32Array(DATAGRAMS_MAX);
  readonly #controlLengths = new Uint32Array(DATAGRAMS_MAX);
  readonly #pollfd = nativeMemory(POLLFD_BYTES);
  readonly #pollfdAddress = addressOf(this.#pollfd);
  readonly #onRefused: UdpOptions['onRefused'];
  #sendsRuns: boolean;
  #datagrams = 0;
  #entries = 0;
  /** Of the last entry: where it goes, its iovecs, its bytes, and whether it may grow. */
  #endpoints: Uint8Array | undefined;
  #endpoint = 0;
  #trafficClass = 0;
  #iovecs = 0;
  /** Bytes of its last iovec. */
  #gathered = 0;
  #bytes = 0;
  #isOpen = false;
  /** By endpoint: its path is narrower than these datagrams, which a run must not be. */
  readonly #refused = new WeakMap<Uint8Array, RefusedRun>();
  readonly #entryEndpoints: Uint8Array[] = [];
  /** Left of the time that one flush waits. */
  #waitMs = 0;

  constructor(socket: UdpSocket, options: UdpSenderOptions) {
    const { counters, offloads, onRefused } = options;
    this.#socket = socket;
    this.#onRefused = onRefused;
    this.#sendsRuns =
      offloads?.udpGso === true && setOption(socket.descriptor, SOL_UDP, UDP_SEGMENT, 0) === 0;
    if (this.#sendsRuns) this.#examineRuns();
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

  /** Takes a datagram at a native address. Bytes and endpoint stay as they are until flush(). */
  push(
    address: number,
    length: number,
    endpoints: Uint8Array,
    endpoint: number,
    trafficClass: number,
  ): void {
    if (this.#datagrams === DATAGRAMS_MAX) this.flush();
    const datagram = this.#datagrams++;
    this.#addresses[datagram] = address;
    this.#lengths[datagram] = length;
    if (this.#fitsRun(length, endpoints, endpoint, trafficClass)) {
      this.#extendRun(datagram, address, length);
      return;
    }
    const entry = this.#entries++;
    this.#firsts[entry] = datagram;
    this.#counts[entry] = 1;
    this.#vector.setIovec(datagram, address, length);
    this.#vector.setRun(entry, datagram, 1);
    this.#writeName(entry, endpoints, endpoint);
    this.#writeControl(entry, endpoints, endpoint, trafficClass);
    this.#endpoints = endpoints;
    this.#endpoint = endpoint;
    this.#trafficClass = trafficClass;
    this.#iovecs = 1;
    this.#gathered = length;
    this.#bytes = length;
    this.#entryEndpoints[entry] = endpoints;
    this.#isOpen = this.#sendsRuns && this.#mayBegin(endpoints, length);
  }

  /** As Udp.sendWhole(). */
  sendWhole(address: number, length: number, endpoints: Uint8Array, endpoint: number): void {
    this.flush();
    setCutting(this.#socket, false);
    this.push(address, length, endpoints, endpoint, 0);
    if (this.#send(0, 1) === 1) this.#counters[UdpCounter.Sent]! += 1;
    this.#begin();
    setCutting(this.#socket, true);
  }

  flush(): void {
    this.#waitMs = WAIT_MAX_MS;
    for (let entry = 0; entry < this.#entries; entry++) this.#finishRun(entry);
    for (let sent = 0; sent < this.#entries; ) {
      const returned = this.#send(sent, this.#entries - sent);
      if (returned > 0) {
        for (let i = sent; i < sent + returned; i++) {
          this.#counters[UdpCounter.Sent]! += this.#counts[i]!;
        }
        sent += returned;
      } else {
        this.#settle(sent, -returned);
        sent += 1;
      }
    }
    this.#begin();
  }

  #begin(): void {
    this.#datagrams = 0;
    this.#entries = 0;
    this.#isOpen = false;
    this.#endpoints = undefined;
  }

  /** Whether a run of datagrams of that length was not refused lately. */
  #mayBegin(endpoints: Uint8Array, length: number): boolean {
    const refused = this.#refused.get(endpoints);
    if (refused === undefined || length < refused.segmentBytes) return true;
    refused.left -= 1;
    if (refused.left === 0) this.#refused.delete(endpoints);
    return false;
  }

  /** Whether a datagram may join the last entry. The same endpoint is the same memory. */
  #fitsRun(length: number, endpoints: Uint8Array, endpoint: number, trafficClass: number): boolean {
    if (!this.#isOpen || endpoints !== this.#endpoints || endpoint !== this.#endpoint) return false;
    const entry = this.#entries - 1;
    return (
      trafficClass === this.#trafficClass &&
      length <= this.#lengths[this.#firsts[entry]!]! &&
      this.#counts[entry]! < RUN_DATAGRAMS_MAX &&
      this.#bytes + length <= RUN_BYTES_MAX
    );
  }

  /** What stands directly behind the datagram before needs no iovec of its own. */
  #extendRun(datagram: number, address: number, length: number): void {
    const entry = this.#entries - 1;
    const first = this.#firsts[entry]!;
    const iovec = first + this.#iovecs - 1;
    const before = datagram - 1;
    if (this.#addresses[before]! + this.#lengths[before]! === address) {
      this.#gathered += length;
      this.#vector.setLength(iovec, this.#gathered);
    } else {
      this.#gathered = length;
      this.#vector.setIovec(iovec + 1, address, length);
      this.#iovecs += 1;
      this.#vector.setRun(entry, first, this.#iovecs);
    }
    this.#counts[entry]! += 1;
    this.#bytes += length;
    this.#isOpen = length === this.#lengths[first]!;
  }

  /** Tells the kernel where to cut. */
  #finishRun(entry: number): void {
    const start = this.#vector.controlOffset(entry);
    const length = this.#controlLengths[entry]!;
    if (this.#counts[entry]! < 2) return;
    const offset = start + length;
    const end = this.#startControl(offset, SEGMENT_BYTES, SOL_UDP, UDP_SEGMENT);
    const segmentBytes = this.#lengths[this.#firsts[entry]!]!;
    this.#vector.view.setUint16(offset + CMSG_DATA_OFFSET, segmentBytes, true);
    this.#vector.setControlLength(entry, end - start);
  }

  /** Returns how many of `count` entries were sent, or the error number of the first, negated. */
  #send(entry: number, count: number): number {
    const address = this.#vector.address + entry * MMSGHDR_BYTES;
    for (;;) {
      const returned = sendmmsg(this.#socket.descriptor, address, count, MSG_DONTWAIT);
      if (returned > 0) return returned;
      const error = errorNumber();
      if (error === EINTR) continue;
      if (error !== EAGAIN || this.#waitMs === 0) return -error;
      poll(this.#pollfdAddress, 1, 1);
      this.#waitMs -= 1;
    }
  }

  /** Settles an entry that the kernel refused: sent in another way, or dropped. */
  #settle(entry: number, error: number): void {
    const count = this.#counts[entry]!;
    if (count > 1 && RUN_ERRORS.has(error)) this.#sendSingly(entry, error);
    else if (count > 1) this.#drop(error, count);
    else this.#retryWithoutSource(entry, error);
  }

  /** No runs are sent any more where the kernel damages them or has no way for any. */
  #examineRuns(): void {
    const error = probeRuns(this.#socket.family);
    if (error === 0) return;
    this.#sendsRuns = false;
    const where = `UDP socket of IPv${this.#socket.family}`;
    this.#onRefused?.({ offload: 'udp-gso', where, error });
  }

  #sendSingly(entry: number, error: number): void {
    this.#counters[UdpCounter.RunsSplit]! += 1;
    if (error === EIO && this.#sendsRuns) this.#examineRuns();
    this.#vector.setControlLength(entry, this.#controlLengths[entry]!);
    this.#vector.setRun(entry, SPARE_IOVEC, 1);
    const first = this.#firsts[entry]!;
    const segmentBytes = error === EIO ? 0 : this.#lengths[first]!;
    for (let datagram = first; datagram < first + this.#counts[entry]!; datagram++) {
      this.#vector.setIovec(SPARE_IOVEC, this.#addresses[datagram]!, this.#lengths[datagram]!);
      const returned = this.#send(entry, 1);
      // What goes by itself was refused for being in a run.
      if (returned > 0 && datagram === first) {
        const endpoints = this.#entryEndpoints[entry]!;
        this.#refused.set(endpoints, { segmentBytes, left: REFUSED_DATAGRAMS });
      }
      if (returned > 0) this.#counters[UdpCounter.Sent]! += 1;
      else this.#retryWithoutSource(entry, -returned);
    }
  }

  /** Sends an entry once more without its local address where that may be the fault. */
  #retryWithoutSource(entry: number, error: number): void {
    if (SOURCE_ERRORS.has(error) && this.#dropSource(entry) && this.#send(entry, 1) === 1) {
      this.#counters[UdpCounter.Sent]! += 1;
      this.#counters[UdpCounter.SourceLost]! += 1;
    } else {
      this.#drop(error, 1);
    }
  }

  #drop(error: number, count: number): void {
    const full = error === EAGAIN || error === ENOBUFS;
    this.#counters[full ? UdpCounter.DropSendBufferFull : UdpCounter.DropSendFailed]! += count;
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

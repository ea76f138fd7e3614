// Sending datagrams of one socket in batches: each pushed datagram becomes an entry for
// sendmmsg(2), with the local address that its peer last spoke to and its traffic class. Where the
// kernel can (UDP_SEGMENT), datagrams of one length to one endpoint, of which the last may be
// shorter, share an entry that gathers them where they stand: a run.
//
// A run that is refused is sent again datagram by datagram, and others to the same peer are for a
// while: all of them after EIO, which says that the interface on the way there cannot; as long ones
// after EINVAL and EMSGSIZE, which say that they do not fit the path (the kernel cuts datagrams,
// but not those of a run). Whether no interface can, the loopback one tells.

import { UdpCounter, type UdpOptions } from '../../udp.ts';
import { addressOf, errorNumber, nativeMemory } from '../ffi.ts';
import {
  EADDRNOTAVAIL,
  EAGAIN,
  EINTR,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENETUNREACH,
  ENOBUFS,
  ENODEV,
  MMSGHDR_BYTES,
  MSG_DONTWAIT,
  POLLFD_BYTES,
  POLLFD_EVENTS_OFFSET,
  POLLOUT,
  SOL_UDP,
  UDP_SEGMENT,
} from '../layouts.ts';
import { poll, sendmmsg, setOption } from '../syscalls.ts';
import { MessageHeaders } from './message-headers.ts';
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
/** How long one flush waits for a full send buffer, all in all, before it drops. */
const WAIT_MAX_MS = 4;

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
  readonly #headers: MessageHeaders;
  /** For each entry: its first datagram, and how many it has. */
  readonly #firsts = new Uint32Array(DATAGRAMS_MAX);
  readonly #counts = new Uint32Array(DATAGRAMS_MAX);
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
    this.#headers = new MessageHeaders(this.#vector, socket.family);
    this.#onRefused = onRefused;
    this.#sendsRuns =
      offloads?.udpGso === true && setOption(socket.descriptor, SOL_UDP, UDP_SEGMENT, 0) === 0;
    if (this.#sendsRuns) this.#examineRuns();
    this.#counters = counters;
    this.#pollfd.writeInt32LE(socket.descriptor);
    this.#pollfd.writeUInt16LE(POLLOUT, POLLFD_EVENTS_OFFSET);
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
    this.#headers.write(entry, endpoints, endpoint, trafficClass);
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
    for (let entry = 0; entry < this.#entries; entry++) {
      if (this.#counts[entry]! < 2) continue;
      this.#headers.writeRun(entry, this.#lengths[this.#firsts[entry]!]!);
    }
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
    this.#headers.dropRun(entry);
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
    if (SOURCE_ERRORS.has(error) && this.#headers.dropSource(entry) && this.#send(entry, 1) === 1) {
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
}

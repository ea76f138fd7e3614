// Whether the kernel cuts runs of datagrams (UDP_SEGMENT) as it should: some go over the loopback
// interface before any that matters, since there were kernels that damaged them. A datagram that
// goes by itself tells whether the loopback interface can be asked at all.

import { addressOf, errorNumber, nativeMemory } from '../ffi.ts';
import {
  AF_INET,
  AF_INET6,
  CMSG_DATA_OFFSET,
  CMSG_LENGTH_OFFSET,
  CMSG_LEVEL_OFFSET,
  CMSG_TYPE_OFFSET,
  EBADMSG,
  MSG_DONTWAIT,
  POLLFD_BYTES,
  POLLFD_EVENTS_OFFSET,
  POLLIN,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCKADDR_FAMILY_OFFSET,
  SOCKADDR_IN_ADDRESS_OFFSET,
  SOCKADDR_IN_BYTES,
  SOCKADDR_IN6_ADDRESS_OFFSET,
  SOCKADDR_IN6_BYTES,
  SOL_UDP,
  UDP_SEGMENT,
} from '../layouts.ts';
import { bind, close, getsockname, poll, recv, sendmmsg, trySocket } from '../syscalls.ts';
import { MessageVector } from './message-vector.ts';
import type { Family } from './udp-socket.ts';

const SEGMENT_BYTES = 200;
/** One by itself, a run of equal ones, and one whose last is shorter. */
const SINGLE: number = SEGMENT_BYTES;
const RUNS: readonly number[] = [4 * SEGMENT_BYTES, 3 * SEGMENT_BYTES + 7];
const SENT_BYTES_MAX: number = Math.max(...RUNS);
/** The loopback interface delivers before the sending returns, unless the machine is busy. */
const WAIT_MS = 50;
const LOOPBACK_IPV4 = [127, 0, 0, 1] as const;
const SEGMENT_CONTROL_BYTES: number = CMSG_DATA_OFFSET + 2;

/** 0, or the error number of a refusal: EBADMSG where what arrives is not what was sent. */
export function probeRuns(family: Family): number {
  const type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const socket = trySocket(family === 4 ? AF_INET : AF_INET6, type);
  if (socket === undefined) return 0;
  try {
    const probe = new RunProbe(socket, family);
    if (!probe.isBound || probe.send(SINGLE) !== 0 || !probe.arrives(SINGLE)) return 0;
    for (const bytes of RUNS) {
      const error = probe.send(bytes);
      if (error !== 0) return error;
      if (!probe.arrives(bytes)) return EBADMSG;
    }
    return 0;
  } finally {
    close(socket);
  }
}

/** A socket on the loopback interface that sends to itself. */
class RunProbe {
  readonly isBound: boolean;
  readonly #socket: number;
  readonly #vector = new MessageVector(1);
  readonly #sent = nativeMemory(SENT_BYTES_MAX);
  readonly #received = nativeMemory(SENT_BYTES_MAX);
  readonly #pollfd = nativeMemory(POLLFD_BYTES);

  constructor(socket: number, family: Family) {
    this.#socket = socket;
    for (let i = 0; i < SENT_BYTES_MAX; i++) this.#sent[i] = i * 7 + (i >> 8);
    this.#pollfd.writeInt32LE(socket);
    this.#pollfd.writeUInt16LE(POLLIN, POLLFD_EVENTS_OFFSET);
    const address = loopback(family);
    const length = nativeMemory(4);
    length.writeUInt32LE(address.length);
    this.isBound =
      bind(socket, address, address.length) === 0 && getsockname(socket, address, length) === 0;
    this.#vector.bytes.set(address, this.#vector.nameOffset(0));
    this.#vector.setNameLength(0, address.length);
  }

  /** Sends the first `bytes` bytes, cut where they are more than one segment. */
  send(bytes: number): number {
    const { view } = this.#vector;
    const control = this.#vector.controlOffset(0);
    view.setUint32(control + CMSG_LENGTH_OFFSET, SEGMENT_CONTROL_BYTES, true);
    view.setInt32(control + CMSG_LEVEL_OFFSET, SOL_UDP, true);
    view.setInt32(control + CMSG_TYPE_OFFSET, UDP_SEGMENT, true);
    view.setUint16(control + CMSG_DATA_OFFSET, SEGMENT_BYTES, true);
    this.#vector.setControlLength(0, bytes > SEGMENT_BYTES ? SEGMENT_CONTROL_BYTES : 0);
    this.#vector.setData(0, addressOf(this.#sent), bytes);
    const sent = sendmmsg(this.#socket, this.#vector.address, 1, MSG_DONTWAIT);
    return sent === 1 ? 0 : errorNumber();
  }

  /** Whether `bytes` bytes come back in the right pieces. */
  arrives(bytes: number): boolean {
    for (let at = 0; at < bytes; at += SEGMENT_BYTES) {
      const expected = Math.min(SEGMENT_BYTES, bytes - at);
      if (poll(addressOf(this.#pollfd), 1, WAIT_MS) !== 1) return false;
      const length = recv(this.#socket, this.#received, SENT_BYTES_MAX, MSG_DONTWAIT);
      const isSame = this.#received.compare(this.#sent, at, at + expected, 0, expected) === 0;
      if (length !== expected || !isSame) return false;
    }
    return true;
  }
}

/** The socket address of port 0. */
function loopback(family: Family): Buffer {
  const address = nativeMemory(family === 4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  address.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, SOCKADDR_FAMILY_OFFSET);
  if (family === 4) address.set(LOOPBACK_IPV4, SOCKADDR_IN_ADDRESS_OFFSET);
  else address[SOCKADDR_IN6_ADDRESS_OFFSET + 15] = 1;
  return address;
}

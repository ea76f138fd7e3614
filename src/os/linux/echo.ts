// Round trips by ICMPv6 echo (RFC 4443 section 4) from a raw socket that is bound to one interface,
// so that they go through the mesh. The kernel fills in the checksums. Node.js cannot wait for a
// raw socket, and a thread of its pool that did would be missing there for as long as a host is
// silent: so timers look for replies, again and again.
//
//  +------+------+----------+------------+----------+
//  | 128  |  0   | Checksum | Identifier | Sequence |     the reply has type 129
//  +------+------+----------+------------+----------+

import { randomInt } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { type Ipv6Address, ipv6Bytes } from '../../ip/ipv6-address.ts';
import { nativeMemory } from './ffi.ts';
import {
  AF_INET6,
  ICMPV6_FILTER,
  ICMPV6_FILTER_BYTES,
  IPPROTO_ICMPV6,
  MSG_DONTWAIT,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCKADDR_FAMILY_OFFSET,
  SOCKADDR_IN6_ADDRESS_OFFSET,
  SOCKADDR_IN6_BYTES,
  SOL_SOCKET,
} from './layouts.ts';
import { bind, close, recv, sendto, setOptionBytes, socket } from './syscalls.ts';

const ECHO_BYTES = 8;
const ECHO_REQUEST = 128;
const ECHO_REPLY = 129;
const IDENTIFIER_OFFSET = 4;
const SEQUENCE_OFFSET = 6;
/** So long there is a look in every turn of the event loop: near hosts differ by less than 1 ms. */
const CLOSE_LOOK_MS = 2;
/** Then the next look is after this part of the time that has passed: some 3 % of a round trip. */
const NEXT_LOOK_PART = 1 / 32;

export class LinuxEcho {
  readonly #device: string;

  /** All echoes go through the interface `device`. */
  constructor(device: string) {
    this.#device = device;
  }

  /**
   * The round trips from `source` to `targets`, milliseconds; who has not answered within
   * `timeoutMs`, or cannot be asked at all, is left out. Never rejects.
   */
  async measure(
    source: Ipv6Address,
    targets: readonly Ipv6Address[],
    timeoutMs: number,
  ): Promise<ReadonlyMap<Ipv6Address, number>> {
    const fd = openSocket(this.#device, source);
    if (fd === undefined) return new Map();
    try {
      return await new EchoRound(fd, targets).run(timeoutMs);
    } finally {
      close(fd);
    }
  }
}

/** One echo to each target. */
class EchoRound {
  readonly #fd: number;
  readonly #targets: readonly Ipv6Address[];
  readonly #identifier = randomInt(0x1_0000);
  readonly #sentAt = new Map<number, number>();
  readonly #roundTrips = new Map<Ipv6Address, number>();
  readonly #message = nativeMemory(ECHO_BYTES);

  constructor(fd: number, targets: readonly Ipv6Address[]) {
    this.#fd = fd;
    this.#targets = targets;
  }

  async run(timeoutMs: number): Promise<ReadonlyMap<Ipv6Address, number>> {
    const start = performance.now();
    for (const sequence of this.#targets.keys()) this.#send(sequence);
    for (;;) {
      const now = performance.now();
      this.#receive(now);
      const passedMs = now - start;
      if (this.#sentAt.size === 0 || passedMs >= timeoutMs) return this.#roundTrips;
      if (passedMs < CLOSE_LOOK_MS) await setImmediate();
      else await setTimeout(Math.min(passedMs * NEXT_LOOK_PART, timeoutMs - passedMs));
    }
  }

  #send(sequence: number): void {
    const echo = nativeMemory(ECHO_BYTES);
    echo.writeUInt8(ECHO_REQUEST);
    echo.writeUInt16BE(this.#identifier, IDENTIFIER_OFFSET);
    echo.writeUInt16BE(sequence, SEQUENCE_OFFSET);
    const target = socketAddress(this.#targets[sequence] as Ipv6Address);
    const now = performance.now();
    const sent = sendto(this.#fd, echo, ECHO_BYTES, MSG_DONTWAIT, target, SOCKADDR_IN6_BYTES);
    if (sent === ECHO_BYTES) this.#sentAt.set(sequence, now);
  }

  /**
   * Takes what waits. Who answers is told by the sequence number: the filter lets in only the
   * answers to echoes of this host, from those they were sent to.
   */
  #receive(now: number): void {
    const message = this.#message;
    while (recv(this.#fd, message, ECHO_BYTES, MSG_DONTWAIT) === ECHO_BYTES) {
      const isOurs =
        message.readUInt8() === ECHO_REPLY &&
        message.readUInt16BE(IDENTIFIER_OFFSET) === this.#identifier;
      const sequence = message.readUInt16BE(SEQUENCE_OFFSET);
      const sentAt = this.#sentAt.get(sequence);
      const target = this.#targets[sequence];
      if (!isOurs || sentAt === undefined || target === undefined) continue;
      this.#sentAt.delete(sequence);
      this.#roundTrips.set(target, now - sentAt);
    }
  }
}

/** Undefined where the kernel or the container refuses: nobody is measured then. */
function openSocket(device: string, source: Ipv6Address): number | undefined {
  const fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
  if (fd < 0) return undefined;
  // A bit keeps a type out.
  const filter = nativeMemory(ICMPV6_FILTER_BYTES).fill(0xff);
  const word = (ECHO_REPLY >> 5) * 4;
  filter.writeUInt32LE(~(1 << (ECHO_REPLY & 31)) >>> 0, word);
  const isReady =
    setOptionBytes(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, filter) === 0 &&
    setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(device)) === 0 &&
    bind(fd, socketAddress(source), SOCKADDR_IN6_BYTES) === 0;
  if (isReady) return fd;
  close(fd);
  return undefined;
}

function socketAddress(address: Ipv6Address): Buffer {
  const memory = nativeMemory(SOCKADDR_IN6_BYTES);
  memory.writeUInt16LE(AF_INET6, SOCKADDR_FAMILY_OFFSET);
  memory.set(ipv6Bytes(address), SOCKADDR_IN6_ADDRESS_OFFSET);
  return memory;
}

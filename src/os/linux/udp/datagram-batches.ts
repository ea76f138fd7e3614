// Question-and-answer over UDP in batches: recvmmsg(2) takes what waits on a socket, sendmmsg(2)
// sends the answers back to where the questions came from. Each answer is copied once, into memory
// that stays at one place.

import { formatIpv6, type Ipv6Address } from '../../../ip/ipv6-address.ts';
import { addressOf, nativeMemory } from '../ffi.ts';
import {
  MMSGHDR_BYTES,
  MSG_DONTWAIT,
  SOCKADDR_IN6_ADDRESS_OFFSET,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_PORT_OFFSET,
} from '../layouts.ts';
import { recvmmsg, sendmmsg } from '../syscalls.ts';
import { MessageVector } from './message-vector.ts';

const BATCH = 64;
/** Batches of one call, so that nobody else waits for long. */
const BATCHES_MAX = 4;
/** A longer datagram is cut to this: more than any question that is answered. */
const QUESTION_STRIDE = 1024;
/** A longer answer is not sent: more than any answer over UDP. */
const ANSWER_STRIDE = 1280;
/** Texts of addresses that are remembered; then all are forgotten. */
const ADDRESSES_MAX = 4096;
const IPV6_BYTES = 16;

export type DatagramAnswer = (
  bytes: Uint8Array,
  address: Ipv6Address,
  port: number,
) => Uint8Array | undefined;

export class DatagramBatches {
  readonly #questions = new MessageVector(BATCH);
  readonly #answers = new MessageVector(BATCH);
  readonly #inbox = nativeMemory(BATCH * QUESTION_STRIDE);
  readonly #outbox = nativeMemory(BATCH * ANSWER_STRIDE);
  /** By the 16 bytes as text. */
  readonly #addresses = new Map<string, Ipv6Address>();
  readonly #names: Buffer;
  #answered = 0;

  constructor() {
    const [inbox, outbox] = [addressOf(this.#inbox), addressOf(this.#outbox)];
    for (let index = 0; index < BATCH; index++) {
      this.#questions.setData(index, inbox + index * QUESTION_STRIDE, QUESTION_STRIDE);
      this.#answers.setData(index, outbox + index * ANSWER_STRIDE, 0);
      this.#answers.setNameLength(index, SOCKADDR_IN6_BYTES);
    }
    const { bytes } = this.#questions;
    this.#names = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /**
   * Answers what waits on `fd`, a bound socket over IPv6: each datagram by what `answer` returns,
   * whose `bytes` are good for as long as its call. Returns how many answers the kernel did not
   * take.
   */
  drain(fd: number, answer: DatagramAnswer): number {
    let failures = 0;
    for (let batch = 0; batch < BATCHES_MAX; batch++) {
      for (let index = 0; index < BATCH; index++) {
        this.#questions.setNameLength(index, SOCKADDR_IN6_BYTES);
        this.#questions.setControlLength(index, 0);
      }
      const received = recvmmsg(fd, this.#questions.address, BATCH, MSG_DONTWAIT, 0);
      // Nothing waits, or the call was interrupted: the event loop comes again.
      if (received <= 0) return failures;
      this.#answered = 0;
      for (let index = 0; index < received; index++) this.#answerOne(index, answer);
      failures += this.#flush(fd);
      if (received < BATCH) return failures;
    }
    return failures;
  }

  #answerOne(index: number, answer: DatagramAnswer): void {
    const vector = this.#questions;
    const name = vector.nameOffset(index);
    const port = vector.view.getUint16(name + SOCKADDR_PORT_OFFSET);
    const start = index * QUESTION_STRIDE;
    const bytes = this.#inbox.subarray(start, start + vector.length(index));
    const reply = answer(bytes, this.#addressAt(name + SOCKADDR_IN6_ADDRESS_OFFSET), port);
    if (reply === undefined || port === 0 || reply.length > ANSWER_STRIDE) return;
    const place = this.#answered++;
    const outbox = place * ANSWER_STRIDE;
    this.#outbox.set(reply, outbox);
    this.#answers.setLength(place, reply.length);
    const target = this.#answers.nameOffset(place);
    for (let i = 0; i < SOCKADDR_IN6_BYTES; i++) {
      this.#answers.bytes[target + i] = vector.bytes[name + i] as number;
    }
  }

  #flush(fd: number): number {
    let failures = 0;
    let sent = 0;
    while (sent < this.#answered) {
      const address = this.#answers.address + sent * MMSGHDR_BYTES;
      const taken = sendmmsg(fd, address, this.#answered - sent, MSG_DONTWAIT);
      // The first is refused: who asked asks again.
      if (taken <= 0) failures += 1;
      sent += Math.max(taken, 1);
    }
    return failures;
  }

  #addressAt(offset: number): Ipv6Address {
    const key = this.#names.toString('latin1', offset, offset + IPV6_BYTES);
    const known = this.#addresses.get(key);
    if (known !== undefined) return known;
    if (this.#addresses.size >= ADDRESSES_MAX) this.#addresses.clear();
    const address = formatIpv6(this.#names, offset);
    this.#addresses.set(key, address);
    return address;
  }
}

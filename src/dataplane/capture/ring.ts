// Captured packets on their way from the data plane's worker to the main thread: a ring in shared
// memory with one writer and one reader, neither of which ever waits. A packet that finds no room
// is counted and lost, so that a slow reader costs the data plane nothing.
//
//   | head | tail | dropped | - |  records ...
//
//    0      4      8      12     16     17    18     20        24          32
//   | size | captured | original | way | pass | rule | (unused) | time (ms) | bytes ... |
//
// Positions count bytes and wrap at 2^32; a record is contiguous, and one that would cross the end
// begins at the start again, behind a size of 0.

import type { WallMillis } from '../../base/clock.ts';

export const RING_BYTES: number = 4 * 1024 * 1024;

const HEAD = 0;
const TAIL = 1;
const DROPPED = 2;
const RECORDS_OFFSET = 16;
const ALIGNMENT = 8;

const CAPTURED_OFFSET = 4;
const ORIGINAL_OFFSET = 8;
const INBOUND_OFFSET = 12;
const PASSED_OFFSET = 13;
const RULE_OFFSET = 14;
const TIME_OFFSET = 16;
const HEADER_BYTES = 24;

/** One packet as the filter has judged it. */
export interface CapturedPacket {
  readonly time: WallMillis;
  /** Whether it came from the network; else a program of this host sent it. */
  readonly isInbound: boolean;
  readonly isPassed: boolean;
  /** PassRule of one that passed, else DropReason. */
  readonly rule: number;
  readonly bytes: Uint8Array;
  /** Of the whole packet. */
  readonly originalLength: number;
}

export function ringMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(RECORDS_OFFSET + RING_BYTES);
}

/** The worker's end. */
export class RingWriter {
  readonly #header: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, RECORDS_OFFSET / 4);
    this.#bytes = new Uint8Array(memory, RECORDS_OFFSET);
    this.#view = new DataView(memory, RECORDS_OFFSET);
  }

  /** Takes the first `captured` of the `length` bytes at `offset`; false when there is no room. */
  write(
    time: number,
    isInbound: boolean,
    isPassed: boolean,
    rule: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    captured: number,
  ): boolean {
    const size = (HEADER_BYTES + captured + ALIGNMENT - 1) & -ALIGNMENT;
    const head = Atomics.load(this.#header, HEAD) >>> 0;
    const used = (head - (Atomics.load(this.#header, TAIL) >>> 0)) >>> 0;
    let at = head % RING_BYTES;
    const skipped = at + size > RING_BYTES ? RING_BYTES - at : 0;
    if (used + skipped + size > RING_BYTES) {
      Atomics.add(this.#header, DROPPED, 1);
      return false;
    }
    if (skipped > 0) {
      this.#view.setUint32(at, 0, true);
      at = 0;
    }
    this.#view.setUint32(at, size, true);
    this.#view.setUint32(at + CAPTURED_OFFSET, captured, true);
    this.#view.setUint32(at + ORIGINAL_OFFSET, length, true);
    this.#view.setUint8(at + INBOUND_OFFSET, isInbound ? 1 : 0);
    this.#view.setUint8(at + PASSED_OFFSET, isPassed ? 1 : 0);
    this.#view.setUint16(at + RULE_OFFSET, rule, true);
    this.#view.setFloat64(at + TIME_OFFSET, time, true);
    this.#bytes.set(bytes.subarray(offset, offset + captured), at + HEADER_BYTES);
    Atomics.store(this.#header, HEAD, (head + skipped + size) | 0);
    return true;
  }
}

/** The main thread's end. */
export class RingReader {
  readonly #header: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, RECORDS_OFFSET / 4);
    this.#bytes = new Uint8Array(memory, RECORDS_OFFSET);
    this.#view = new DataView(memory, RECORDS_OFFSET);
  }

  /** Packets that found no room. */
  get dropped(): number {
    return Atomics.load(this.#header, DROPPED) >>> 0;
  }

  /** The next packet, as a copy; undefined when there is none. */
  read(): CapturedPacket | undefined {
    const head = Atomics.load(this.#header, HEAD) >>> 0;
    let tail = Atomics.load(this.#header, TAIL) >>> 0;
    if (head === tail) return undefined;
    let at = tail % RING_BYTES;
    if (this.#view.getUint32(at, true) === 0) {
      tail = (tail + RING_BYTES - at) >>> 0;
      at = 0;
    }
    const captured = this.#view.getUint32(at + CAPTURED_OFFSET, true);
    const packet: CapturedPacket = {
      time: this.#view.getFloat64(at + TIME_OFFSET, true) as WallMillis,
      isInbound: this.#view.getUint8(at + INBOUND_OFFSET) === 1,
      isPassed: this.#view.getUint8(at + PASSED_OFFSET) === 1,
      rule: this.#view.getUint16(at + RULE_OFFSET, true),
      bytes: this.#bytes.slice(at + HEADER_BYTES, at + HEADER_BYTES + captured),
      originalLength: this.#view.getUint32(at + ORIGINAL_OFFSET, true),
    };
    Atomics.store(this.#header, TAIL, (tail + this.#view.getUint32(at, true)) | 0);
    return packet;
  }
}

// An array of `struct mmsghdr` with their names, io vectors and control messages in one piece of
// native memory, for recvmmsg(2) and sendmmsg(2). Entry i has its own sockaddr, control room and
// iovec, and may be given a run of iovecs instead:
//
//   mmsghdr[n]  |  iovec[n or more]  |  sockaddr_in6[n] (32 each)  |  control[n] (96 each)

import { addressOf, nativeMemory, viewOf } from '../ffi.ts';
import {
  IOVEC_BASE_OFFSET,
  IOVEC_BYTES,
  IOVEC_LENGTH_OFFSET,
  MMSGHDR_BYTES,
  MMSGHDR_LENGTH_OFFSET,
  MSGHDR_CONTROL_LENGTH_OFFSET,
  MSGHDR_CONTROL_OFFSET,
  MSGHDR_FLAGS_OFFSET,
  MSGHDR_IOV_LENGTH_OFFSET,
  MSGHDR_IOV_OFFSET,
  MSGHDR_NAME_LENGTH_OFFSET,
  MSGHDR_NAME_OFFSET,
} from '../layouts.ts';

/** A sockaddr_in6 (28 bytes), padded. */
const NAME_STRIDE = 32;
/** The largest packet information (40 bytes), a traffic class (24) and a run's length (24). */
export const CONTROL_STRIDE = 96;
const TWO_TO_32 = 2 ** 32;

export class MessageVector {
  readonly capacity: number;
  /** Of the first mmsghdr. */
  readonly address: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly #memory: Buffer;
  readonly #iovecs: number;
  readonly #names: number;
  readonly #controls: number;

  /** `iovecs` is at least `capacity`. */
  constructor(capacity: number, iovecs: number = capacity) {
    this.capacity = capacity;
    this.#iovecs = capacity * MMSGHDR_BYTES;
    this.#names = this.#iovecs + iovecs * IOVEC_BYTES;
    this.#controls = this.#names + capacity * NAME_STRIDE;
    this.#memory = nativeMemory(this.#controls + capacity * CONTROL_STRIDE);
    this.bytes = this.#memory;
    this.view = viewOf(this.#memory);
    this.address = addressOf(this.#memory);
    for (let index = 0; index < capacity; index++) this.#link(index);
  }

  /** Where the sockaddr of entry `index` stands in `view` and `bytes`. */
  nameOffset(index: number): number {
    return this.#names + index * NAME_STRIDE;
  }

  controlOffset(index: number): number {
    return this.#controls + index * CONTROL_STRIDE;
  }

  /** Points entry `index` to `length` bytes at a native address. */
  setData(index: number, address: number, length: number): void {
    this.setIovec(index, address, length);
  }

  setIovec(iovec: number, address: number, length: number): void {
    const offset = this.#iovecs + iovec * IOVEC_BYTES;
    this.#setPointer(offset + IOVEC_BASE_OFFSET, address);
    this.view.setUint32(offset + IOVEC_LENGTH_OFFSET, length, true);
  }

  /** Changes how many bytes an iovec has where it points to: that of an entry, or another one. */
  setLength(iovec: number, length: number): void {
    const offset = this.#iovecs + iovec * IOVEC_BYTES + IOVEC_LENGTH_OFFSET;
    this.view.setUint32(offset, length, true);
  }

  /** Gathers entry `index` from `count` iovecs, the first of which is number `first`. */
  setRun(index: number, first: number, count: number): void {
    const header = index * MMSGHDR_BYTES;
    const iovec = this.#iovecs + first * IOVEC_BYTES;
    this.#setPointer(header + MSGHDR_IOV_OFFSET, this.address + iovec);
    this.view.setUint32(header + MSGHDR_IOV_LENGTH_OFFSET, count, true);
  }

  setNameLength(index: number, length: number): void {
    this.view.setUint32(index * MMSGHDR_BYTES + MSGHDR_NAME_LENGTH_OFFSET, length, true);
  }

  controlLength(index: number): number {
    return this.view.getUint32(index * MMSGHDR_BYTES + MSGHDR_CONTROL_LENGTH_OFFSET, true);
  }

  setControlLength(index: number, length: number): void {
    this.view.setUint32(index * MMSGHDR_BYTES + MSGHDR_CONTROL_LENGTH_OFFSET, length, true);
  }

  /** Flags that the kernel set on receiving. */
  flags(index: number): number {
    return this.view.getUint32(index * MMSGHDR_BYTES + MSGHDR_FLAGS_OFFSET, true);
  }

  /** Bytes that the kernel moved. */
  length(index: number): number {
    return this.view.getUint32(index * MMSGHDR_BYTES + MMSGHDR_LENGTH_OFFSET, true);
  }

  #link(index: number): void {
    const header = index * MMSGHDR_BYTES;
    this.#setPointer(header + MSGHDR_NAME_OFFSET, this.address + this.nameOffset(index));
    this.setRun(index, index, 1);
    this.#setPointer(header + MSGHDR_CONTROL_OFFSET, this.address + this.controlOffset(index));
  }

  #setPointer(offset: number, address: number): void {
    this.view.setUint32(offset, address % TWO_TO_32, true);
    this.view.setUint32(offset + 4, Math.floor(address / TWO_TO_32), true);
  }
}

// An array of `struct iovec` in native memory, for writev(2).

import { addressOf, nativeMemory, viewOf } from './ffi.ts';
import { IOVEC_BASE_OFFSET, IOVEC_BYTES, IOVEC_LENGTH_OFFSET } from './layouts.ts';

const TWO_TO_32 = 2 ** 32;

export class IovecList {
  readonly address: number;
  readonly #memory: Buffer;
  readonly #view: DataView;

  constructor(capacity: number) {
    this.#memory = nativeMemory(capacity * IOVEC_BYTES);
    this.#view = viewOf(this.#memory);
    this.address = addressOf(this.#memory);
  }

  /** Entry `index` is `length` bytes at a native address. */
  set(index: number, address: number, length: number): void {
    const base = index * IOVEC_BYTES + IOVEC_BASE_OFFSET;
    this.#view.setUint32(base, address % TWO_TO_32, true);
    this.#view.setUint32(base + 4, Math.floor(address / TWO_TO_32), true);
    this.#view.setUint32(index * IOVEC_BYTES + IOVEC_LENGTH_OFFSET, length, true);
  }
}

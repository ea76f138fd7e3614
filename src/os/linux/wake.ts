// Waking by eventfd(2).

import type { Wake } from '../wake.ts';
import { addressOf, nativeMemory } from './ffi.ts';
import { EFD_CLOEXEC, EFD_NONBLOCK } from './layouts.ts';
import { close, eventfd, negatedError, read, write } from './syscalls.ts';
import { systemError } from './system-error.ts';

/** An eventfd is read and written in units of 64 bits. */
const COUNTER_BYTES = 8;

export class LinuxWake implements Wake {
  readonly descriptor: number;
  readonly #counter = nativeMemory(COUNTER_BYTES);
  readonly #counterAddress = addressOf(this.#counter);

  /** Makes an eventfd, or uses the one of another thread. */
  constructor(descriptor?: number) {
    this.descriptor = descriptor ?? negatedError(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (this.descriptor < 0) throw systemError('Cannot make an eventfd', -this.descriptor);
  }

  signal(): void {
    this.#counter.writeUInt32LE(1);
    this.#counter.writeUInt32LE(0, 4);
    write(this.descriptor, this.#counterAddress, COUNTER_BYTES);
  }

  clear(): void {
    read(this.descriptor, this.#counterAddress, COUNTER_BYTES);
  }

  close(): void {
    close(this.descriptor);
  }
}

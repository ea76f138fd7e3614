// The clock of the machine. Its monotonic side is CLOCK_BOOTTIME, which goes on while the machine
// sleeps: WireGuard's sessions must not outlive a suspend (node:process offers CLOCK_MONOTONIC,
// which stops then).

import type { Clock, Millis, WallMillis } from '../../base/clock.ts';
import { addressOf, viewOf } from './ffi.ts';
import {
  CLOCK_BOOTTIME,
  CLOCK_THREAD_CPUTIME_ID,
  TIMESPEC_BYTES,
  TIMESPEC_NANOSECONDS_OFFSET,
} from './layouts.ts';
import { lastingMemory } from './low-memory.ts';
import { clockGettime } from './syscalls.ts';

const NANOSECONDS_PER_MS = 1e6;

export class LinuxClock implements Clock {
  readonly #timespec = lastingMemory(TIMESPEC_BYTES);
  readonly #view = viewOf(this.#timespec);
  readonly #address = addressOf(this.#timespec);

  now(): Millis {
    return this.#read(CLOCK_BOOTTIME);
  }

  /** What the calling thread has worked: it stands still while the machine does other things. */
  threadNow(): Millis {
    return this.#read(CLOCK_THREAD_CPUTIME_ID);
  }

  /** CLOCK_MONOTONIC, which stands still while the machine sleeps. */
  awakeNow(): Millis {
    return performance.now() as Millis;
  }

  wallNow(): WallMillis {
    return Date.now() as WallMillis;
  }

  #read(clock: number): Millis {
    clockGettime(clock, this.#address);
    // The seconds since boot fit 32 bits for 136 years.
    const seconds = this.#view.getUint32(0, true);
    const nanoseconds = this.#view.getUint32(TIMESPEC_NANOSECONDS_OFFSET, true);
    return (seconds * 1000 + nanoseconds / NANOSECONDS_PER_MS) as Millis;
  }
}

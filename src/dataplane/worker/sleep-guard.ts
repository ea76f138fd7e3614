// Whether the machine slept, or was stopped and went on elsewhere, since the last look. Its
// sessions are void then: others may have had its memory meanwhile, and a copy of the machine that
// goes on with the same keys would use the same nonces for other packets.
//
//   suspend          CLOCK_BOOTTIME goes on, CLOCK_MONOTONIC stands still
//   snapshot, clone  both stand still, and the wall clock is set forward when the machine goes on.
//                    Where the hypervisor gives the machine a generation id its kernel tells at
//                    once (os/linux/network-news.ts); this is for all others

import type { Millis, WallMillis } from '../../base/clock.ts';

/** A shorter sleep is none: the clocks are not read at the same moment. */
export const SLEEP_MS_MIN = 1_000;
/** How far the wall clock is set forward when a machine was stopped, not merely out of step. */
export const STOP_MS_MIN = 10_000;

/** Looks that follow each other sooner are one: nothing that is found here is as short. */
const LOOK_MS = 500;

export interface SleepClocks {
  /** Goes on during suspend. */
  now(): Millis;
  /** Stands still during suspend. */
  awakeNow(): Millis;
  wallNow(): WallMillis;
}

export class SleepGuard {
  readonly #clocks: SleepClocks;
  /** How far the clock that goes on is ahead of the one that does not. */
  #slept: number;
  /** How far the wall clock is ahead. */
  #wall: number;
  #lookedAt: WallMillis;

  constructor(clocks: SleepClocks) {
    this.#clocks = clocks;
    this.#slept = this.#sleptNow();
    this.#wall = this.#wallNow();
    this.#lookedAt = clocks.wallNow();
  }

  /** True once for each sleep and each stop. */
  check(): boolean {
    const lookedAt = this.#clocks.wallNow();
    if (Math.abs(lookedAt - this.#lookedAt) < LOOK_MS) return false;
    this.#lookedAt = lookedAt;
    const slept = this.#sleptNow() - this.#slept;
    const set = this.#wallNow() - this.#wall;
    this.#slept += slept;
    // A clock that is set back or drifts is followed.
    this.#wall += set;
    return slept >= SLEEP_MS_MIN || set >= STOP_MS_MIN;
  }

  #sleptNow(): number {
    return this.#clocks.now() - this.#clocks.awakeNow();
  }

  #wallNow(): number {
    return this.#clocks.wallNow() - this.#clocks.now();
  }
}

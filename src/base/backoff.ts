// Delays between tries of something that fails for a while: exponential with full jitter, so that
// many hosts that lost the same server do not come back in step.

import { type Random, randomUint32 } from './random.ts';

export interface BackoffOptions {
  /** The bound of the first delay, milliseconds. */
  readonly minMs: number;
  /** No delay is longer, milliseconds. */
  readonly maxMs: number;
}

export class Backoff {
  readonly #random: Random;
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(random: Random, options: BackoffOptions) {
    this.#random = random;
    this.#options = options;
  }

  /**
   * The delay before the next try, milliseconds: half to all of a bound that doubles with each
   * call.
   */
  next(): number {
    const { minMs, maxMs } = this.#options;
    const bound = Math.min(maxMs, minMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return bound / 2 + (bound / 2) * (randomUint32(this.#random) / 2 ** 32);
  }

  /** Starts over after a success. */
  reset(): void {
    this.#failures = 0;
  }
}

// A token bucket for each sender, in fixed memory: senders are hashed on a fixed number of buckets,
// so two of them may rarely share one, and nobody can make the table grow.

import type { Millis } from '../base/clock.ts';

/** A power of two. */
export const RATE_BUCKETS = 4096;

const MS_PER_SECOND = 1000;
const SPREAD_SHIFT = 16;

export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #tokens: Float64Array;
  readonly #filledAt: Float64Array;

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / MS_PER_SECOND;
    this.#burst = burst;
    this.#tokens = new Float64Array(RATE_BUCKETS).fill(burst);
    this.#filledAt = new Float64Array(RATE_BUCKETS);
  }

  /** Takes a token of `sender`, a number that is spread over 32 bits; false when there is none. */
  take(sender: number, now: Millis): boolean {
    const bucket = (sender ^ (sender >>> SPREAD_SHIFT)) & (RATE_BUCKETS - 1);
    const passed = Math.max(0, now - this.#filledAt[bucket]!);
    const tokens = Math.min(this.#burst, this.#tokens[bucket]! + passed * this.#perMs);
    this.#filledAt[bucket] = now;
    const taken = tokens >= 1;
    this.#tokens[bucket] = taken ? tokens - 1 : tokens;
    return taken;
  }
}

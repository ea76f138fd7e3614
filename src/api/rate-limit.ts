// A token bucket: so many at once, so many a second in the long run.

import type { Millis } from '../base/clock.ts';

export interface RateLimitOptions {
  readonly burst: number;
  readonly perSecond: number;
}

export class RateLimit {
  readonly #options: RateLimitOptions;
  #tokens: number;
  #at: Millis;

  constructor(options: RateLimitOptions, now: Millis) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#at = now;
  }

  /** Whether one more may pass at `now`, and counts it if so. */
  take(now: Millis): boolean {
    const { burst, perSecond } = this.#options;
    const earned = (Math.max(0, now - this.#at) / 1_000) * perSecond;
    this.#tokens = Math.min(burst, this.#tokens + earned);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

// How many handshake messages one source may send while the device is under load: a token bucket
// for each. Consulted only for senders that have proved their address by a cookie.

import type { Millis } from '../../base/clock.ts';
import type { RateBlock } from '../peers/endpoint.ts';

export const RATE_PER_SECOND = 20;
export const RATE_BURST = 5;
/** Sources that are remembered; the one that was quiet for longest gives way. */
export const RATE_SOURCES_MAX = 8_192;

const TOKEN_MS: number = 1_000 / RATE_PER_SECOND;

interface Bucket {
  tokens: number;
  at: Millis;
}

export class RateLimiter {
  /** Ordered by last use. */
  readonly #buckets = new Map<RateBlock, Bucket>();

  /** Takes a token of `source`; false when it has none left. */
  allows(source: RateBlock, now: Millis): boolean {
    const bucket = this.#obtain(source, now);
    bucket.tokens = Math.min(RATE_BURST, bucket.tokens + (now - bucket.at) / TOKEN_MS);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  get size(): number {
    return this.#buckets.size;
  }

  #obtain(source: RateBlock, now: Millis): Bucket {
    const bucket = this.#buckets.get(source) ?? { tokens: RATE_BURST, at: now };
    this.#buckets.delete(source);
    if (this.#buckets.size >= RATE_SOURCES_MAX) this.#forgetOldest();
    this.#buckets.set(source, bucket);
    return bucket;
  }

  #forgetOldest(): void {
    for (const source of this.#buckets.keys()) {
      this.#buckets.delete(source);
      return;
    }
  }
}

// A clock that stands until a test moves it.

import type { Clock, Millis, WallMillis } from '../../src/base/clock.ts';

/** 2026-01-01T00:00:00Z. */
const WALL_START = Date.UTC(2026, 0, 1);

export class ManualClock implements Clock {
  #elapsedMs = 0;

  now(): Millis {
    return this.#elapsedMs as Millis;
  }

  wallNow(): WallMillis {
    return (WALL_START + this.#elapsedMs) as WallMillis;
  }

  advance(ms: number): void {
    this.#elapsedMs += ms;
  }
}

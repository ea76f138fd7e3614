// The wall clock as initiations tell it. A peer takes no initiation that is not later than the last
// one (the paper, section 5.1), so a machine whose clock went back over a restart, for want of a
// battery or by mistake, would be locked out until the clock has caught up. So what was told is
// kept in a file, and the next start goes on from there.
//
// The worker tells and notes; the main thread writes the file from time to time. Both see
//
//   | floor: what no initiation goes below | last: the latest that one told |   64-bit floats

import type { Millis, WallMillis } from '../../base/clock.ts';

const FLOOR = 0;
const LAST = 1;
/** The file is at most so old while initiations are sent. */
export const KEEP_INTERVAL_MS = 60_000;
/** How many steps of a timestamp (16.8 ms) a peer may be ahead of the clock it was told. */
const SLACK_MS = 1_000;

/** Where what was told outlives the process. */
export interface TimestampStore {
  /** Undefined when nothing is kept, or cannot be read. */
  read(): Promise<number | undefined>;
  /** Rejects when it cannot be kept. */
  write(wallMs: number): Promise<void>;
}

/** The worker's side. */
export class HandshakeClock {
  readonly #cells: Float64Array;
  readonly #wallNow: () => WallMillis;
  readonly #now: () => Millis;
  readonly #startedAt: Millis;

  constructor(
    memory: SharedArrayBuffer,
    clocks: { readonly wallNow: () => WallMillis; readonly now: () => Millis },
  ) {
    this.#cells = new Float64Array(memory);
    this.#wallNow = clocks.wallNow;
    this.#now = clocks.now;
    this.#startedAt = clocks.now();
  }

  /** The time for an initiation: it goes on from the floor while the wall clock is behind it. */
  now(): WallMillis {
    const floor = this.#cells[FLOOR]! + (this.#now() - this.#startedAt);
    const wall = Math.max(this.#wallNow(), floor);
    if (wall > this.#cells[LAST]!) this.#cells[LAST] = wall;
    return wall as WallMillis;
  }
}

/** The main thread's side. */
export class HandshakeClockKeeper {
  /** For the worker's HandshakeClock. */
  readonly memory: SharedArrayBuffer = new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT);
  readonly #cells = new Float64Array(this.memory);
  readonly #store: TimestampStore | undefined;
  readonly #onFailed: (error: unknown) => void;
  #kept = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Without a store nothing outlives the process. `onFailed` hears of a write that failed. */
  static async start(
    store: TimestampStore | undefined,
    onFailed: (error: unknown) => void,
  ): Promise<HandshakeClockKeeper> {
    const keeper = new HandshakeClockKeeper(store, onFailed);
    const kept = await store?.read();
    // After a crash the file may be older than the last initiation by its interval.
    if (kept !== undefined) keeper.#cells[FLOOR] = kept + KEEP_INTERVAL_MS + SLACK_MS;
    keeper.#timer = setInterval(() => void keeper.#keep(), KEEP_INTERVAL_MS);
    keeper.#timer.unref();
    return keeper;
  }

  private constructor(store: TimestampStore | undefined, onFailed: (error: unknown) => void) {
    this.#store = store;
    this.#onFailed = onFailed;
  }

  /** Keeps what was told last: the next start need not leave room for more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#kept = 0;
    await this.#keep(-KEEP_INTERVAL_MS);
  }

  async #keep(offsetMs = 0): Promise<void> {
    const last = this.#cells[LAST]!;
    if (last === this.#kept || last === 0) return;
    this.#kept = last;
    try {
      await this.#store?.write(last + offsetMs);
    } catch (error) {
      this.#onFailed(error);
    }
  }
}

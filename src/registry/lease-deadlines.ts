// When leases end, for drivers that keep leases themselves. Deadlines are of this process: whoever
// opens a store gives every lease its full time again, so that holders can renew.

import { assert } from '../base/assert.ts';
import { type Clock, type Millis, NEVER } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import { LEASES_MAX } from './store.ts';

/** How often a store looks for leases that ended while nobody called it. */
const SWEEP_INTERVAL_MS = 500;

interface Lease {
  readonly ttlMs: number;
  deadline: Millis;
}

export class LeaseDeadlines {
  readonly #clock: Clock;
  readonly #sweep: () => void;
  readonly #leases = new Map<string, Lease>();
  /** No lease ends before. */
  #earliest: Millis = NEVER;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `sweep` is called now and then while there are leases; it calls `takeLapsed`. */
  constructor(clock: Clock, sweep: () => void) {
    this.#clock = clock;
    this.#sweep = sweep;
  }

  /** Throws LIMIT_REACHED. */
  requireRoom(): void {
    if (this.#leases.size < LEASES_MAX) return;
    throw new P6nError('LIMIT_REACHED', `Cannot grant a lease: there are ${LEASES_MAX}`);
  }

  grant(lease: string, ttlMs: number): void {
    assert(ttlMs > 0, 'LeaseDeadlines: a lease must last');
    this.#leases.set(lease, { ttlMs, deadline: this.#deadlineIn(ttlMs) });
    // A grant that was under way when the store closed must not keep the process alive.
    if (!this.#closed) this.#timer ??= setInterval(this.#sweep, SWEEP_INTERVAL_MS);
  }

  /** False when the lease has ended; what lapsed was taken before. */
  renew(lease: string): boolean {
    const found = this.#leases.get(lease);
    if (found === undefined) return false;
    found.deadline = this.#deadlineIn(found.ttlMs);
    return true;
  }

  end(lease: string): void {
    this.#leases.delete(lease);
    if (this.#leases.size === 0) this.#stopSweeping();
  }

  /** The leases that have ended since the last call; they are forgotten here. */
  takeLapsed(): readonly string[] {
    const now = this.#clock.now();
    if (now < this.#earliest) return [];
    const lapsed: string[] = [];
    this.#earliest = NEVER;
    for (const [lease, { deadline }] of this.#leases) {
      if (deadline <= now) lapsed.push(lease);
      else if (deadline < this.#earliest) this.#earliest = deadline;
    }
    for (const lease of lapsed) this.end(lease);
    return lapsed;
  }

  close(): void {
    this.#closed = true;
    this.#stopSweeping();
  }

  #stopSweeping(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #deadlineIn(ttlMs: number): Millis {
    const deadline = (this.#clock.now() + ttlMs) as Millis;
    if (deadline < this.#earliest) this.#earliest = deadline;
    return deadline;
  }
}

// Tells the site what this host says of itself, where that differs from its record: after a start
// with other endpoints or another region, until a server has taken it.

import { Backoff } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';

const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;

export interface AnnouncerDependencies<T> {
  /** What the record does not say yet; undefined for nothing. */
  readonly due: () => T | undefined;
  readonly announce: (announcement: T) => Promise<void>;
  readonly random: Random;
  readonly logger: Logger;
}

export class Announcer<T> {
  readonly #dependencies: AnnouncerDependencies<T>;
  readonly #backoff: Backoff;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #stopped = false;

  constructor(dependencies: AnnouncerDependencies<T>) {
    this.#dependencies = dependencies;
    const { random } = dependencies;
    this.#backoff = new Backoff(random, { minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS });
  }

  /** Tells when there is something to tell; call it when the copy has changed. */
  async look(): Promise<void> {
    const { due, announce, logger } = this.#dependencies;
    if (this.#busy || this.#stopped || this.#timer !== undefined) return;
    const announcement = due();
    if (announcement === undefined) return;
    this.#busy = true;
    try {
      await announce(announcement);
      this.#backoff.reset();
      logger.info('host record updated', { announcement: JSON.stringify(announcement) });
    } catch (error) {
      logger.warn('host record is not updated yet', { error: String(error) });
      this.#later();
    } finally {
      this.#busy = false;
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #later(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.look();
    }, this.#backoff.next());
    this.#timer.unref();
  }
}

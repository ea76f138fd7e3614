// Tells the site what this host says of itself, where that differs from its record: after a start
// with other endpoints or another region, until a server has taken it.

import { isDeepStrictEqual } from 'node:util';
import type { HostUpdate } from '../api/contract/hosts.ts';
import { Backoff } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Host } from '../registry/model.ts';

const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;

export interface AnnouncerDependencies {
  /** This host's record as this host's copy has it. */
  readonly record: () => Host | undefined;
  readonly announce: (update: HostUpdate) => Promise<void>;
  readonly random: Random;
  readonly logger: Logger;
}

export interface Announcement {
  readonly region: string;
  readonly endpoints: readonly string[];
}

export class Announcer {
  readonly #dependencies: AnnouncerDependencies;
  readonly #announcement: Announcement;
  readonly #backoff: Backoff;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #stopped = false;

  constructor(dependencies: AnnouncerDependencies, announcement: Announcement) {
    this.#dependencies = dependencies;
    this.#announcement = announcement;
    this.#backoff = new Backoff(dependencies.random, { minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS });
  }

  /** Compares and tells when there is something to tell; call it when the copy has changed. */
  async look(): Promise<void> {
    const { record, announce, logger } = this.#dependencies;
    const { region, endpoints } = this.#announcement;
    const known = record();
    if (this.#busy || this.#stopped || this.#timer !== undefined || known === undefined) return;
    if (known.region === region && isDeepStrictEqual(known.endpoints, endpoints)) return;
    this.#busy = true;
    try {
      await announce({ region, endpoints });
      this.#backoff.reset();
      logger.info('host record updated', { region, endpoints: endpoints.join(' ') });
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

// Tells the servers of a new incarnation which ids this host knows to be given out: it may be the
// registry of before, restored to a time when they were not.

import { Backoff } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { KnownIds } from '../registry/closure.ts';

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 30_000;

export interface IdsReporterDependencies {
  /** Which registry this host follows; undefined before it has heard of one. */
  readonly incarnation: () => string | undefined;
  readonly known: () => KnownIds;
  readonly report: (known: KnownIds) => Promise<void>;
  readonly random: Random;
  readonly logger: Logger;
}

export class IdsReporter {
  readonly #dependencies: IdsReporterDependencies;
  readonly #backoff: Backoff;
  #reported: string | undefined;
  #isReporting = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(dependencies: IdsReporterDependencies) {
    this.#dependencies = dependencies;
    this.#backoff = new Backoff(dependencies.random, { minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS });
  }

  /** Reports when the incarnation is another than that of the last report; again when it fails. */
  async look(): Promise<void> {
    const { incarnation, known, report, logger } = this.#dependencies;
    const current = incarnation();
    if (current === undefined || current === this.#reported) return;
    if (this.#isReporting || this.#stopped) return;
    this.#isReporting = true;
    try {
      await report(known());
      this.#reported = current;
      this.#backoff.reset();
    } catch (error) {
      logger.debug('known ids are not reported', { error: String(error) });
    } finally {
      this.#isReporting = false;
    }
    if (this.#reported === incarnation() || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.look(), this.#backoff.next()).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}

// Runs passes that bring this host into its planned state, one at a time: what happens during a
// pass leads to one more pass, and a pass with failures is repeated after a while.

import { Backoff } from '../base/backoff.ts';
import { asP6nError, type P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Timers } from './ports.ts';

const RETRY = { minMs: 500, maxMs: 30_000 } as const;

export interface PassResult {
  /** How much was changed; 0 when everything was as planned. */
  readonly changes: number;
  /** What failed: by machine id what concerns one instance, else by the name of the part. */
  readonly failures: ReadonlyMap<string, P6nError>;
}

export interface ReconcilerDependencies {
  /** Must bear being run at any time, and being run twice. */
  readonly pass: () => Promise<PassResult>;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
}

export class Reconciler {
  readonly #dependencies: ReconcilerDependencies;
  readonly #backoff: Backoff;
  #waiting: ((result: PassResult) => void)[] = [];
  #wanted = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #cancelRetry: () => void = () => undefined;

  constructor(dependencies: ReconcilerDependencies) {
    this.#dependencies = dependencies;
    this.#backoff = new Backoff(dependencies.random, RETRY);
  }

  /** Something has changed: a pass begins soon, after the one under way. */
  trigger(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  /** Resolves with the result of a pass that has begun after this call. */
  applied(): Promise<PassResult> {
    if (this.#stopped) return Promise.resolve({ changes: 0, failures: new Map() });
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.trigger();
    });
  }

  /** Ends after the pass under way; what has been applied stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry();
    await this.#running;
    for (const resolve of this.#waiting) resolve({ changes: 0, failures: new Map() });
  }

  async #run(): Promise<void> {
    // What is triggered in one turn of the event loop is served by one pass.
    await Promise.resolve();
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      this.#cancelRetry();
      const waiting = this.#waiting;
      this.#waiting = [];
      const result = await this.#pass();
      if (result.failures.size > 0 && !this.#stopped) this.#retryLater();
      else this.#backoff.reset();
      for (const resolve of waiting) resolve(result);
    }
    this.#running = undefined;
  }

  async #pass(): Promise<PassResult> {
    const { pass, logger } = this.#dependencies;
    let result: PassResult;
    try {
      result = await pass();
    } catch (error) {
      const failure = asP6nError(error, 'Cannot bring this host into its state');
      result = { changes: 0, failures: new Map([['plan', failure]]) };
    }
    for (const [part, error] of result.failures) {
      logger.warn('part of the host is not in its state', { part, error: error.message });
    }
    if (result.changes > 0)
      logger.debug('host is brought into its state', { changes: result.changes });
    return result;
  }

  #retryLater(): void {
    const { timers } = this.#dependencies;
    this.#cancelRetry = timers.after(this.#backoff.next(), () => this.trigger());
  }
}

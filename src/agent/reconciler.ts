// Runs passes that bring this host into its planned state, one at a time: what happens during a
// pass leads to one more pass, and a pass with failures is repeated after a while.

import { asP6nError, type P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Timers } from './ports.ts';
import { Rounds } from './rounds.ts';

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
  readonly #rounds: Rounds;
  #waiting: ((result: PassResult) => void)[] = [];

  constructor(dependencies: ReconcilerDependencies) {
    const { timers, random } = dependencies;
    this.#dependencies = dependencies;
    this.#rounds = new Rounds({ round: () => this.#round(), timers, random }, RETRY);
  }

  /** Something has changed: a pass begins soon, after the one under way. */
  trigger(): void {
    this.#rounds.trigger();
  }

  /** Resolves with the result of a pass that has begun after this call. */
  applied(): Promise<PassResult> {
    if (this.#rounds.isStopped) return Promise.resolve({ changes: 0, failures: new Map() });
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.trigger();
    });
  }

  /** Ends after the pass under way; what has been applied stays. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    for (const resolve of this.#waiting) resolve({ changes: 0, failures: new Map() });
  }

  async #round(): Promise<boolean> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const result = await this.#pass();
    for (const resolve of waiting) resolve(result);
    return result.failures.size === 0;
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
      const { message, hint } = error;
      logger.warn('part of the host is not in its state', { part, error: message, hint });
    }
    if (result.changes > 0)
      logger.debug('host is brought into its state', { changes: result.changes });
    return result;
  }
}

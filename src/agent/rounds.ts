// Rounds of some work, one at a time: what is asked for during one leads to one more, and a round
// that has left something undone is repeated after a while.

import { Backoff, type BackoffOptions } from '../base/backoff.ts';
import type { Random } from '../base/random.ts';
import type { Timers } from './ports.ts';

export interface RoundsDependencies {
  /** Does all that is to be done; false when something has to be tried again. Never rejects. */
  readonly round: () => Promise<boolean>;
  readonly timers: Timers;
  readonly random: Random;
}

export class Rounds {
  readonly #dependencies: RoundsDependencies;
  readonly #backoff: Backoff;
  #wanted = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #cancelRetry: () => void = () => undefined;

  constructor(dependencies: RoundsDependencies, retry: BackoffOptions) {
    this.#dependencies = dependencies;
    this.#backoff = new Backoff(dependencies.random, retry);
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  /** A round begins soon, after the one under way. */
  trigger(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  /** Ends after the round under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry();
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is asked for in one turn of the event loop is one round, and even a round with nothing
    // to do must not end before it is known to run.
    await Promise.resolve();
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      this.#cancelRetry();
      const isDone = await this.#dependencies.round();
      if (isDone) this.#backoff.reset();
      else if (!this.#stopped) {
        const { timers } = this.#dependencies;
        this.#cancelRetry = timers.after(this.#backoff.next(), () => this.trigger());
      }
    }
    this.#running = undefined;
  }
}

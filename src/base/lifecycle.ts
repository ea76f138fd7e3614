// Starting things in an order and stopping them in the reverse one, also when a start fails half-
// way.

import type { Logger } from './logger.ts';

export interface Stoppable {
  stop(): Promise<void> | void;
}

export class Lifecycle {
  readonly #logger: Logger;
  readonly #started: { readonly name: string; readonly part: Stoppable }[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Remembers a part that has started; returns it. */
  started<T extends Stoppable>(name: string, part: T): T {
    this.#started.push({ name, part });
    return part;
  }

  /**
   * Stops all parts in reverse order. A part that fails to stop is logged and does not keep the
   * others running.
   */
  async stop(): Promise<void> {
    for (let next = this.#started.pop(); next !== undefined; next = this.#started.pop()) {
      try {
        await next.part.stop();
      } catch (error) {
        this.#logger.error('part failed to stop', { part: next.name, error: String(error) });
      }
    }
  }
}

// Tells the servers of this host's instances: whatever the journal holds that no server has taken,
// again and again until one has.

import { Backoff } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Journal } from './journal.ts';
import type { JournalRecord } from './journal-record.ts';
import type { InstanceWriter, Timers } from './ports.ts';

const RETRY = { minMs: 500, maxMs: 60_000 } as const;

export interface PublisherDependencies {
  readonly journal: Journal;
  readonly writer: InstanceWriter;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
}

export class Publisher {
  readonly #dependencies: PublisherDependencies;
  readonly #backoff: Backoff;
  #wanted = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #cancelRetry: () => void = () => undefined;

  constructor(dependencies: PublisherDependencies) {
    this.#dependencies = dependencies;
    this.#backoff = new Backoff(dependencies.random, RETRY);
  }

  /** The journal may hold something new. */
  trigger(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry();
    await this.#running;
  }

  async #run(): Promise<void> {
    // Even a round with nothing to do must not end before it is known to run.
    await Promise.resolve();
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      this.#cancelRetry();
      let failed = false;
      for (const record of this.#dependencies.journal.records()) {
        if (!isDue(record) || this.#stopped) continue;
        failed = !(await this.#publish(record)) || failed;
      }
      if (!failed) this.#backoff.reset();
      else if (!this.#stopped) {
        const delayMs = this.#backoff.next();
        this.#cancelRetry = this.#dependencies.timers.after(delayMs, () => this.trigger());
      }
    }
    this.#running = undefined;
  }

  /** False when it has to be tried again. */
  async #publish(record: JournalRecord): Promise<boolean> {
    const { journal, writer, logger } = this.#dependencies;
    const { machineId } = record.instance;
    try {
      if (record.removed) await writer.removeInstance(machineId);
      else await writer.putInstance(record.instance);
      // A newer state that came meanwhile has its own turn.
      if (journal.get(machineId) !== record) this.#wanted = true;
      else if (record.removed) await journal.forget(machineId);
      else await journal.put({ ...record, pending: false });
      return true;
    } catch (error) {
      logger.warn('instance is not on record with a server yet', {
        machineId,
        error: error instanceof Error ? error.message : String(error),
      });
      return false;
    }
  }
}

/** What is still being made is nobody else's business. */
function isDue(record: JournalRecord): boolean {
  return record.pending && (record.removed || record.instance.state !== 'created');
}

// Tells the servers of this host's instances: whatever the journal holds that no server has taken,
// again and again until one has, and everything once after a start, as a server may have lost it.
// An instance of this host that a server has and the journal has not is removed there.

import type { HostId, MachineId } from '../addressing/ids.ts';
import type { WallMillis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Journal } from './journal.ts';
import type { JournalRecord } from './journal-record.ts';
import type { CopySource, InstanceWriter, Timers } from './ports.ts';
import { Rounds } from './rounds.ts';

const RETRY = { minMs: 500, maxMs: 60_000 } as const;

export interface PublisherDependencies {
  readonly journal: Journal;
  readonly copy: Pick<CopySource, 'current'>;
  readonly host: () => HostId;
  readonly writer: InstanceWriter;
  /** A server says that there is no place for an instance: its app is gone. */
  readonly onHomeless: (record: JournalRecord, error: P6nError) => void;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
}

export class Publisher {
  readonly #dependencies: PublisherDependencies;
  readonly #rounds: Rounds;
  /** Told to a server before, perhaps, and told again all the same. */
  readonly #again = new Set<MachineId>();
  /** Those whose app is gone: they are not told of until somebody makes everything known again. */
  readonly #homeless = new Set<MachineId>();
  /** The apps that the copy had when it was looked at last, with when they were created. */
  #apps: ReadonlyMap<string, WallMillis> = new Map();
  /** Instances of the copy that the journal lacks and that a server was told to remove. */
  readonly #disowned = new Set<MachineId>();

  constructor(dependencies: PublisherDependencies) {
    this.#dependencies = dependencies;
    const { timers, random } = dependencies;
    this.#rounds = new Rounds({ round: () => this.#publishAll(), timers, random }, RETRY);
  }

  /** The journal may hold something new. */
  trigger(): void {
    this.#rounds.trigger();
  }

  /** Tells everything once more: a server may have been restored from an older state. */
  republish(): void {
    for (const { instance } of this.#dependencies.journal.records()) {
      this.#again.add(instance.machineId);
    }
    this.#disowned.clear();
    this.#homeless.clear();
    this.trigger();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** False when something has to be tried again. */
  async #publishAll(): Promise<boolean> {
    let complete = true;
    this.#noteApps();
    for (const machineId of this.#strangers()) {
      if (this.#rounds.isStopped) break;
      complete = (await this.#disown(machineId)) && complete;
    }
    // What goes makes room for what comes: a name is free once its last holder is removed.
    const records = this.#dependencies.journal.records();
    const inOrder = [...records].sort((a, b) => Number(b.removed) - Number(a.removed));
    for (const record of inOrder) {
      if (!this.#isDue(record) || this.#rounds.isStopped) continue;
      complete = (await this.#publish(record)) && complete;
    }
    return complete;
  }

  /** What is still being made is nobody else's business. */
  #isDue({ instance, pending, removed }: JournalRecord): boolean {
    if (instance.state === 'created' && !removed) return false;
    if (this.#homeless.has(instance.machineId) && !removed) return false;
    return pending || this.#again.has(instance.machineId);
  }

  /**
   * Instances of an app that has come or gone are told of again: a server says what holds. One that
   * went has taken their records along, also where another of its name was seen at once.
   */
  #noteApps(): void {
    const { copy, journal } = this.#dependencies;
    const known = [...copy.current().apps];
    const apps = new Map(known.map(({ name, createdAt }) => [name, createdAt]));
    for (const { instance } of journal.instances()) {
      const { app, machineId } = instance;
      if (apps.get(app) === this.#apps.get(app)) continue;
      this.#again.add(machineId);
      this.#homeless.delete(machineId);
    }
    this.#apps = apps;
  }

  #strangers(): readonly MachineId[] {
    const { copy, host, journal } = this.#dependencies;
    const own = host();
    const found: MachineId[] = [];
    for (const instance of copy.current().instances) {
      if (instance.host === own) found.push(instance.machineId);
    }
    const told = new Set(found);
    for (const id of this.#disowned) if (!told.has(id)) this.#disowned.delete(id);
    return found.filter((id) => journal.get(id) === undefined && !this.#disowned.has(id));
  }

  async #disown(machineId: MachineId): Promise<boolean> {
    const { writer, logger } = this.#dependencies;
    try {
      await writer.removeInstance(machineId);
      this.#disowned.add(machineId);
      return true;
    } catch (error) {
      logger.warn('unknown instance is not removed yet', { machineId, error: factsOf(error) });
      return false;
    }
  }

  async #publish(record: JournalRecord): Promise<boolean> {
    const { journal, writer, logger } = this.#dependencies;
    const { machineId } = record.instance;
    try {
      if (record.removed) await writer.removeInstance(machineId);
      else await writer.putInstance(record.instance);
      this.#again.delete(machineId);
      // A newer state that came meanwhile has its own turn.
      if (journal.get(machineId) !== record) this.trigger();
      else if (record.removed) await journal.forget(machineId);
      else if (record.pending) await journal.put({ ...record, pending: false });
      return true;
    } catch (error) {
      const facts = { machineId, error: factsOf(error) };
      if (error instanceof P6nError && error.code === 'NOT_FOUND' && !record.removed) {
        logger.warn('instance has no app any more', facts);
        this.#again.delete(machineId);
        this.#homeless.add(machineId);
        this.#dependencies.onHomeless(record, error);
        return true;
      }
      logger.warn('instance is not on record with a server yet', facts);
      return false;
    }
  }
}

function factsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

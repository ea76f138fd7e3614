// The instances of this host as they are at the moment: their records in the journal, the
// supervisors that hold the namespaces of those that run, and the one place where a state changes.
//
//           command runs / namespace is there          stop, or the command ends by itself,
//   created ---------------------------------> started ------------------------------> stopped
//      ^                                               or supervisor or namespace is gone   |
//      +------------------------------------- start ----------------------------------------+

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMachineId, type MachineId } from '../addressing/ids.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { InstanceHealth, InstanceState } from '../registry/model.ts';
import { hostsFile, RESOLV_CONF } from './environment.ts';
import type { Journal } from './journal.ts';
import type { JournalRecord } from './journal-record.ts';
import { isPresent } from './namespace.ts';
import type { CommandExit, LocalInstance } from './ports.ts';
import type { Supervision, Supervisor } from './supervision.ts';

const UNRECORDED_GRACE_MS = 2000;

export interface RosterDependencies {
  readonly journal: Journal;
  readonly supervision: Supervision;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A record or a namespace has changed. */
  readonly onChange: () => void;
}

export class Roster {
  readonly #dependencies: RosterDependencies;
  readonly #folder: string;
  readonly #supervisors = new Map<MachineId, Supervisor>();
  readonly #unnamed = new Set<MachineId>();
  readonly #problems = new Map<MachineId, string>();

  /** Each run instance has a directory in `folder`. */
  constructor(dependencies: RosterDependencies, folder: string) {
    this.#dependencies = dependencies;
    this.#folder = folder;
  }

  get journal(): Journal {
    return this.#dependencies.journal;
  }

  directory(machineId: MachineId): string {
    return join(this.#folder, machineId);
  }

  supervisor(machineId: MachineId): Supervisor | undefined {
    return this.#supervisors.get(machineId);
  }

  /**
   * The namespaces of all instances that have one, by machine id. An attached one counts only while
   * it is what was attached: its path may lead to somebody else's by now, who must not get the
   * instance's address.
   */
  namespaces(): ReadonlyMap<MachineId, string> {
    const namespaces = new Map<MachineId, string>();
    for (const [machineId, supervisor] of this.#supervisors) {
      namespaces.set(machineId, supervisor.namespace);
    }
    for (const { instance, attachment } of this.journal.instances()) {
      if (attachment === undefined || instance.state === 'stopped') continue;
      if (isPresent(attachment)) namespaces.set(instance.machineId, attachment.path);
    }
    return namespaces;
  }

  /** Those about to stop: their names go before they do. */
  get unnamed(): ReadonlySet<MachineId> {
    return this.#unnamed;
  }

  setNamed(machineId: MachineId, named: boolean): void {
    if (named) this.#unnamed.delete(machineId);
    else this.#unnamed.add(machineId);
  }

  /** What people see of a record. */
  view(record: JournalRecord): LocalInstance {
    const { machineId, state } = record.instance;
    const supervisor = this.#supervisors.get(machineId);
    const attached = state === 'stopped' ? undefined : record.attachment?.path;
    return {
      instance: record.instance,
      networkName: record.network.name,
      origin: record.origin,
      command: record.command,
      namespace: supervisor?.namespace ?? attached,
      owner: record.attachment?.owner,
      pid: supervisor?.commandPid,
      exit: record.exit,
      problem: this.#problems.get(machineId),
      published: !record.pending,
    };
  }

  /** Keeps for people why the last try to start an instance failed, or that there is no reason. */
  noteProblem(machineId: MachineId, problem: string | undefined): void {
    if (problem === undefined) this.#problems.delete(machineId);
    else this.#problems.set(machineId, problem);
  }

  /** Starts a supervisor with fresh namespaces for an instance that has none. */
  async launch(record: JournalRecord): Promise<Supervisor> {
    const supervisor = await this.#dependencies.supervision.launch({
      directory: this.directory(record.instance.machineId),
      resolvConf: RESOLV_CONF,
      hosts: hostsFile(record),
    });
    this.#hold(record.instance.machineId, supervisor);
    return supervisor;
  }

  /** Moves an instance into `state`, durably. */
  async setState(
    machineId: MachineId,
    state: InstanceState,
    exit?: CommandExit | undefined,
  ): Promise<void> {
    const record = this.journal.get(machineId);
    if (record === undefined) return;
    const updatedAt = this.#dependencies.clock.wallNow();
    // What was found out about an earlier run says nothing of this one.
    const { health: _, ...instance } = record.instance;
    await this.journal.put({
      ...record,
      instance: { ...instance, state, updatedAt },
      exit,
      pending: true,
    });
    this.#dependencies.logger.info('instance changed its state', { machineId, state });
    this.#dependencies.onChange();
  }

  /** Takes note, durably, of what the checks of a started instance have found. */
  async setHealth(machineId: MachineId, health: InstanceHealth): Promise<void> {
    const record = this.journal.get(machineId);
    if (record?.instance.state !== 'started' || record.instance.health === health) return;
    const updatedAt = this.#dependencies.clock.wallNow();
    const instance = { ...record.instance, health, updatedAt };
    await this.journal.put({ ...record, instance, pending: true });
    this.#dependencies.logger.info('instance changed its health', { machineId, health });
    this.#dependencies.onChange();
  }

  /** Takes note of an end that nobody here asked for. Nothing happens unless it is started. */
  async recordEnd(machineId: MachineId, exit: CommandExit | undefined): Promise<void> {
    if (this.journal.get(machineId)?.instance.state !== 'started') return;
    await this.setState(machineId, 'stopped', exit);
  }

  /** Forgets a record that was never anybody else's business, with all that belongs to it. */
  async discard(machineId: MachineId): Promise<void> {
    try {
      await this.#supervisors.get(machineId)?.stop(0);
      await this.removeDirectory(machineId);
      await this.journal.forget(machineId);
    } catch (error) {
      // Why it is discarded matters more to whoever asked.
      const { logger } = this.#dependencies;
      logger.warn('instance left something behind', { machineId, error: String(error) });
    }
    this.#problems.delete(machineId);
    this.#dependencies.onChange();
  }

  async removeDirectory(machineId: MachineId): Promise<void> {
    await this.#dependencies.supervision.removeDirectory(this.directory(machineId));
  }

  /**
   * Finds the supervisors that an earlier p6nd has started, and takes note of what has ended since.
   */
  async recover(): Promise<void> {
    for (const record of this.journal.records()) {
      const { machineId, state } = record.instance;
      if (record.origin === 'attached') {
        // Nothing but the data plane stood between the two states.
        if (state === 'created') await this.setState(machineId, 'started');
        continue;
      }
      const supervisor = await this.#dependencies.supervision.find(this.directory(machineId));
      const runs = supervisor?.initialState === 'running';
      if (supervisor !== undefined && runs && state === 'started' && !record.removed) {
        this.#hold(machineId, supervisor);
        continue;
      }
      await supervisor?.stop(0);
      if (state !== 'stopped' || record.removed) await this.#endAbandoned(record);
    }
    await this.recordVanished();
    await this.#endUnrecorded();
  }

  /**
   * Takes note of attached namespaces that are gone: an instance that somebody keeps goes along, as
   * its owner may never ask for it again.
   */
  async recordVanished(): Promise<void> {
    for (const record of this.journal.instances()) {
      const { attachment, instance } = record;
      if (attachment === undefined || isPresent(attachment)) continue;
      if (attachment.owner === undefined) {
        await this.recordEnd(instance.machineId, undefined);
        continue;
      }
      await this.journal.put({ ...record, removed: true, pending: true });
      this.#dependencies.onChange();
    }
  }

  /** Leaves the supervisors running. */
  disconnect(): void {
    const supervisors = [...this.#supervisors.values()];
    this.#supervisors.clear();
    for (const supervisor of supervisors) supervisor.disconnect();
  }

  #hold(machineId: MachineId, supervisor: Supervisor): void {
    this.#supervisors.set(machineId, supervisor);
    void supervisor.ended.then(async (exit) => {
      if (this.#supervisors.get(machineId) !== supervisor) return;
      this.#supervisors.delete(machineId);
      if (exit === undefined) this.#killAbandoned(machineId);
      try {
        await this.recordEnd(machineId, exit);
      } catch (error) {
        const { logger } = this.#dependencies;
        logger.error('end of an instance is not kept', { machineId, error: String(error) });
      }
      this.#dependencies.onChange();
    });
  }

  /** Ends what runs without a record: nobody could reach it or stop it any more. */
  async #endUnrecorded(): Promise<void> {
    const { supervision, logger } = this.#dependencies;
    const names: string[] = await readdir(this.#folder).catch(() => []);
    for (const machineId of names.filter(isMachineId)) {
      if (this.journal.get(machineId) !== undefined) continue;
      logger.warn('instance without a record is ended', { machineId });
      const supervisor = await supervision.find(this.directory(machineId));
      await supervisor?.stop(UNRECORDED_GRACE_MS);
      this.#killAbandoned(machineId);
      await this.removeDirectory(machineId);
    }
  }

  #killAbandoned(machineId: MachineId): void {
    this.#dependencies.supervision.killAbandoned(machineId, this.directory(machineId));
  }

  async #endAbandoned({ instance, removed }: JournalRecord): Promise<void> {
    const { machineId } = instance;
    const { supervision } = this.#dependencies;
    this.#killAbandoned(machineId);
    if (removed) await this.removeDirectory(machineId);
    else await this.setState(machineId, 'stopped', supervision.readExit(this.directory(machineId)));
  }
}

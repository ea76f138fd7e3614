// The instances of this host as they are at the moment: their records in the journal, the
// supervisors that hold the namespaces of those that run, and the one place where a state changes.
//
//           command runs / namespace is there          stop, or the command ends by itself,
//   created ---------------------------------> started ------------------------------> stopped
//      ^                                               or supervisor or namespace is gone   |
//      +------------------------------------- start ----------------------------------------+

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMachineId, type MachineId } from '../addressing/ids.ts';
import type { InstanceHealth, InstanceState } from '../registry/model.ts';
import { type AttachedDependencies, AttachedInstances } from './attached-instances.ts';
import { hostsFile, RESOLV_CONF } from './environment.ts';
import type { Journal } from './journal.ts';
import type { JournalRecord } from './journal-record.ts';
import { isAwaited, isPresent } from './namespace.ts';
import type { CommandExit, LocalInstance } from './ports.ts';
import type { Supervision, Supervisor } from './supervision.ts';

/** Each run instance has a folder in this one of the state folder. */
export const INSTANCES_FOLDER = 'instances';
const UNRECORDED_GRACE_MS = 2000;
/** How long a start waits for supervisors that do not answer at once. */
const RECOVERY_WAIT_MS = 500;
/** Between two tries to speak to such a one. */
const SEARCH_PAUSE_MS = 250;
/** How long an end waits for one besides the command's grace. */
const SEARCH_PATIENCE_MS = 1000;

export interface RosterDependencies extends AttachedDependencies {
  readonly supervision: Supervision;
}

export class Roster {
  /** Those among them whose namespaces somebody else has made. */
  readonly attached: AttachedInstances;
  readonly #dependencies: RosterDependencies;
  readonly #folder: string;
  readonly #supervisors = new Map<MachineId, Supervisor>();
  /** Those that an earlier p6nd has started and that have not answered this one yet. */
  readonly #searches = new Map<MachineId, Promise<void>>();
  readonly #unnamed = new Set<MachineId>();
  readonly #problems = new Map<MachineId, string>();

  constructor(dependencies: RosterDependencies, stateFolder: string) {
    this.#dependencies = dependencies;
    this.#folder = join(stateFolder, INSTANCES_FOLDER);
    this.attached = new AttachedInstances(dependencies, (machineId) =>
      this.recordEnd(machineId, undefined),
    );
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
   * instance's address. Undefined is p6nd's own, from which an interface is to be moved.
   */
  namespaces(): ReadonlyMap<MachineId, string | undefined> {
    const namespaces = new Map<MachineId, string | undefined>();
    for (const [machineId, supervisor] of this.#supervisors) {
      namespaces.set(machineId, supervisor.namespace);
    }
    for (const { instance, attachment } of this.journal.instances()) {
      if (attachment === undefined || instance.state === 'stopped') continue;
      if (!isPresent(attachment)) continue;
      namespaces.set(instance.machineId, isAwaited(attachment) ? undefined : attachment.path);
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
    const attached = state === 'stopped' ? undefined : record.attachment?.path || undefined;
    return {
      instance: record.instance,
      networkName: record.network.name,
      origin: record.origin,
      command: record.command,
      namespace: supervisor?.namespace ?? attached,
      owner: record.attachment?.owner,
      pid: supervisor?.commandPid,
      restarts: supervisor?.restarts ?? 0,
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
    { exit, startsAgain }: Partial<Pick<JournalRecord, 'exit' | 'startsAgain'>> = {},
  ): Promise<void> {
    const found = this.journal.get(machineId);
    if (found === undefined) return;
    const { startsAgain: _, ...record } = found;
    const updatedAt = this.#dependencies.clock.wallNow();
    // What was found out about an earlier run says nothing of this one.
    const { health: __, ...instance } = record.instance;
    await this.journal.put({
      ...record,
      instance: { ...instance, state, updatedAt },
      exit,
      ...(startsAgain === undefined ? {} : { startsAgain }),
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

  async setMetadata(
    machineId: MachineId,
    metadata: Readonly<Record<string, string>>,
  ): Promise<void> {
    const record = this.journal.get(machineId);
    if (record === undefined) return;
    const updatedAt = this.#dependencies.clock.wallNow();
    const instance = { ...record.instance, metadata, updatedAt };
    await this.journal.put({ ...record, instance, pending: true });
    this.#dependencies.logger.info('instance changed its metadata', { machineId });
    this.#dependencies.onChange();
  }

  /**
   * Takes note of an end, whoever asked for it, durably. Nothing happens unless it is started.
   */
  async recordEnd(machineId: MachineId, exit: CommandExit | undefined): Promise<void> {
    const record = this.journal.get(machineId);
    if (record?.instance.state !== 'started') {
      // Whoever saw the end first may be about to write it.
      await this.journal.settled(machineId);
      return;
    }
    // One that is about to stop by somebody's will may have lost its supervisor over it.
    const isWanted = this.#unnamed.has(machineId);
    const end = isWanted ? { exit } : { exit, ...afterEnd(record, exit) };
    await this.setState(machineId, 'stopped', end);
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
   * One that does not answer soon is waited for in the background: it may hold a workload.
   */
  async recover(): Promise<void> {
    const names: string[] = await readdir(this.#folder).catch(() => []);
    const searched = new Set(names.filter(isMachineId));
    for (const { instance, origin } of this.journal.records()) {
      const { machineId, state } = instance;
      if (origin === 'run') searched.add(machineId);
      // Nothing but the data plane stood between the two states.
      else if (state === 'created') await this.setState(machineId, 'started');
    }
    for (const machineId of searched) this.#searches.set(machineId, this.#search(machineId));
    await atMost(RECOVERY_WAIT_MS, Promise.all(this.#searches.values()));
    await this.attached.recordArrivals();
    await this.attached.recordVanished();
  }

  /**
   * Ends what runs for an instance, by force after `graceMs`; resolves with how its command ended.
   */
  async end(machineId: MachineId, graceMs: number): Promise<CommandExit | undefined> {
    await atMost(graceMs + SEARCH_PATIENCE_MS, this.#searches.get(machineId));
    if (this.#searches.delete(machineId)) this.#killAbandoned(machineId);
    const supervisor = this.#supervisors.get(machineId);
    await supervisor?.stop(graceMs);
    return await supervisor?.ended;
  }

  /** Leaves the supervisors running. */
  disconnect(): void {
    const supervisors = [...this.#supervisors.values()];
    this.#supervisors.clear();
    this.#searches.clear();
    for (const supervisor of supervisors) supervisor.disconnect();
  }

  #hold(machineId: MachineId, supervisor: Supervisor): void {
    this.#supervisors.set(machineId, supervisor);
    void supervisor.ended.then(async (exit) => {
      if (this.#supervisors.get(machineId) !== supervisor) return;
      this.#supervisors.delete(machineId);
      if (exit === undefined) this.#killLost(machineId);
      try {
        await this.recordEnd(machineId, exit);
      } catch (error) {
        const { logger } = this.#dependencies;
        logger.error('end of an instance is not kept', { machineId, error: String(error) });
      }
      this.#dependencies.onChange();
    });
  }

  /** Asks again and again for as long as there is somebody who may answer. */
  async #search(machineId: MachineId): Promise<void> {
    const { supervision, logger } = this.#dependencies;
    // The caller keeps this search under its machine id.
    await Promise.resolve();
    for (let tries = 0; this.#searches.has(machineId); tries += 1) {
      try {
        const supervisor = await supervision.find(this.directory(machineId));
        await this.#found(machineId, supervisor);
        this.#searches.delete(machineId);
      } catch (error) {
        const facts = { machineId, error: String(error) };
        if (tries === 0) logger.warn('supervisor does not answer yet', facts);
        await delay(SEARCH_PAUSE_MS, undefined, { ref: false });
      }
    }
  }

  async #found(machineId: MachineId, supervisor: Supervisor | undefined): Promise<void> {
    const record = this.journal.get(machineId);
    const { state } = record?.instance ?? {};
    const shallRun = state === 'started' && record?.removed === false;
    if (shallRun && supervisor?.initialState === 'running') {
      // Whoever asked for its end meanwhile has taken the search away.
      if (this.#searches.has(machineId)) this.#hold(machineId, supervisor);
      this.#dependencies.onChange();
      return;
    }
    if (record === undefined) {
      const { logger } = this.#dependencies;
      logger.warn('instance without a record is ended', { machineId });
    }
    await supervisor?.stop(record === undefined ? UNRECORDED_GRACE_MS : 0);
    if (record === undefined || record.removed) {
      this.#killAbandoned(machineId);
      await this.removeDirectory(machineId);
    } else if (state !== 'stopped') {
      this.#killAbandoned(machineId);
      const exit = this.#dependencies.supervision.readExit(this.directory(machineId));
      // One that was being started, by p6nd itself perhaps, has not run since its last end.
      const { startsAgain } = state === 'started' ? afterEnd(record, exit) : record;
      await this.setState(machineId, 'stopped', { exit, startsAgain });
    }
  }

  /** What cannot be killed is no reason to keep no record of the end. */
  #killLost(machineId: MachineId): void {
    try {
      this.#killAbandoned(machineId);
    } catch (error) {
      const { logger } = this.#dependencies;
      logger.error('what a lost supervisor ran goes on', { machineId, error: String(error) });
    }
  }

  #killAbandoned(machineId: MachineId): void {
    this.#dependencies.supervision.killAbandoned(machineId, this.directory(machineId));
  }
}

/** A command that is to run always runs again, unless its end was wanted or is the last one. */
function afterEnd(
  { settings }: JournalRecord,
  exit: CommandExit | undefined,
): Pick<JournalRecord, 'startsAgain'> {
  const isAlways = settings?.restart?.when === 'always';
  return isAlways && exit?.isFinal !== true ? { startsAgain: true } : {};
}

/** Waits for `promise`, for `ms` at most. */
async function atMost(ms: number, promise: Promise<unknown> | undefined): Promise<void> {
  const settled = new AbortController();
  const elapsed = delay(ms, undefined, { signal: settled.signal }).catch(() => undefined);
  await Promise.race([promise, elapsed]);
  settled.abort();
}

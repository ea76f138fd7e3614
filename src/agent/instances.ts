// What people do with the instances of this host: run, attach, start, stop, remove, look at them.
// Operations on one instance happen one after the other.

import type { MachineId } from '../addressing/ids.ts';
import type { Clock } from '../base/clock.ts';
import { asP6nError, P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { AppOnNetwork } from '../registry/model.ts';
import { handoverPath, isWhatIsAsked, requestedAttachment } from './attachment.ts';
import { requireClusterSize, requireForeignKeys } from './clusters.ts';
import { draftRecord, requireFacts, requireMetadata, requireRunRequest } from './draft.ts';
import { requireUndrained } from './drain.ts';
import { commandSpec } from './environment.ts';
import { Exclusive } from './exclusive.ts';
import { dissolve, draftCluster, formCluster, noteStarted } from './formation.ts';
import type { Attachment, JournalRecord } from './journal-record.ts';
import { isAwaited, isPresent, isSameNamespace, namespaceIdentity } from './namespace.ts';
import type {
  AgentIdentity,
  AppLookup,
  AttachRequest,
  CopySource,
  InstanceOperations,
  LocalInstance,
  OutputEvent,
  OutputRequest,
  RunRequest,
  Surroundings,
} from './ports.ts';
import type { PassResult } from './reconciler.ts';
import type { Roster } from './roster.ts';
import { resolveUser } from './run-settings.ts';
import type { Supervision } from './supervision.ts';

/** How long a command may take to end after SIGTERM. */
export const STOP_GRACE_MS = 10_000;
const TAIL_BYTES = 65_536;

export interface InstancesDependencies {
  readonly roster: Roster;
  readonly supervision: Pick<Supervision, 'readOutput'>;
  readonly identity: () => AgentIdentity;
  readonly copy: Pick<CopySource, 'current'>;
  readonly apps: AppLookup;
  /** Resolves when all that the journal says holds on this host. */
  readonly applied: () => Promise<PassResult>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class Instances implements InstanceOperations {
  readonly #dependencies: InstancesDependencies;
  readonly #roster: Roster;
  readonly #exclusive = new Exclusive<MachineId>();
  readonly #owners = new Exclusive<string>();

  constructor(dependencies: InstancesDependencies) {
    this.#dependencies = dependencies;
    this.#roster = dependencies.roster;
  }

  async run(request: RunRequest): Promise<LocalInstance> {
    requireRunRequest(request);
    const { command, settings, workingDirectory = '/' } = request;
    // One who does not exist is known before anything is made.
    if (settings?.user !== undefined) resolveUser(settings.user);
    return await this.#create(request, {
      origin: 'run',
      command,
      workingDirectory,
      settings,
      attachment: undefined,
    });
  }

  async runCluster(request: RunRequest, size: number): Promise<readonly LocalInstance[]> {
    requireRunRequest(request);
    requireClusterSize(size);
    if (request.settings?.user !== undefined) resolveUser(request.settings.user);
    requireUndrained(this.#dependencies);
    const home = await this.#findApp(request.app);
    const members = await draftCluster(this.#dependencies, request, home, size);
    const ids = members.map(({ instance }) => instance.machineId);
    const form = async (): Promise<void> => {
      try {
        await formCluster(this.#dependencies, members);
      } catch (error) {
        await dissolve(this.#dependencies, ids);
        throw error;
      }
    };
    // Nobody stops or starts a member before all of them run.
    await ids.reduce<() => Promise<void>>(
      (inner, id) => () => this.#exclusive.run(id, inner),
      form,
    )();
    return ids.map((id) => this.show(id));
  }

  async attach(request: AttachRequest): Promise<LocalInstance> {
    requireFacts(request);
    const { owner } = request;
    if (owner === undefined) return await this.#attachNew(request);
    return await this.#owners.run(owner, () => this.#attachOwned(owner, request));
  }

  start(reference: string): Promise<LocalInstance> {
    return this.#withInstance(reference, async (machineId, record) => {
      if (record.instance.state !== 'stopped') throw wrongState('start', record);
      await this.#startStopped(machineId, record);
      return this.show(machineId);
    });
  }

  /** Starts what is to start again; false where somebody has stopped or started it meanwhile. */
  startAgain(machineId: MachineId): Promise<boolean> {
    return this.#withInstance(machineId, async (_, record) => {
      if (record.startsAgain !== true) return false;
      await this.#startStopped(machineId, record);
      return true;
    });
  }

  stop(
    reference: string,
    options: { readonly graceMs?: number | undefined } = {},
  ): Promise<LocalInstance> {
    const isUnderWay = this.#hastenStop(reference, options.graceMs);
    return this.#withInstance(reference, async (machineId, record) => {
      const { exit, instance, startsAgain } = record;
      if (isUnderWay && instance.state === 'stopped') return this.show(machineId);
      if (startsAgain === true) await this.#roster.setState(machineId, 'stopped', { exit });
      else if (instance.state !== 'started') throw wrongState('stop', record);
      else await this.#takeDown(machineId, options.graceMs);
      return this.show(machineId);
    });
  }

  remove(reference: string, options: { readonly force?: boolean | undefined } = {}): Promise<void> {
    return this.#withInstance(reference, async (machineId, record) => {
      if (record.instance.state !== 'stopped') {
        if (options.force !== true) throw wrongState('remove', record);
        await this.#takeDown(machineId, undefined);
      }
      const stopped = this.#roster.journal.get(machineId) ?? record;
      await this.#roster.journal.put({ ...stopped, removed: true, pending: true });
      await this.#roster.removeDirectory(machineId);
      await this.#dependencies.applied();
      this.#dependencies.logger.info('instance is removed', { machineId });
    });
  }

  setMetadata(
    reference: string,
    { key, value }: { readonly key: string; readonly value: string | undefined },
  ): Promise<LocalInstance> {
    return this.#withInstance(reference, async (machineId, { instance }) => {
      requireForeignKeys([key]);
      const { [key]: _, ...others } = instance.metadata;
      const metadata = value === undefined ? others : { ...others, [key]: value };
      requireMetadata(metadata);
      await this.#roster.setMetadata(machineId, metadata);
      await this.#dependencies.applied();
      return this.show(machineId);
    });
  }

  list(): readonly LocalInstance[] {
    return this.#roster.journal.instances().map((record) => this.#roster.view(record));
  }

  show(reference: string): LocalInstance {
    return this.#roster.view(this.#find(reference));
  }

  surroundings(reference: string): Surroundings {
    const record = this.#find(reference);
    const { attachment, instance } = record;
    const supervisor = this.#roster.supervisor(instance.machineId);
    const namespace = supervisor?.namespace ?? attachment?.path ?? '';
    if (instance.state !== 'started' || namespace === '') {
      throw wrongState('run a program in', record);
    }
    const { environment, runAs, workingDirectory } = commandSpec(record);
    const mounts = supervisor?.mounts;
    return { namespace, mounts, environment, workingDirectory, runAs };
  }

  async *output(
    reference: string,
    { tail: wanted, follow = false }: OutputRequest,
    signal: AbortSignal,
  ): AsyncIterable<OutputEvent> {
    const { instance, origin } = this.#find(reference);
    const { machineId } = instance;
    if (origin === 'attached') {
      throw new P6nError(
        'INSTANCE_STATE',
        `Cannot show the output of instance "${instance.name}": its namespace is attached`,
        { hint: 'p6nd keeps the output of commands that it runs itself.' },
      );
    }
    const tail = { bytes: TAIL_BYTES, ...wanted };
    const supervisor = this.#roster.supervisor(machineId);
    if (follow && supervisor !== undefined) {
      yield* supervisor.follow(tail, signal);
      return;
    }
    const directory = this.#roster.directory(machineId);
    yield* this.#dependencies.supervision.readOutput(directory, tail);
  }

  async #attachOwned(owner: string, request: AttachRequest): Promise<LocalInstance> {
    const record = this.#roster.journal
      .instances()
      .find(({ attachment }) => attachment?.owner === owner);
    if (record === undefined) return await this.#attachNew(request);
    const { attachment, instance } = record;
    const { machineId, state } = instance;
    const keeps = attachment !== undefined && state === 'started';
    if (!keeps || !isWhatIsAsked(instance, attachment, request)) {
      await this.remove(machineId, { force: true });
      return await this.#attachNew(request);
    }
    const path = handoverPath(request);
    if (isAwaited(attachment) && path !== '') {
      await this.#roster.journal.put({ ...record, attachment: { ...attachment, path } });
    }
    const failure = (await this.#dependencies.applied()).failures.get(machineId);
    if (failure !== undefined) throw failure;
    return this.show(machineId);
  }

  async #attachNew(request: AttachRequest): Promise<LocalInstance> {
    const attachment = requestedAttachment(request);
    this.#requireUnattached(attachment);
    return await this.#create(request, {
      origin: 'attached',
      command: [],
      workingDirectory: '/',
      attachment,
    });
  }

  async #create(
    request: Omit<AttachRequest, 'namespace'>,
    own: Pick<JournalRecord, 'origin' | 'command' | 'workingDirectory' | 'settings' | 'attachment'>,
  ): Promise<LocalInstance> {
    const { identity, random, clock } = this.#dependencies;
    requireUndrained(this.#dependencies);
    const home = await this.#findApp(request.app);
    const journal = this.#roster.journal;
    // No turn of the event loop between these checks and the record that the next one sees.
    if (own.attachment !== undefined) this.#requireUnattached(own.attachment);
    const record = draftRecord(
      { journal, identity: identity(), random, now: clock.wallNow() },
      home,
      request,
      own,
    );
    const kept = journal.put(record);
    const { machineId } = record.instance;
    return await this.#exclusive.run(machineId, async () => {
      try {
        await kept;
        await this.#bringUp(machineId);
      } catch (error) {
        // What could not be made leaves nothing behind, its name least of all.
        await this.#roster.discard(machineId);
        throw error;
      }
      return this.show(machineId);
    });
  }

  async #startStopped(machineId: MachineId, record: JournalRecord): Promise<void> {
    requireUndrained(this.#dependencies);
    if (record.attachment !== undefined) this.#requireStartable(record.attachment);
    // Whatever an earlier run has left in the data plane goes first.
    await this.#dependencies.applied();
    const { exit, startsAgain } = record;
    await this.#roster.setState(machineId, 'created', { startsAgain });
    try {
      await this.#bringUp(machineId);
    } catch (error) {
      await this.#roster.supervisor(machineId)?.stop(0);
      await this.#roster.setState(machineId, 'stopped', { exit, startsAgain });
      this.#roster.noteProblem(machineId, asP6nError(error, 'Cannot start').message);
      throw error;
    }
  }

  /** From `created` to `started`: namespace, TUN and address, then the command, names last. */
  async #bringUp(machineId: MachineId): Promise<void> {
    const record = this.#find(machineId);
    this.#roster.noteProblem(machineId, undefined);
    const supervisor = record.origin === 'run' ? await this.#roster.launch(record) : undefined;
    const { failures } = await this.#dependencies.applied();
    const failure = failures.get(machineId);
    if (failure !== undefined) throw failures.get('dataplane') ?? failure;
    await supervisor?.start(commandSpec(record));
    await noteStarted(this.#roster, machineId, supervisor);
    await this.#dependencies.applied();
  }

  /**
   * Whether the instance is being stopped already; its command then has `graceMs` from now on at
   * the most.
   */
  #hastenStop(reference: string, graceMs: number | undefined): boolean {
    const machineId = this.#roster.journal.find(reference)?.instance.machineId;
    if (machineId === undefined || !this.#roster.unnamed.has(machineId)) return false;
    if (graceMs !== undefined) void this.#roster.supervisor(machineId)?.stop(graceMs);
    return true;
  }

  /** From `started` to `stopped`: names first, then the command, the TUN last. */
  async #takeDown(machineId: MachineId, graceMs = STOP_GRACE_MS): Promise<void> {
    this.#roster.setNamed(machineId, false);
    try {
      await this.#dependencies.applied();
      const exit = await this.#roster.end(machineId, graceMs);
      await this.#roster.recordEnd(machineId, exit);
    } finally {
      this.#roster.setNamed(machineId, true);
    }
    await this.#dependencies.applied();
  }

  async #findApp(name: string): Promise<AppOnNetwork> {
    const copy = this.#dependencies.copy.current();
    const app = [...copy.apps].find((one) => one.name === name);
    const network = [...copy.networks].find(({ id }) => id === app?.network);
    if (app !== undefined && network !== undefined) return { app, network };
    const found = await this.#dependencies.apps.lookupApp(name);
    if (found !== undefined) return found;
    throw new P6nError('NOT_FOUND', `Cannot create an instance: there is no app "${name}"`, {
      hint: `Create it first: \`p6nctl apps create ${name}\`.`,
    });
  }

  /** An attached namespace, or one that p6nd made itself, has its `p6n0` already. */
  #requireUnattached(attachment: Attachment): void {
    if (isAwaited(attachment)) return;
    for (const record of this.#roster.journal.instances()) {
      const { instance } = record;
      if (instance.state === 'stopped') continue;
      const path = this.#roster.supervisor(instance.machineId)?.namespace;
      const other = record.attachment ?? (path === undefined ? undefined : namespaceIdentity(path));
      if (other === undefined || !isSameNamespace(other, attachment)) continue;
      throw new P6nError(
        'NAMESPACE_INVALID',
        `Cannot attach ${attachment.path}: it is the namespace of instance "${instance.name}"`,
        { hint: 'A namespace holds one instance.' },
      );
    }
  }

  #requireStartable(attachment: Attachment): void {
    if (!isPresent(attachment)) {
      throw new P6nError(
        'NAMESPACE_INVALID',
        `Cannot start an instance in ${attachment.path}: the namespace that was attached is gone`,
        { hint: 'Remove the instance and attach the new namespace.' },
      );
    }
    this.#requireUnattached(attachment);
  }

  #withInstance<T>(
    reference: string,
    task: (machineId: MachineId, record: JournalRecord) => Promise<T>,
  ): Promise<T> {
    // Found again when it is its turn: an earlier operation may have removed it.
    return Promise.resolve(reference)
      .then((text) => this.#find(text).instance.machineId)
      .then((machineId) =>
        this.#exclusive.run(machineId, () => task(machineId, this.#find(machineId))),
      );
  }

  #find(reference: string): JournalRecord {
    const record = this.#roster.journal.find(reference);
    if (record !== undefined) return record;
    throw new P6nError('NOT_FOUND', `Cannot find instance "${reference}" on this host`, {
      hint: '`p6nctl instances list` shows the instances and their hosts.',
    });
  }
}

function wrongState(verb: string, { instance }: JournalRecord): P6nError {
  const { name, state } = instance;
  const hint = verb === 'remove' ? 'Stop it first, or use --force.' : undefined;
  return new P6nError(
    'INSTANCE_STATE',
    `Cannot ${verb} instance "${name}": it is ${state}`,
    hint === undefined ? {} : { hint },
  );
}

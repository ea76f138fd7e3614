// This host's agent: it keeps the data plane, the links, the names and the instances of this host
// as they shall be. Level-triggered: whatever happens leads to a plan from all that is known and to
// a pass that applies what differs, so a second pass changes nothing and a crash at any point is
// repaired by starting again. Instances outlive it.

import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import { HOST_TUN } from '../dataplane/config.ts';
import { Applier, HOST_LINK } from './apply.ts';
import { removeHalfFormed } from './clusters.ts';
import { Distances } from './distances.ts';
import { Drain } from './drain.ts';
import { EndpointBook } from './endpoints.ts';
import { HealthChecks } from './health-checks.ts';
import { Instances } from './instances.ts';
import { JOURNAL_FOLDER, Journal } from './journal.ts';
import type { JournalRecord } from './journal-record.ts';
import { type Plan, plan, TUN_NAME } from './plan.ts';
import type {
  AgentIdentity,
  AppLookup,
  CopySource,
  DataplaneHandle,
  DataplaneNotice,
  EchoPort,
  EndpointResolver,
  InstanceOperations,
  InstanceWriter,
  InviteSource,
  LinkPort,
  NamesPort,
  Prober,
  Timers,
} from './ports.ts';
import { PROCESS_PROBER } from './prober.ts';
import { Publisher } from './publisher.ts';
import { type PassResult, Reconciler } from './reconciler.ts';
import { Revival } from './revival.ts';
import { Roster } from './roster.ts';
import { PROCESS_SUPERVISION, type Supervision } from './supervision.ts';
import { Visits } from './visits.ts';

/** How often attached namespaces are looked at. */
const LOOK_INTERVAL_MS = 2000;
/** How often the host's link is looked at although nothing has changed. */
const VERIFY_INTERVAL_MS = 60_000;
/** Between the loss of a TUN and the try to make it again. */
const TUN_RETRY_MS = 500;

export interface AgentDependencies {
  readonly identity: () => AgentIdentity;
  readonly copy: CopySource;
  readonly invites: InviteSource;
  readonly apps: AppLookup;
  readonly writer: InstanceWriter;
  readonly dataplane: DataplaneHandle;
  readonly links: LinkPort;
  readonly names: NamesPort;
  readonly resolver: EndpointResolver;
  readonly supervision?: Supervision;
  readonly prober?: Prober;
  /** Without one, no host is nearer than another. */
  readonly echo?: EchoPort;
  readonly timers?: Timers;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface AgentOptions {
  /** The journal and the directories of the instances are made in it. */
  readonly stateFolder: string;
}

export class Agent {
  readonly #dependencies: AgentDependencies;
  readonly #timers: Timers;
  readonly #roster: Roster;
  readonly #endpoints: EndpointBook;
  readonly #applier: Applier;
  readonly #reconciler: Reconciler;
  readonly #publisher: Publisher;
  readonly #distances: Distances;
  readonly #checks: HealthChecks;
  readonly #drain: Drain;
  readonly #revival: Revival;
  readonly #handshakes = new Set<string>();
  #problems: PassResult['failures'] = new Map();
  #incarnation: string | undefined;
  /** Nothing is applied before: interfaces would be made that are there under other names. */
  #recovered = false;
  #stopped = false;
  #cancelPlanned: () => void = () => undefined;
  #cancelLook: () => void = () => undefined;
  #cancelVerify: () => void = () => undefined;
  readonly instances: InstanceOperations;
  readonly visits: Visits = new Visits(() => this.changed());

  private constructor(dependencies: AgentDependencies, journal: Journal, options: AgentOptions) {
    const { random, logger, clock, copy, apps, identity } = dependencies;
    const { supervision = PROCESS_SUPERVISION, timers = PROCESS_TIMERS } = dependencies;
    const { prober = PROCESS_PROBER, echo = SILENT_ECHO } = dependencies;
    this.#dependencies = dependencies;
    this.#timers = timers;
    this.#reconciler = new Reconciler({ pass: () => this.#pass(), timers, random, logger });
    this.#applier = new Applier(dependencies);
    this.#publisher = new Publisher({
      journal,
      copy,
      host: () => identity().hostId,
      writer: dependencies.writer,
      onHomeless: (record, error) => void this.#stopHomeless(record, error),
      timers,
      random,
      logger,
    });
    const { resolver } = dependencies;
    const onChange = (): void => this.changed();
    this.#endpoints = new EndpointBook({ resolver, timers, random, logger, onChange });
    this.#roster = new Roster(
      { journal, supervision, clock, logger, onChange },
      options.stateFolder,
    );
    this.#distances = new Distances({ echo, identity, copy, timers, onChange });
    this.#checks = new HealthChecks({ roster: this.#roster, prober, timers, logger });
    const instances = new Instances({
      roster: this.#roster,
      supervision,
      identity,
      copy,
      apps,
      applied: () => this.applied(),
      clock,
      random,
      logger,
    });
    this.instances = instances;
    this.#drain = new Drain({ copy, identity, instances, timers, logger });
    this.#revival = new Revival({ journal, instances, timers, clock, logger });
  }

  /**
   * Finds the instances of an earlier p6nd and brings this host into its state as far as that goes;
   * what fails is tried again. Rejects with STATE_UNWRITABLE.
   */
  static async start(dependencies: AgentDependencies, options: AgentOptions): Promise<Agent> {
    const folder = join(options.stateFolder, JOURNAL_FOLDER);
    const journal = await Journal.open(folder, dependencies.logger);
    const agent = new Agent(dependencies, journal, options);
    await removeHalfFormed(journal);
    await agent.#roster.recover();
    await agent.#roster.attached.recordNames(dependencies.links);
    await agent.#removeLeftInterfaces();
    agent.#recovered = true;
    await agent.applied();
    agent.#publisher.republish();
    agent.#checks.start();
    agent.#look();
    agent.#verify();
    return agent;
  }

  /** Something that the plan is made of has changed: copy, invites, identity. */
  changed(): void {
    if (!this.#recovered) return;
    this.#reconciler.trigger();
    this.#publisher.trigger();
  }

  /** Resolves when what is known at the moment of the call has been applied, with what failed. */
  applied(): Promise<PassResult> {
    this.#publisher.trigger();
    return this.#reconciler.applied();
  }

  /** The data plane has something to say. */
  notice(notice: DataplaneNotice): void {
    if (notice.type === 'handshake') this.#handshakeCompleted(notice.publicKey);
    if (notice.type === 'silent') this.#peerSilent(notice.publicKey);
    if (notice.type === 'tun-failed') this.#tunFailed(notice.tun);
  }

  /** What is not as it shall be, by machine id or the name of the part. */
  get problems(): PassResult['failures'] {
    return this.#problems;
  }

  /** Ends the agent's own work. Instances, links and the data plane stay as they are. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelPlanned();
    this.#cancelLook();
    this.#cancelVerify();
    this.#endpoints.close();
    this.#distances.stop();
    this.#drain.stop();
    this.#revival.stop();
    await this.#checks.stop();
    await this.#reconciler.stop();
    this.#roster.disconnect();
    await this.#publisher.stop();
  }

  /** A kill between the end of an attached instance and that of its interface has left that. */
  async #removeLeftInterfaces(): Promise<void> {
    const { links, logger } = this.#dependencies;
    for (const { name = TUN_NAME, namespace } of this.#roster.attached.leftInterfaces()) {
      try {
        await links.remove(namespace, name);
      } catch (error) {
        logger.warn('interface is left', { namespace, name, error: String(error) });
      }
    }
  }

  /** An app that somebody has removed by force runs nowhere: its instances stop and say why. */
  async #stopHomeless(record: JournalRecord, error: P6nError): Promise<void> {
    const { instance, startsAgain = false } = record;
    const { machineId } = instance;
    try {
      if (instance.state === 'started' || startsAgain) await this.instances.stop(machineId);
    } catch (failure) {
      const { logger } = this.#dependencies;
      logger.warn('instance without an app goes on', { machineId, error: String(failure) });
    }
    this.#roster.noteProblem(machineId, error.message);
  }

  #handshakeCompleted(publicKey: string): void {
    const awaited = this.#dependencies.invites
      .invites()
      .some(({ use }) => use?.publicKey === publicKey);
    if (!awaited || this.#handshakes.has(publicKey)) return;
    this.#handshakes.add(publicKey);
    this.changed();
  }

  /** A host that is not where its names led may be elsewhere by now. */
  #peerSilent(publicKey: string): void {
    for (const host of this.#dependencies.copy.current().hosts) {
      if (host.publicKey === publicKey) this.#endpoints.resolveAgain(host.endpoints);
    }
  }

  #tunFailed(tun: number): void {
    const record = this.#roster.journal.instances().find((one) => one.tun === tun);
    if (tun !== HOST_TUN && record === undefined) return;
    this.#applier.forgetTun(record?.instance.machineId ?? HOST_LINK);
    // Mostly its namespace is about to go, and the instance with it.
    this.#timers.after(TUN_RETRY_MS, () => this.changed());
  }

  /** Another registry than before knows nothing of what this host has told. */
  #noteIncarnation(incarnation: string | undefined): void {
    if (incarnation === undefined || incarnation === this.#incarnation) return;
    if (this.#incarnation !== undefined) this.#publisher.republish();
    this.#incarnation = incarnation;
  }

  async #pass(): Promise<PassResult> {
    this.#noteIncarnation(this.#dependencies.copy.current().revision?.incarnation);
    const next = this.#plan();
    this.#endpoints.setNames(next.endpointNames);
    this.#planAgainAt(next);
    const result = await this.#applier.apply(next);
    this.#distances.look();
    this.#drain.look();
    this.#revival.look();
    this.#problems = result.failures;
    for (const machineId of next.instanceLinks.keys()) {
      this.#roster.noteProblem(machineId, result.failures.get(machineId)?.message);
    }
    return result;
  }

  #plan(): Plan {
    const { identity, copy, invites, clock } = this.#dependencies;
    return plan({
      identity: identity(),
      copy: copy.current(),
      records: this.#roster.journal.records(),
      namespaces: this.#roster.namespaces(),
      unnamed: this.#roster.unnamed,
      invites: invites.invites(),
      nearestHosts: this.#distances.nearestHosts,
      handshakes: this.#handshakes,
      visited: this.visits.networks(),
      lookupEndpoints: (endpoints) => this.#endpoints.lookup(endpoints),
      now: clock.wallNow(),
    });
  }

  #planAgainAt({ changesAt }: Plan): void {
    this.#cancelPlanned();
    if (changesAt === undefined) return;
    const delayMs = Math.max(0, changesAt - this.#dependencies.clock.wallNow());
    this.#cancelPlanned = this.#timers.after(delayMs, () => this.changed());
  }

  #look(): void {
    if (this.#stopped) return;
    this.#cancelLook = this.#timers.after(LOOK_INTERVAL_MS, () => void this.#lookAtNamespaces());
  }

  async #lookAtNamespaces(): Promise<void> {
    try {
      await this.#roster.attached.recordArrivals();
      await this.#roster.attached.recordVanished();
    } catch (error) {
      const { logger } = this.#dependencies;
      logger.error('end of an instance is not kept', { error: String(error) });
    }
    this.#look();
  }

  #verify(): void {
    this.#cancelVerify = this.#timers.after(VERIFY_INTERVAL_MS, () => {
      this.#applier.distrustHostLink();
      this.#reconciler.trigger();
      this.#verify();
    });
  }
}

/** Real time. No timer keeps the process alive. */
export const PROCESS_TIMERS: Timers = {
  after: (ms, task) => {
    const timer = setTimeout(task, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** Nobody answers. */
const SILENT_ECHO: EchoPort = { measure: () => Promise.resolve(new Map()) };

// A host in memory for the tests of the agent: records what it is told, fails where it is told to,
// and lets a test decide when time passes.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  drawInstanceId,
  drawMachineId,
  type HostId,
  type MachineId,
  type NetworkId,
} from '../../src/addressing/ids.ts';
import { instanceAddress } from '../../src/addressing/layout.ts';
import { Agent } from '../../src/agent/agent.ts';
import type { JournalRecord } from '../../src/agent/journal-record.ts';
import type {
  AgentIdentity,
  CommandExit,
  CopyView,
  OutputEvent,
  ProbeTarget,
  Timers,
} from '../../src/agent/ports.ts';
import type { Supervision, Supervisor } from '../../src/agent/supervision.ts';
import type { CommandSpec } from '../../src/agent/supervisor/command.ts';
import type { LaunchSpec } from '../../src/agent/supervisor/launch.ts';
import type { SupervisorState } from '../../src/agent/supervisor/protocol.ts';
import { toBase64 } from '../../src/base/bytes.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { DataplaneConfig } from '../../src/dataplane/config.ts';
import type { Zone } from '../../src/dns/zone.ts';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import type { LinkSettings } from '../../src/os/links.ts';
import type { App, Host, Instance, Invite, Network, Revision } from '../../src/registry/model.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

/** The state folders of all worlds of a process stand in it, and go with the process. */
const FOLDER = mkdtempSync(join(tmpdir(), 'p6n-agent-'));
process.once('exit', () => rmSync(FOLDER, { recursive: true, force: true }));
const CREATED_AT = 0 as WallMillis;
const RECORD_IDS = new SeededRandom(1);

export const HOST: HostId = 0x10000 as HostId;
export const OTHER_HOST: HostId = 0x10001 as HostId;
export const NETWORK: NetworkId = 0x20000 as NetworkId;

export function makeKey(byte: number): string {
  return toBase64(new Uint8Array(32).fill(byte));
}

export function makeHost(id: number, overrides: Partial<Host> = {}): Host {
  return {
    kind: 'host',
    id: id as HostId,
    name: `host-${id}`,
    region: 'local',
    publicKey: makeKey(id & 0xff),
    generation: 1,
    signature: '',
    endpoints: [`192.0.2.${id & 0xff}:51820`],
    role: 'agent',
    createdAt: CREATED_AT,
    ...overrides,
  };
}

export function makeNetwork(id: number = NETWORK, overrides: Partial<Network> = {}): Network {
  return {
    kind: 'network',
    id: id as NetworkId,
    name: `net-${id}`,
    organization: 'default',
    regionScoped: false,
    createdAt: CREATED_AT,
    ...overrides,
  };
}

export function makeApp(name: string, network: number = NETWORK): App {
  return {
    kind: 'app',
    name,
    organization: 'default',
    network: network as NetworkId,
    createdAt: CREATED_AT,
  };
}

export function makeIdentity(overrides: Partial<AgentIdentity> = {}): AgentIdentity {
  return {
    hostId: HOST,
    region: 'local',
    role: 'agent',
    privateKey: new Uint8Array(32).fill(1) as AgentIdentity['privateKey'],
    listenPort: 51_820,
    mtu: 1420,
    endpoints: ['192.0.2.1:51820'],
    callsOut: false,
    servers: [],
    ...overrides,
  };
}

/** A record of a started instance of this host, with ids of its own. */
export function makeRecord(overrides: Partial<JournalRecord> = {}): JournalRecord {
  const instanceId = drawInstanceId(RECORD_IDS, new Set());
  const machineId = drawMachineId(RECORD_IDS);
  return {
    instance: {
      kind: 'instance',
      machineId,
      app: 'web',
      network: NETWORK,
      host: HOST,
      instanceId,
      address: instanceAddress(NETWORK, HOST, instanceId),
      name: `web-${machineId}`,
      group: 'app',
      region: 'local',
      metadata: { version: '1' },
      state: 'started',
      createdAt: 1 as WallMillis,
      updatedAt: 2 as WallMillis,
    },
    network: { name: 'default', regionScoped: false },
    origin: 'run',
    tun: 1,
    command: ['server', '--port', '80'],
    workingDirectory: '/',
    attachment: undefined,
    exit: undefined,
    removed: false,
    pending: true,
    ...overrides,
  };
}

/** A started instance of another host. */
export function makeRemoteInstance(): Instance {
  return {
    kind: 'instance',
    machineId: '0123456789abcd' as MachineId,
    app: 'web',
    network: NETWORK,
    host: OTHER_HOST,
    instanceId: 0x50000 as Instance['instanceId'],
    address: instanceAddress(NETWORK, OTHER_HOST, 0x50000 as Instance['instanceId']),
    name: 'remote',
    group: 'app',
    region: 'local',
    metadata: {},
    state: 'started',
    createdAt: 0 as WallMillis,
    updatedAt: 0 as WallMillis,
  };
}

/** Timers that run when the test says so. */
export class ManualTimers implements Timers {
  readonly #tasks = new Set<{ readonly ms: number; readonly task: () => void }>();

  after(ms: number, task: () => void): () => void {
    const entry = { ms, task };
    this.#tasks.add(entry);
    return () => this.#tasks.delete(entry);
  }

  /** Runs everything that waits for at most `ms`. */
  fire(ms: number): void {
    for (const entry of [...this.#tasks].filter((one) => one.ms <= ms)) {
      this.#tasks.delete(entry);
      entry.task();
    }
  }
}

export class FakeSupervisor implements Supervisor {
  readonly mounts = '/proc/1/ns/mnt';
  readonly restarts = 0;
  readonly directory: string;
  readonly namespace: string;
  initialState: SupervisorState = 'ready';
  commandPid: number | undefined;
  spec: CommandSpec | undefined;
  readonly ended: Promise<CommandExit | undefined>;
  end: (exit: CommandExit | undefined) => void = () => undefined;
  onStop: () => void = () => undefined;
  /** Its command ends by force alone. */
  isStubborn = false;

  constructor(directory: string, namespace: string) {
    this.directory = directory;
    this.namespace = namespace;
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  start(spec: CommandSpec): Promise<void> {
    if (spec.command[0] === 'missing') {
      return Promise.reject(new P6nError('COMMAND_FAILED', 'Cannot run "missing": it is missing'));
    }
    this.spec = spec;
    this.commandPid = 4711;
    if (spec.command[0] === 'true') this.end({ code: 0, signal: undefined, at: CREATED_AT });
    return Promise.resolve();
  }

  async stop(graceMs: number): Promise<void> {
    this.onStop();
    if (this.isStubborn && graceMs > 0) return void (await this.ended);
    this.end({ code: undefined, signal: 'SIGTERM', at: CREATED_AT });
    await this.ended;
  }

  disconnect(): void {
    // Goes on in the world that made it.
  }

  async *follow(): AsyncIterable<OutputEvent> {
    const exit = await this.ended;
    if (exit !== undefined) yield { type: 'exit', exit };
  }
}

export class AgentWorld {
  readonly folder: string = mkdtempSync(join(FOLDER, 'host-'));
  readonly clock: ManualClock = new ManualClock();
  readonly timers: ManualTimers = new ManualTimers();
  readonly random: SeededRandom;
  /** What happened, in order. */
  readonly log: string[] = [];
  /** By what a step is called in the log: the error that it shall fail with. */
  readonly failing: Map<string, P6nError> = new Map();
  readonly supervisors: FakeSupervisor[] = [];
  readonly abandoned: string[] = [];
  readonly published: Map<string, Instance> = new Map();
  readonly servers: Map<string, { app: App; network: Network }> = new Map();
  identity: AgentIdentity = makeIdentity();
  copy: {
    revision?: Revision;
    hosts: Host[];
    networks: Network[];
    apps: App[];
    instances: Instance[];
  } = {
    hosts: [],
    networks: [makeNetwork()],
    apps: [makeApp('web')],
    instances: [],
  };
  invites: Invite[] = [];
  followed: ReadonlySet<NetworkId> = new Set();
  config: DataplaneConfig | undefined;
  /** By its name, whatever the address of the one that is looked for. */
  foundInterface: string | undefined;
  zone: Zone | undefined;
  listeners: readonly Ipv6Address[] = [];
  readonly links: Map<string, LinkSettings> = new Map();
  resolved: readonly string[] | undefined;
  /** What was probed, and what the probes find. */
  readonly probed: ProbeTarget[] = [];
  isWell: (target: ProbeTarget) => boolean | Promise<boolean> = () => true;

  constructor(seed = 1) {
    this.random = new SeededRandom(seed);
  }

  start(): Promise<Agent> {
    return Agent.start(
      {
        identity: () => this.identity,
        copy: {
          current: (): CopyView => this.copy,
          setNetworks: (networks) => {
            this.followed = networks;
            this.log.push('follow');
          },
        },
        invites: { invites: () => this.invites },
        apps: { lookupApp: (name) => Promise.resolve(this.servers.get(name)) },
        writer: {
          putInstance: async (instance) => {
            await this.#step('publish');
            this.published.set(instance.machineId, instance);
          },
          removeInstance: async (machineId) => {
            await this.#step('unpublish');
            this.published.delete(machineId);
          },
        },
        dataplane: {
          applyConfig: async (config) => {
            this.config = config;
            await this.#step('dataplane');
          },
        },
        links: {
          configure: async (link) => {
            const where = link.namespace ?? 'host';
            await this.#step(`link ${where}`);
            this.links.set(where, link);
            return 1;
          },
          find: async () => {
            await this.#step('find link');
            return this.foundInterface;
          },
          remove: (namespace) => this.#step(`remove link ${namespace ?? 'host'}`),
        },
        names: {
          setZone: (zone) => {
            this.zone = zone;
            this.log.push(`names ${nameCount(zone)}`);
          },
          setListeners: async (addresses) => {
            this.listeners = addresses;
            await this.#step(`listeners ${addresses.length}`);
          },
        },
        resolver: {
          resolve: () =>
            this.resolved === undefined
              ? Promise.reject(new Error('no such name'))
              : Promise.resolve(this.resolved),
        },
        supervision: this.#supervision(),
        prober: {
          probe: (target) => {
            this.probed.push(target);
            return Promise.resolve(this.isWell(target));
          },
        },
        timers: this.timers,
        clock: this.clock,
        random: this.random,
        logger: SILENT_LOGGER,
      },
      { stateFolder: this.folder },
    );
  }

  async #step(what: string): Promise<void> {
    this.log.push(what);
    const error = this.failing.get(what);
    await (error === undefined ? Promise.resolve() : Promise.reject(error));
  }

  #supervision(): Supervision {
    return {
      launch: async (spec: LaunchSpec) => {
        await this.#step('launch');
        const namespace = `/proc/${1000 + this.supervisors.length}/ns/net`;
        const supervisor = new FakeSupervisor(spec.directory, namespace);
        supervisor.onStop = () => void this.log.push('stop');
        this.supervisors.push(supervisor);
        return supervisor;
      },
      find: async (directory) => {
        await this.#step('find');
        return this.supervisors.findLast((one) => one.directory === directory);
      },
      readExit: () => undefined,
      readOutput: () => [],
      killAbandoned: (machineId) => void this.abandoned.push(machineId),
      removeDirectory: () => Promise.resolve(),
    };
  }
}

/** How many instances a zone names in all. */
export function nameCount(zone: Zone): number {
  return [...zone.networks.values()]
    .flatMap(({ apps }) => [...apps.values()])
    .reduce((sum, { instances }) => sum + instances.length, 0);
}

/** Waits until `condition` holds; the test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

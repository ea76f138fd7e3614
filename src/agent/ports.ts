// What the agent asks of the rest of p6nd, declared where it is used: the daemon passes the real
// parts, tests pass memory.

import type { HostId, MachineId, NetworkId } from '../addressing/ids.ts';
import type { WallMillis } from '../base/clock.ts';
import type { DataplaneConfig } from '../dataplane/config.ts';
import type { DeviceConfig } from '../device/config.ts';
import type { Zone } from '../dns/zone.ts';
import type { Ipv6Address } from '../ip/ipv6-address.ts';
import type { Links } from '../os/links.ts';
import type {
  App,
  AppOnNetwork,
  Gateway,
  Host,
  HostAbsence,
  HostKey,
  Instance,
  InstanceCheck,
  InstanceService,
  Invite,
  Network,
  Revision,
  WireguardPeer,
} from '../registry/model.ts';
import type { RunSettings } from './run-settings.ts';
import type { RunAs } from './supervisor/command.ts';

/** Who this host is, from the identity that it keeps on disk. */
export interface AgentIdentity {
  readonly hostId: HostId;
  readonly region: string;
  readonly role: 'server' | 'agent';
  readonly privateKey: DeviceConfig['privateKey'];
  readonly listenPort: number;
  readonly mtu: number;
  /** What this host tells others; empty for a host that only calls out. */
  readonly endpoints: readonly string[];
  /** Whether others cannot be expected to reach it: it keeps a session with each of them. */
  readonly callsOut: boolean;
  /** What it serves WireGuard peers by; undefined before it has had any. */
  readonly gateway?: GatewayIdentity | undefined;
  /** The servers as of joining, so that a host without a copy reaches them. */
  readonly servers: readonly KnownServer[];
}

/** Another key than the host's own, which may change without laptops noticing. */
export interface GatewayIdentity {
  readonly privateKey: DeviceConfig['privateKey'];
  readonly listenPort: number;
}

export interface KnownServer {
  readonly id: HostId;
  readonly region: string;
  /** WireGuard public key, base64. */
  readonly publicKey: string;
  /** The key that it is about to change to. */
  readonly next?: Pick<HostKey, 'publicKey'>;
  readonly endpoints: readonly string[];
  /** Where servers see it. */
  readonly observed?: Readonly<Record<string, string>>;
}

/** The follower's copy as the plan reads it. Immutable: a change is a new copy. */
export interface CopyView {
  /**
   * A new incarnation is another registry, restored or imported. Undefined while nothing is known.
   */
  readonly revision?: Revision | undefined;
  readonly hosts: Iterable<Host>;
  /** Hosts that no server hears of. */
  readonly absences?: Iterable<HostAbsence>;
  readonly networks: Iterable<Network>;
  readonly apps: Iterable<App>;
  readonly instances: Iterable<Instance>;
  /** Hosts with WireGuard peers. */
  readonly gateways?: Iterable<Gateway>;
  readonly wireguardPeers?: Iterable<WireguardPeer>;
}

export interface CopySource {
  current(): CopyView;
  /** Names the networks that this host follows besides the hosts, which it always follows. */
  setNetworks(networks: ReadonlySet<NetworkId>): void;
}

export interface InviteSource {
  /** The invites that this server made and serves; none where this host is no server. */
  invites(): readonly Invite[];
}

export interface AppLookup {
  /**
   * Asks a server for an app that the copy does not have. Undefined when there is none; rejects
   * with SERVER_UNREACHABLE or REGISTRY_UNAVAILABLE when nobody can say.
   */
  lookupApp(name: string): Promise<AppOnNetwork | undefined>;
}

/** Where this host's instances are told. Both calls may be repeated at will. */
export interface InstanceWriter {
  putInstance(instance: Instance): Promise<void>;
  removeInstance(machineId: MachineId): Promise<void>;
}

export interface DataplaneHandle {
  /**
   * Resolves when all of `config` holds: TUNs made, peers installed. Rejects with a P6nError that
   * names what failed; all else holds.
   */
  applyConfig(config: DataplaneConfig): Promise<void>;
}

/** What the data plane says by itself. */
export type DataplaneNotice =
  /** A handshake with this peer (base64) ended with a session that both sides have proved. */
  | { readonly type: 'handshake'; readonly publicKey: string }
  /** No handshake with this peer came about, for as long as one is tried. */
  | { readonly type: 'silent'; readonly publicKey: string }
  /** The interface is gone; a configuration that names it makes it again. */
  | { readonly type: 'tun-failed'; readonly tun: number }
  | { readonly type: 'roamed' | 'failed' };

/** Brings interfaces into their state, one call for an interface at a time. */
export type LinkPort = Pick<Links, 'configure' | 'find' | 'remove'>;

export interface NamesPort {
  setZone(zone: Zone): void;
  /** Serves on exactly these addresses, which stand on `p6n0`. */
  setListeners(addresses: readonly Ipv6Address[]): Promise<void>;
}

export interface EndpointResolver {
  /** Addresses of a host name, best first; rejects when it cannot be resolved. */
  resolve(name: string): Promise<readonly string[]>;
}

/** Timers as an argument, so that tests decide when time passes. */
export interface Timers {
  /** Calls `task` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, task: () => void): () => void;
}

/** Where a check goes: from this host's presence in a network to an instance of this host. */
export interface ProbeTarget {
  readonly address: Ipv6Address;
  readonly port: number;
  readonly source: Ipv6Address;
  /** For HTTP; a connection alone where absent. */
  readonly path?: string | undefined;
}

export interface Prober {
  /** Whether the target is well; false also when it takes longer than `timeoutMs`. */
  probe(target: ProbeTarget, timeoutMs: number): Promise<boolean>;
}

export interface EchoPort {
  /**
   * The round trips to `targets` through the mesh, milliseconds; who has not answered within
   * `timeoutMs` is left out. Never rejects.
   */
  measure(
    source: Ipv6Address,
    targets: readonly Ipv6Address[],
    timeoutMs: number,
  ): Promise<ReadonlyMap<Ipv6Address, number>>;
}

export interface RunRequest {
  readonly app: string;
  /** Drawn from the app's name when absent. */
  readonly name?: string | undefined;
  readonly group?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly services?: readonly InstanceService[] | undefined;
  readonly checks?: readonly InstanceCheck[] | undefined;
  readonly command: readonly string[];
  /** Absolute; `/` when absent. */
  readonly workingDirectory?: string | undefined;
  readonly settings?: RunSettings | undefined;
}

/** An existing network namespace, by the path of its file or by a process that lives in it. */
export type NamespaceReference = { readonly path: string } | { readonly pid: number };

export interface AttachRequest {
  readonly app: string;
  readonly name?: string | undefined;
  readonly group?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly services?: readonly InstanceService[] | undefined;
  readonly checks?: readonly InstanceCheck[] | undefined;
  /** Absent while a handover does not know where it leads. */
  readonly namespace?: NamespaceReference | undefined;
  /** Of the interface in it; `p6n0` when absent. */
  readonly interfaceName?: string | undefined;
  /**
   * Name under which the interface is made in p6nd's own namespace, for the owner to move it to
   * the path of `namespace`, which need not be there yet and may be told later.
   */
  readonly handover?: string | undefined;
  /**
   * Has at most one instance: attaching again gives that one, or a new one in its place when it is
   * of another app or namespace.
   */
  readonly owner?: string | undefined;
}

/** Where the command of a started instance runs, and as what. */
export interface Surroundings {
  /** Path of its network namespace. */
  readonly namespace: string;
  /** Path of its mount namespace; undefined for an attached one. */
  readonly mounts: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly runAs: RunAs | undefined;
}

/** How a command ended. */
export interface CommandExit {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly at: WallMillis;
  /**
   * Somebody asked p6nd for it, or the command is not to run again: the machine, which ends what
   * runs on it when it is stopped, does neither.
   */
  readonly isFinal?: true;
}

/** An instance of this host with what only this host knows of it. */
export interface LocalInstance {
  readonly instance: Instance;
  readonly networkName: string;
  /** Run by p6nd, or attached to a namespace that somebody else made. */
  readonly origin: 'run' | 'attached';
  readonly command: readonly string[];
  /** Path of its network namespace while it has one. */
  readonly namespace: string | undefined;
  /** Who has attached it, where somebody keeps it. */
  readonly owner: string | undefined;
  /** Of the command while it runs. */
  readonly pid: number | undefined;
  /** How often the command was started again since it was started by hand. */
  readonly restarts: number;
  readonly exit: CommandExit | undefined;
  /** Why the last try to bring it into its state failed. */
  readonly problem: string | undefined;
  /** Whether a server has this state on record. */
  readonly published: boolean;
}

export type OutputEvent =
  | {
      readonly type: 'output';
      readonly stream: 'stdout' | 'stderr';
      readonly data: Uint8Array;
      readonly at?: WallMillis | undefined;
    }
  /** The reader was slower than the command; so many bytes are left out here. */
  | { readonly type: 'skipped'; readonly bytes: number }
  | { readonly type: 'exit'; readonly exit: CommandExit };

/** How much of the past: both hold. */
export interface Tail {
  readonly bytes: number;
  readonly lines?: number | undefined;
}

export interface OutputRequest {
  readonly tail?: Partial<Tail> | undefined;
  /** Goes on until the command ends. */
  readonly follow?: boolean | undefined;
}

/**
 * The operations on this host's instances. `reference` is a machine id or a name. All reject with
 * P6nErrors: NOT_FOUND, NAME_TAKEN, INSTANCE_STATE, NAMESPACE_INVALID, COMMAND_FAILED and others.
 */
export interface InstanceOperations {
  /** What a further process of the instance needs, to be like its command. INSTANCE_STATE. */
  surroundings(reference: string): Surroundings;
  /** Resolves when the command runs, its address is usable and its names are visible here. */
  run(request: RunRequest): Promise<LocalInstance>;
  /** Resolves with all of them, in order of rank; where one cannot start, none stays. */
  runCluster(request: RunRequest, size: number): Promise<readonly LocalInstance[]>;
  attach(request: AttachRequest): Promise<LocalInstance>;
  start(reference: string): Promise<LocalInstance>;
  /** Asks the command to end, and ends it by force after `graceMs`. */
  stop(
    reference: string,
    options?: { readonly graceMs?: number | undefined },
  ): Promise<LocalInstance>;
  /** Refuses a started instance unless `force`, which stops it first. */
  remove(reference: string, options?: { readonly force?: boolean | undefined }): Promise<void>;
  /** Gives one key of the metadata that value, or takes it away where there is none. */
  setMetadata(
    reference: string,
    change: { readonly key: string; readonly value: string | undefined },
  ): Promise<LocalInstance>;
  list(): readonly LocalInstance[];
  show(reference: string): LocalInstance;
  output(
    reference: string,
    request: OutputRequest,
    signal: AbortSignal,
  ): AsyncIterable<OutputEvent>;
}

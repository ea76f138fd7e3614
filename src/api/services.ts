// What the routes ask of the rest of p6nd. All speak the contract; who asks is the first argument,
// and each service refuses what that caller may not do, besides what the routes refuse already.
// All reject with P6nErrors.

import type { HostId, MachineId, NetworkId } from '../addressing/ids.ts';
import type { NewApp } from '../registry/apps.ts';
import type { Principal } from '../registry/authority.ts';
import type { AppOnNetwork, FollowPosition, Instance, Revision } from '../registry/model.ts';
import type { NetworkReference } from '../registry/networks.ts';
import type { PeerReference } from '../registry/wireguard/peers.ts';
import type { AppCreated, AppFilter, AppList, AppView } from './contract/apps.ts';
import type { CaptureQuery } from './contract/capture.ts';
import type { DebugView } from './contract/debug.ts';
import type { Enrolled, EnrolRequest } from './contract/enrolment.ts';
import type { AuditList, EventView } from './contract/events.ts';
import type { ExplainRequest, Explanation } from './contract/explain.ts';
import type {
  Heartbeat,
  HostList,
  HostPath,
  HostUpdate,
  HostView,
  NextKey,
  NextKeyState,
  Rehoming,
} from './contract/hosts.ts';
import type {
  AttachInstance,
  InstanceFilter,
  InstanceSurroundings,
  InstanceView,
  RunCluster,
  RunInstance,
} from './contract/instances.ts';
import type { CreateInvite, InviteCreated, InviteList } from './contract/invites.ts';
import type { NameAnswer, NameQuestion } from './contract/names.ts';
import type {
  CreateNetwork,
  NetworkFilter,
  NetworkList,
  NetworkView,
} from './contract/networks.ts';
import type {
  CreateOrganization,
  OrganizationList,
  OrganizationView,
} from './contract/organizations.ts';
import type {
  AcceptRegistry,
  ExportRegistry,
  ImportRegistry,
  KnownIdsReport,
  RegistryExported,
  RegistryView,
} from './contract/registry.ts';
import type { SiteKeyRotated, SiteKeySecret, SiteUpdate, SiteView } from './contract/site.ts';
import type { StatusView } from './contract/status.ts';
import type { CreateToken, TokenCreated, TokenList } from './contract/tokens.ts';
import type { PingReply, PingRequest, VisitQuery, VisitView } from './contract/visits.ts';
import type {
  CreateWireguardPeer,
  GatewayUpdate,
  PeerSession,
  WireguardFilter,
  WireguardPeerList,
  WireguardPeerView,
} from './contract/wireguard.ts';
import type { ChunkFeed } from './feed-reply.ts';

/** The truth of the site: on a server its registry, elsewhere a server through the mesh. */
export interface RegistryService {
  listOrganizations(principal: Principal): Promise<OrganizationList>;
  createOrganization(principal: Principal, request: CreateOrganization): Promise<OrganizationView>;
  listNetworks(principal: Principal, filter: NetworkFilter): Promise<NetworkList>;
  createNetwork(principal: Principal, request: CreateNetwork): Promise<NetworkView>;
  getNetwork(principal: Principal, reference: NetworkReference): Promise<NetworkView>;
  removeNetwork(principal: Principal, reference: NetworkReference): Promise<void>;
  listApps(principal: Principal, filter: AppFilter): Promise<AppList>;
  createApp(principal: Principal, request: NewApp): Promise<AppCreated>;
  getApp(principal: Principal, name: string): Promise<AppView>;
  /** With `force`, its instances go along. */
  removeApp(
    principal: Principal,
    name: string,
    options: { readonly force: boolean },
  ): Promise<void>;
  getSite(principal: Principal): Promise<SiteView>;
  updateSite(principal: Principal, update: SiteUpdate): Promise<SiteView>;
  rotateSiteKey(principal: Principal): Promise<SiteKeyRotated>;
  listHosts(principal: Principal): Promise<HostList>;
  getHost(principal: Principal, name: string): Promise<HostView>;
  /** Its instances stop and are named nowhere, until that is taken back. */
  drainHost(principal: Principal, name: string, isDrained: boolean): Promise<HostView>;
  /** What leads a host that slept to where the site is served now. */
  rehomeHost(principal: Principal, name: string): Promise<Rehoming>;
  /** With `force`, the records of the host's instances go along. */
  removeHost(
    principal: Principal,
    name: string,
    options: { readonly force: boolean },
  ): Promise<void>;
  listPeers(principal: Principal, filter: WireguardFilter): Promise<WireguardPeerList>;
  createPeer(principal: Principal, request: CreateWireguardPeer): Promise<WireguardPeerView>;
  getPeer(principal: Principal, reference: PeerReference): Promise<WireguardPeerView>;
  removePeer(principal: Principal, reference: PeerReference): Promise<void>;
  listInvites(principal: Principal): Promise<InviteList>;
  createInvite(principal: Principal, request: CreateInvite): Promise<InviteCreated>;
  revokeInvite(principal: Principal, number: number): Promise<void>;
  /**
   * What changes, from after a revision or from now on, until `signal` aborts. Rejects with
   * REVISION_FORGOTTEN, also in the middle for a reader that is too slow.
   */
  events(
    principal: Principal,
    after: Revision | undefined,
    signal: AbortSignal,
  ): AsyncIterable<EventView>;
  /** The last entries of the audit, `count` at the most. */
  audit(principal: Principal, count: number): Promise<AuditList>;
  /** Instances of all hosts. */
  listInstances(
    principal: Principal,
    filter: InstanceFilter,
  ): Promise<{ readonly instances: readonly InstanceView[] }>;
}

/** The registry as a whole, on a server. */
export interface RegistryKeeper {
  show(principal: Principal): Promise<RegistryView>;
  export(principal: Principal, request: ExportRegistry): Promise<RegistryExported>;
  import(principal: Principal, request: ImportRegistry): Promise<RegistryView>;
  accept(principal: Principal, request: AcceptRegistry): Promise<RegistryView>;
}

/** The tokens of the API, on a server. */
export interface TokenService {
  list(principal: Principal): Promise<TokenList>;
  create(principal: Principal, request: CreateToken): Promise<TokenCreated>;
  /** Again at will. */
  revoke(principal: Principal, id: string): Promise<void>;
}

/** The instances of this host. `reference` is a machine id or a name. */
export interface InstanceService {
  hostId(): HostId;
  list(principal: Principal): Promise<readonly InstanceView[]>;
  show(principal: Principal, reference: string): Promise<InstanceView>;
  /** Resolves when the command runs and its address is usable. */
  run(principal: Principal, request: RunInstance): Promise<InstanceView>;
  /** In order of rank; where one cannot start, none stays. */
  runCluster(principal: Principal, request: RunCluster): Promise<readonly InstanceView[]>;
  attach(principal: Principal, request: AttachInstance): Promise<InstanceView>;
  start(principal: Principal, reference: string): Promise<InstanceView>;
  stop(
    principal: Principal,
    reference: string,
    options: { readonly graceMs: number | undefined },
  ): Promise<InstanceView>;
  remove(
    principal: Principal,
    reference: string,
    options: { readonly force: boolean },
  ): Promise<void>;
  /** Gives one key of an instance's metadata that value, or takes it away. */
  setMetadata(
    principal: Principal,
    reference: string,
    change: MetadataChange,
  ): Promise<InstanceView>;
  /** Of one that runs. Rejects with INSTANCE_STATE. */
  surroundings(principal: Principal, reference: string): Promise<InstanceSurroundings>;
  /** Throws NOT_FOUND at the first step of the iteration. Ends with the command or `signal`. */
  output(
    principal: Principal,
    reference: string,
    request: OutputRequest,
    signal: AbortSignal,
  ): AsyncIterable<OutputEvent>;
}

export interface MetadataChange {
  readonly key: string;
  /** Undefined for none. */
  readonly value: string | undefined;
}

export interface OutputRequest {
  /** How much of the past to begin with; what the service thinks useful where nothing is said. */
  readonly tail: { readonly bytes?: number; readonly lines?: number };
  /** Goes on until the command ends. */
  readonly follow: boolean;
}

export type OutputEvent =
  | {
      readonly type: 'output';
      readonly stream: 'stdout' | 'stderr';
      readonly data: Uint8Array;
      readonly at?: number | undefined;
    }
  /** The reader was slower than the command; so many bytes are left out here. */
  | { readonly type: 'skipped'; readonly bytes: number }
  | {
      readonly type: 'exit';
      readonly exit: { readonly code: number | undefined; readonly signal: string | undefined };
    };

/** Operators of this host in networks. */
export interface VisitService {
  /** One value when this host is present in the network, which it is until `signal` aborts. */
  visit(principal: Principal, query: VisitQuery, signal: AbortSignal): AsyncIterable<VisitView>;
  /** One echo from this host's address in a network that is visited. */
  ping(principal: Principal, request: PingRequest): Promise<PingReply>;
}

/** This host as the gateway of WireGuard peers. */
export interface GatewayService {
  /** How its peers were heard last, by public key. */
  sessions(): Promise<ReadonlyMap<string, PeerSession>>;
}

/** This host among the others. */
export interface MembershipService {
  /** How this host reaches each other one, by id; asks them all. */
  paths(hosts: readonly HostView[]): Promise<ReadonlyMap<number, HostPath>>;
  /**
   * Resolves once all others use the new key, with this host's record; with `force`, those that
   * are not ready are not waited for.
   */
  rotateKey(principal: Principal, options: { readonly force: boolean }): Promise<HostView>;
}

export interface StatusService {
  status(principal: Principal): Promise<StatusView>;
}

export interface DebugService {
  debug(principal: Principal): Promise<DebugView>;
}

export interface MetricsService {
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
}

export interface CaptureService {
  /** Rejects when there is nothing of that name; packets come until the signal aborts. */
  capture(
    principal: Principal,
    query: CaptureQuery,
  ): Promise<(signal: AbortSignal) => AsyncIterable<Uint8Array>>;
}

/** The host as a whole. */
export interface HostService {
  /** Ends p6nd and all instances of the host, and takes from the machine what p6nd has made. */
  reset(principal: Principal): Promise<void>;
}

export interface ExplainService {
  explain(principal: Principal, request: ExplainRequest): Promise<Explanation>;
}

export interface NameService {
  /** What an instance of the network would get now. */
  lookup(principal: Principal, question: NameQuestion): Promise<NameAnswer>;
  /** The answer, and then each one that differs from the one before, until `signal` aborts. */
  watch(
    principal: Principal,
    question: NameQuestion,
    signal: AbortSignal,
  ): AsyncIterable<NameAnswer>;
}

/** What hosts read of the registry, as records. */
export interface FollowService {
  /** An app with its network, or undefined when there is none of that name. */
  lookupApp(principal: Principal, name: string): Promise<AppOnNetwork | undefined>;
  /** The feed of changes: chunks of lines, each the JSON of a FollowEvent. */
  follow(
    principal: Principal,
    networks: ReadonlySet<NetworkId>,
    after: FollowPosition | undefined,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> | ChunkFeed;
}

/** What a host may change of itself; `principal` is that host. */
export interface HostWriteService {
  updateHost(principal: Principal, update: HostUpdate): Promise<void>;
  /** By what it serves its WireGuard peers. */
  updateGateway(principal: Principal, update: GatewayUpdate): Promise<void>;
  /** The host is there. */
  heartbeat(principal: Principal, heartbeat: Heartbeat): Promise<void>;
  publishNextKey(principal: Principal, key: NextKey): Promise<void>;
  nextKeyState(principal: Principal): Promise<NextKeyState>;
  /** Takes the next key of the host back; again at will. */
  withdrawNextKey(principal: Principal): Promise<void>;
  switchKey(principal: Principal, key: NextKey): Promise<void>;
  /** The key that signs for the site, if the host is a server. */
  siteKey(principal: Principal): Promise<SiteKeySecret>;
  /** Which ids the host knows to be given out; a registry that was restored takes them over. */
  reportIds(principal: Principal, report: KnownIdsReport): Promise<void>;
  /** The record's host is the principal's, and its address follows from its ids. */
  putInstance(principal: Principal, instance: Instance): Promise<void>;
  /** Nothing happens when there is none. */
  removeInstance(principal: Principal, machineId: MachineId): Promise<void>;
}

export interface EnrolmentService {
  enrol(
    principal: Extract<Principal, { kind: 'invite' }>,
    request: EnrolRequest,
  ): Promise<Enrolled>;
}

/** Proves that a request from a host's address comes from its p6nd. */
export interface HostAuthenticator {
  /** Compares in constant time; false also for a host that does not exist. */
  isHostSecret(host: HostId, secret: string): Promise<boolean>;
}

// The API as typed calls, for p6nctl over the unix socket and for hosts through the mesh. Loads
// neither schemas nor the server.

import type { MachineId, NetworkId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';
import type {
  AppOnNetwork,
  FollowEvent,
  FollowPosition,
  Instance,
  Revision,
} from '../registry/model.ts';
import type { NetworkReference } from '../registry/networks.ts';
import type { AppCreated, AppFilter, AppList, AppView, CreateApp } from './contract/apps.ts';
import type { Enrolled, EnrolRequest } from './contract/enrolment.ts';
import type { AuditList, EventView } from './contract/events.ts';
import type { ExplainRequest, Explanation } from './contract/explain.ts';
import type { FollowLine } from './contract/follow.ts';
import type {
  Heartbeat,
  HostFilter,
  HostList,
  HostUpdate,
  HostView,
  NextKey,
  NextKeyState,
} from './contract/hosts.ts';
import type {
  AttachInstance,
  InstanceFilter,
  InstanceList,
  InstanceView,
  RunInstance,
} from './contract/instances.ts';
import type { CreateInvite, InviteCreated, InviteList } from './contract/invites.ts';
import type {
  MachineFilter,
  MachineMetadata,
  MachineView,
  MachineWait,
  MachineWaited,
} from './contract/machines.ts';
import type { NameAnswer, NameLine, NameQuestion } from './contract/names.ts';
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
import type { OutputLine } from './contract/output.ts';
import { OPERATOR_HEADER } from './contract/protocol.ts';
import type {
  AcceptRegistry,
  ExportRegistry,
  ImportRegistry,
  KnownIdsReport,
  RegistryExported,
  RegistryView,
} from './contract/registry.ts';
import { formatRevision } from './contract/revision.ts';
import type { SiteKeyRotated, SiteView } from './contract/site.ts';
import type { StatusView } from './contract/status.ts';
import { streamEvents } from './event-stream.ts';
import { type ApiTarget, call, type Exchange } from './exchange.ts';
import { streamLines } from './line-stream.ts';

/** Longest wait for an answer, milliseconds. */
const CALL_TIMEOUT_MS = 15_000;
/**
 * Longest wait for a feed to begin, milliseconds. A try at a server that is away ends soon, as TCP
 * itself asks again ever more rarely.
 */
const FOLLOW_TIMEOUT_MS = 4_000;
/** Longest wait for an instance to start or attach, milliseconds. */
const START_TIMEOUT_MS = 60_000;
/** Every host of the site has a part in it. */
const ROTATION_TIMEOUT_MS = 120_000;
/** Longest wait for a whole registry, milliseconds. */
const REGISTRY_TIMEOUT_MS = 600_000;
/** A stop waits for the command to end and then for the end by force, milliseconds. */
const STOP_MARGIN_MS = 60_000;

/** Longer than the longest wait for a machine, milliseconds. */
const WAIT_TIMEOUT_MS = 75_000;

export interface ApiClientOptions {
  readonly target: ApiTarget;
  /** Proves this host's p6nd to a server. */
  readonly secret?: string | undefined;
  /** Whether the calls are made for the p6nctl of this host. */
  readonly operator?: boolean | undefined;
}

export interface EnrolmentTarget {
  /** IPv6 address of the server inside the mesh. */
  readonly address: string;
  readonly port: number;
  /** Longest wait for the answer, milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

type Query = Readonly<Record<string, string | undefined>>;

/** Every call rejects with P6nErrors: those of p6nd, or that it cannot be reached. */
export class ApiClient {
  readonly #target: ApiTarget;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: ApiClientOptions) {
    this.#target = options.target;
    this.#headers = {
      ...(options.secret === undefined ? {} : { authorization: `Bearer ${options.secret}` }),
      ...(options.operator === true ? { [OPERATOR_HEADER]: '1' } : {}),
    };
  }

  listOrganizations(): Promise<OrganizationList> {
    return this.#get('/v1/organizations');
  }

  createOrganization(body: CreateOrganization): Promise<OrganizationView> {
    return this.#post('/v1/organizations', body);
  }

  listNetworks(filter: NetworkFilter = {}): Promise<NetworkList> {
    return this.#get(withQuery('/v1/networks', { ...filter }));
  }

  createNetwork(body: CreateNetwork): Promise<NetworkView> {
    return this.#post('/v1/networks', body);
  }

  getNetwork(reference: NetworkReference): Promise<NetworkView> {
    return this.#get(networkPath(reference));
  }

  removeNetwork(reference: NetworkReference): Promise<void> {
    return this.#delete(networkPath(reference));
  }

  listApps(filter: AppFilter = {}): Promise<AppList> {
    return this.#get(withQuery('/v1/apps', { ...filter }));
  }

  createApp(body: CreateApp): Promise<AppCreated> {
    return this.#post('/v1/apps', body);
  }

  getApp(name: string): Promise<AppView> {
    return this.#get(path('/v1/apps', name));
  }

  removeApp(name: string, options: { readonly force: boolean }): Promise<void> {
    return this.#delete(withQuery(path('/v1/apps', name), { force: flag(options.force) }));
  }

  getSite(): Promise<SiteView> {
    return this.#get('/v1/site');
  }

  rotateSiteKey(): Promise<SiteKeyRotated> {
    return this.#post('/v1/site/rotate', undefined, ROTATION_TIMEOUT_MS);
  }

  listHosts(filter: HostFilter = {}): Promise<HostList> {
    return this.#get(withQuery('/v1/hosts', { ...filter }));
  }

  getHost(name: string): Promise<HostView> {
    return this.#get(path('/v1/hosts', name));
  }

  drainHost(name: string, isDrained: boolean): Promise<HostView> {
    return this.#post(`${path('/v1/hosts', name)}/${isDrained ? 'drain' : 'undrain'}`, undefined);
  }

  /** Of the host that is asked. */
  rotateHostKey(): Promise<HostView> {
    return this.#post('/v1/host/rotate-key', undefined, ROTATION_TIMEOUT_MS);
  }

  removeHost(name: string, options: { readonly force: boolean }): Promise<void> {
    return this.#delete(withQuery(path('/v1/hosts', name), { force: flag(options.force) }));
  }

  listInvites(): Promise<InviteList> {
    return this.#get('/v1/invites');
  }

  createInvite(body: CreateInvite): Promise<InviteCreated> {
    return this.#post('/v1/invites', body);
  }

  revokeInvite(number: number): Promise<void> {
    return this.#delete(path('/v1/invites', String(number)));
  }

  showRegistry(): Promise<RegistryView> {
    return this.#get('/v1/registry');
  }

  exportRegistry(body: ExportRegistry): Promise<RegistryExported> {
    return this.#post('/v1/registry/export', body, REGISTRY_TIMEOUT_MS);
  }

  importRegistry(body: ImportRegistry): Promise<RegistryView> {
    return this.#post('/v1/registry/import', body, REGISTRY_TIMEOUT_MS);
  }

  acceptRegistry(body: AcceptRegistry): Promise<RegistryView> {
    return this.#post('/v1/registry/accept', body, REGISTRY_TIMEOUT_MS);
  }

  /** Says which ids this host knows to be given out. */
  reportIds(body: KnownIdsReport): Promise<void> {
    return this.#post('/v1/self/ids', body);
  }

  listInstances(filter: InstanceFilter = {}): Promise<InstanceList> {
    return this.#get(withQuery('/v1/instances', { ...filter }));
  }

  getInstance(reference: string): Promise<InstanceView> {
    return this.#get(path('/v1/instances', reference));
  }

  runInstance(body: RunInstance): Promise<InstanceView> {
    return this.#post('/v1/instances/run', body, START_TIMEOUT_MS);
  }

  attachInstance(body: AttachInstance): Promise<InstanceView> {
    return this.#post('/v1/instances/attach', body, START_TIMEOUT_MS);
  }

  startInstance(reference: string): Promise<InstanceView> {
    return this.#post(`${path('/v1/instances', reference)}/start`, undefined, START_TIMEOUT_MS);
  }

  stopInstance(
    reference: string,
    options: { readonly graceMs?: number | undefined } = {},
  ): Promise<InstanceView> {
    const { graceMs } = options;
    const body = graceMs === undefined ? {} : { grace_ms: graceMs };
    const timeoutMs = STOP_MARGIN_MS + (graceMs ?? 0);
    return this.#post(`${path('/v1/instances', reference)}/stop`, body, timeoutMs);
  }

  removeInstanceHere(reference: string, options: { readonly force: boolean }): Promise<void> {
    const query = { force: flag(options.force) };
    return this.#delete(withQuery(path('/v1/instances', reference), query), STOP_MARGIN_MS);
  }

  /** What the instance's command writes; ends with it, or at once without `follow`. */
  output(
    reference: string,
    options: { readonly follow: boolean; readonly tailBytes?: number | undefined },
    signal: AbortSignal,
  ): AsyncIterable<OutputLine> {
    const query = { follow: flag(options.follow), tail_bytes: options.tailBytes?.toString() };
    const target = withQuery(`${path('/v1/instances', reference)}/output`, query);
    return streamLines<OutputLine>(this.#exchange('GET', target, { signal }));
  }

  listMachines(app: string, filter: MachineFilter = {}): Promise<readonly MachineView[]> {
    return this.#get(withQuery(machinesPath(app), filter));
  }

  getMachine(app: string, id: string): Promise<MachineView> {
    return this.#get(path(machinesPath(app), id));
  }

  /** Rejects with TIMED_OUT when the machine does not get into the state. */
  waitForMachine(app: string, id: string, wait: MachineWait = {}): Promise<MachineWaited> {
    const target = withQuery(`${path(machinesPath(app), id)}/wait`, { ...wait });
    return this.#call('GET', target, { timeoutMs: WAIT_TIMEOUT_MS });
  }

  getMachineMetadata(app: string, id: string): Promise<MachineMetadata> {
    return this.#get(`${path(machinesPath(app), id)}/metadata`);
  }

  /** Sets one key, or takes it away where there is no value. */
  setMachineMetadata(app: string, id: string, key: string, value?: string): Promise<void> {
    const target = path(`${path(machinesPath(app), id)}/metadata`, key);
    return value === undefined ? this.#delete(target) : this.#post(target, { value });
  }

  status(): Promise<StatusView> {
    return this.#get('/v1/status');
  }

  /** Returns when p6nd has begun to end: it is gone soon after. */
  resetHost(): Promise<void> {
    return this.#post('/v1/host/reset', undefined);
  }

  explain(body: ExplainRequest): Promise<Explanation> {
    return this.#post('/v1/explain', body);
  }

  lookupName(question: NameQuestion): Promise<NameAnswer> {
    return this.#get(withQuery('/v1/names/lookup', { ...question }));
  }

  /** The answer for a name, and each one that differs from the one before, until `signal`. */
  watchName(question: NameQuestion, signal: AbortSignal): AsyncIterable<NameLine> {
    const target = withQuery('/v1/names/watch', { ...question });
    return streamLines<NameLine>(this.#exchange('GET', target, { signal }), { endless: true });
  }

  /**
   * The feed of changes for this host, until `signal` aborts. Rejects with SERVER_UNREACHABLE when
   * it breaks off or is silent for longer than several heartbeats.
   */
  follow(
    networks: ReadonlySet<NetworkId>,
    after: FollowPosition | undefined,
    signal: AbortSignal,
  ): AsyncIterable<FollowEvent> {
    const target = withQuery('/v1/follow', {
      networks: networks.size === 0 ? undefined : [...networks].join(','),
      incarnation: after?.incarnation,
      number: after?.number.toString(),
      lacks: after?.lacks?.join(','),
    });
    const exchange = this.#exchange('GET', target, { signal, timeoutMs: FOLLOW_TIMEOUT_MS });
    return streamLines<FollowLine>(exchange, { endless: true }) as AsyncIterable<FollowEvent>;
  }

  /**
   * What changes in the registry, from after a revision or from now on, until `signal` aborts.
   * Rejects with REVISION_FORGOTTEN when the registry does not remember what followed it.
   */
  events(after: Revision | undefined, signal: AbortSignal): AsyncIterable<EventView> {
    const since = after === undefined ? undefined : formatRevision(after);
    return streamEvents(this.#exchange('GET', withQuery('/v1/events', { since }), { signal }));
  }

  /** The last entries of this server's audit. */
  audit(last?: number): Promise<AuditList> {
    return this.#get(withQuery('/v1/audit', { last: last?.toString() }));
  }

  /** An app with its network, or undefined when there is none of that name. */
  async lookupApp(name: string): Promise<AppOnNetwork | undefined> {
    try {
      return await this.#get<AppOnNetwork>(path('/v1/records/apps', name));
    } catch (error) {
      if (error instanceof P6nError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  updateHost(update: HostUpdate): Promise<void> {
    return this.#call('PATCH', '/v1/self', { body: update });
  }

  heartbeat(heartbeat: Heartbeat): Promise<void> {
    return this.#post('/v1/self/heartbeat', heartbeat);
  }

  publishNextKey(key: NextKey): Promise<void> {
    return this.#call('PUT', '/v1/self/next-key', { body: key });
  }

  nextKeyState(): Promise<NextKeyState> {
    return this.#get('/v1/self/next-key');
  }

  switchKey(key: NextKey): Promise<void> {
    return this.#post('/v1/self/switch-key', key);
  }

  putInstance(instance: Instance): Promise<void> {
    return this.#call('PUT', path('/v1/self/instances', instance.machineId), { body: instance });
  }

  removeInstance(machineId: MachineId): Promise<void> {
    return this.#delete(path('/v1/self/instances', machineId));
  }

  #get<T>(target: string): Promise<T> {
    return this.#call<T>('GET', target);
  }

  #post<T>(target: string, body: unknown, timeoutMs?: number): Promise<T> {
    return this.#call<T>('POST', target, { body, timeoutMs });
  }

  #delete(target: string, timeoutMs?: number): Promise<void> {
    return this.#call('DELETE', target, { timeoutMs });
  }

  async #call<T>(
    method: Exchange['method'],
    target: string,
    options: { body?: unknown; timeoutMs?: number | undefined } = {},
  ): Promise<T> {
    return (await call(this.#exchange(method, target, options))) as T;
  }

  #exchange(
    method: Exchange['method'],
    target: string,
    options: { body?: unknown; timeoutMs?: number | undefined; signal?: AbortSignal },
  ): Exchange {
    return {
      target: this.#target,
      method,
      path: target,
      headers: this.#headers,
      body: options.body,
      timeoutMs: options.timeoutMs ?? CALL_TIMEOUT_MS,
      signal: options.signal,
    };
  }
}

/** Posts a machine's enrolment from the address of its invite. */
export async function enrol(target: EnrolmentTarget, body: EnrolRequest): Promise<Enrolled> {
  const { address, port, timeoutMs, signal } = target;
  const enrolled = await call({
    target: { kind: 'tcp', host: address, port },
    method: 'POST',
    path: '/v1/enrol',
    headers: {},
    body,
    timeoutMs,
    signal,
  });
  return enrolled as Enrolled;
}

function path(collection: string, name: string): string {
  return `${collection}/${encodeURIComponent(name)}`;
}

function machinesPath(app: string): string {
  return `${path('/v1/apps', app)}/machines`;
}

function networkPath(reference: NetworkReference): string {
  const { name, organization } = reference;
  return withQuery(path('/v1/networks', name), { organization });
}

function withQuery(target: string, query: Query): string {
  const pairs = Object.entries(query)
    .filter((pair): pair is [string, string] => pair[1] !== undefined)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
  return pairs.length === 0 ? target : `${target}?${pairs.join('&')}`;
}

function flag(value: boolean): '1' | undefined {
  return value ? '1' : undefined;
}

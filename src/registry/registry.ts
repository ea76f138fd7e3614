// The door of the registry: everything that can be asked of the site's truth, one method each. The
// rules stand in the files beside this one, above a store that knows none of them, and hold for any
// number of servers on one store.

import type { HostId, MachineId, NetworkId } from '../addressing/ids.ts';
import { removeAppByForce } from './app-removal.ts';
import {
  type AppFilter,
  type CreatedApp,
  createApp,
  listApps,
  lookupApp,
  type NewApp,
  removeApp,
} from './apps.ts';
import { actorOf } from './audit.ts';
import type { Principal } from './authority.ts';
import { type Bootstrap, type Bootstrapped, bootstrap } from './bootstrap.ts';
import { requireFollowable } from './closure.ts';
import { Custody } from './custody.ts';
import { type Enrolment, type EnrolmentRequest, enrol } from './enrolment.ts';
import { Broadcast } from './feed/broadcast.ts';
import { changesOf, type RegistryChange } from './feed/changes.ts';
import type { Following } from './feed/following.ts';
import { follow } from './follow.ts';
import {
  type NextKeyState,
  nextKeyState,
  publishNextKey,
  switchKey,
  withdrawNextKey,
} from './host-keys.ts';
import { removeHost } from './host-removal.ts';
import {
  drainHost,
  findHost,
  type HostReference,
  type HostUpdate,
  listHosts,
  noteObserved,
  setHostSecret,
  updateHost,
  verifyHostSecret,
} from './hosts.ts';
import {
  findInstance,
  type InstanceFilter,
  type InstanceOutcome,
  listInstances,
  putInstance,
  putInstances,
  removeInstance,
} from './instances.ts';
import {
  createInvite,
  finishInvite,
  type InviteFilter,
  type InviteReference,
  listInvites,
  type NewInvite,
  removeExpiredInvites,
  revokeInvite,
} from './invites.ts';
import { Absences } from './liveness/absences.ts';
import { HostLeases } from './liveness/host-leases.ts';
import type {
  App,
  AppOnNetwork,
  FollowEvent,
  FollowPosition,
  Host,
  Instance,
  Invite,
  Network,
  Organization,
  Revision,
  Site,
} from './model.ts';
import {
  createNetwork,
  findNetwork,
  listNetworks,
  type NetworkFilter,
  type NetworkReference,
  type NewNetwork,
  removeNetwork,
} from './networks.ts';
import { createOrganization, listOrganizations } from './organizations.ts';
import { findSite } from './site.ts';
import { SiteKeys } from './site-keys.ts';
import { SiteSettings } from './site-settings.ts';
import { Tokens } from './tokens.ts';
import type { RegistryContext } from './transaction.ts';
import { WireguardPeers } from './wireguard/peers.ts';

/** Every method rejects with a P6nError: besides those named, with REGISTRY_UNAVAILABLE,
 * REGISTRY_CORRUPT, or CHANGED_MEANWHILE when others changed the same records all the time. */
export class Registry {
  /** Whom this server hears of. */
  readonly leases: HostLeases;
  /** Whom nobody hears of. */
  readonly absences: Absences;
  /** What signs for the site. */
  readonly siteKeys: SiteKeys;
  readonly siteSettings: SiteSettings;
  readonly tokens: Tokens;
  /** The registry as a whole. */
  readonly custody: Custody;
  /** Laptops, and the gateways that they are behind. */
  readonly wireguard: WireguardPeers;
  readonly #context: RegistryContext;
  readonly #broadcast: Broadcast;

  /** What `like` keeps in memory is shared with it. */
  constructor(context: RegistryContext, like?: Registry) {
    this.#context = context;
    const check = (): Promise<void> => requireFollowable(context);
    this.#broadcast =
      like === undefined ? new Broadcast(context.store, { check }) : like.#broadcast;
    this.wireguard = new WireguardPeers(context);
    this.leases = like?.leases ?? new HostLeases(context);
    this.absences = like?.absences ?? new Absences(context);
    this.siteKeys = new SiteKeys(context);
    this.siteSettings = new SiteSettings(context);
    this.tokens = new Tokens(context);
    this.custody = new Custody(context);
  }

  /** The same registry, whose changes are noted as made for `principal`. */
  as(principal: Principal): Registry {
    const context = { ...this.#context, actor: actorOf(principal) };
    return new Registry(context, this);
  }

  /** Changes when the registry is restored or imported. */
  get incarnation(): string {
    return this.#context.store.incarnation;
  }

  /**
   * Gives a fresh registry its site, its defaults and its first server; on one that has them it
   * answers the same for the same server and NOT_PERMITTED for any other.
   */
  bootstrap(request: Bootstrap): Promise<Bootstrapped> {
    return bootstrap(this.#context, request);
  }

  /** The site, or undefined in a registry that was not bootstrapped. */
  findSite(): Promise<Site | undefined> {
    return findSite(this.#context);
  }

  /** Rejects with NAME_INVALID, NAME_TAKEN or LIMIT_REACHED. */
  createOrganization(name: string): Promise<Organization> {
    return createOrganization(this.#context, name);
  }

  listOrganizations(): Promise<readonly Organization[]> {
    return listOrganizations(this.#context);
  }

  /**
   * Rejects with NAME_INVALID, NAME_RESERVED, NAME_TAKEN, NOT_FOUND (organization) or
   * LIMIT_REACHED.
   */
  createNetwork(network: NewNetwork): Promise<Network> {
    return createNetwork(this.#context, network);
  }

  /** Ordered by organization and name. */
  listNetworks(filter: NetworkFilter = {}): Promise<readonly Network[]> {
    return listNetworks(this.#context, filter);
  }

  /** Rejects with NOT_FOUND. */
  findNetwork(reference: NetworkReference): Promise<Network> {
    return findNetwork(this.#context, reference);
  }

  /** Resolves with the network that was removed. Rejects with NOT_FOUND or NETWORK_IN_USE. */
  removeNetwork(reference: NetworkReference): Promise<Network> {
    return removeNetwork(this.#context, reference);
  }

  /**
   * Makes an app, and its network when there is none of that name. Rejects with NAME_INVALID,
   * NAME_RESERVED, NAME_TAKEN, NOT_FOUND (organization) or LIMIT_REACHED.
   */
  createApp(app: NewApp): Promise<CreatedApp> {
    return createApp(this.#context, app);
  }

  /** Ordered by name. */
  listApps(filter: AppFilter = {}): Promise<readonly App[]> {
    return listApps(this.#context, filter);
  }

  /** An app with its network, or undefined when there is none of that name. */
  lookupApp(name: string): Promise<AppOnNetwork | undefined> {
    return lookupApp(this.#context, name);
  }

  /**
   * Resolves with the app that was removed, by force with its instances, all of which are of
   * `owner` where one is named. Rejects with NOT_FOUND, APP_IN_USE or NOT_PERMITTED.
   */
  removeApp(
    name: string,
    options: { readonly force?: boolean | undefined; readonly owner?: HostId | undefined } = {},
  ): Promise<App> {
    const { force, owner } = options;
    return force === true
      ? removeAppByForce(this.#context, name, owner)
      : removeApp(this.#context, name);
  }

  /** Ordered by id. */
  listHosts(): Promise<readonly Host[]> {
    return listHosts(this.#context);
  }

  /** Rejects with NOT_FOUND. */
  findHost(reference: HostReference): Promise<Host> {
    return findHost(this.#context, reference);
  }

  /**
   * Rejects with NOT_FOUND, NAME_INVALID or VALUE_INVALID. What is the same already is not written.
   */
  updateHost(host: HostId, update: HostUpdate): Promise<Host> {
    return updateHost(this.#context, host, update);
  }

  /** Rejects with NOT_FOUND, VALUE_INVALID, or NOT_PERMITTED for a host that nobody signed. */
  publishNextKey(host: HostId, publicKey: string): Promise<Host> {
    return publishNextKey(this.#context, host, publicKey);
  }

  /** Whether all others that servers hear of are ready for the host's next key. NOT_FOUND. */
  async nextKeyState(host: HostId): Promise<NextKeyState> {
    return nextKeyState(await this.findHost(host), await this.leases.list());
  }

  /** Takes the next key of a host back; again at will. NOT_FOUND. */
  withdrawNextKey(host: HostId): Promise<Host> {
    return withdrawNextKey(this.#context, host);
  }

  /** Makes the published next key the current one; again at will. NOT_FOUND. */
  switchKey(host: HostId, publicKey: string): Promise<Host> {
    return switchKey(this.#context, host, publicKey);
  }

  /** Its instances are named nowhere and stop, until that is taken back. NOT_FOUND. */
  drainHost(reference: HostReference, isDrained: boolean): Promise<Host> {
    return drainHost(this.#context, reference, isDrained);
  }

  /** Where `server` sees a host; undefined when that is one of its endpoints. NOT_FOUND. */
  noteObserved(host: HostId, server: HostId, endpoint: string | undefined): Promise<void> {
    return noteObserved(this.#context, host, server, endpoint);
  }

  /**
   * Removes a host, its invites and, with `force`, its instances, for which it can write nothing
   * from the first step on. Rejects with NOT_FOUND, or with HOST_IN_USE while it has instances or
   * is the last server.
   */
  removeHost(
    reference: HostReference,
    options: { readonly force?: boolean | undefined } = {},
  ): Promise<Host> {
    return removeHost(this.#context, reference, options);
  }

  /** Whether `secret` is what that host was given at enrolment; false for a host that is not. */
  verifyHostSecret(host: HostId, secret: string): Promise<boolean> {
    return verifyHostSecret(this.#context, host, secret);
  }

  /** Keeps the proof of a server's own secret, which nobody has given it. NOT_FOUND. */
  setHostSecret(host: HostId, secret: string): Promise<void> {
    return setHostSecret(this.#context, host, secret);
  }

  /** Rejects with NOT_FOUND (server), VALUE_INVALID or LIMIT_REACHED. */
  createInvite(invite: NewInvite): Promise<Invite> {
    return createInvite(this.#context, invite);
  }

  /** All that are on record, also used and expired ones. */
  listInvites(filter: InviteFilter = {}): Promise<readonly Invite[]> {
    return listInvites(this.#context, filter);
  }

  /** Rejects with NOT_FOUND. A host that has used it already stays. */
  revokeInvite(invite: InviteReference): Promise<Invite> {
    return revokeInvite(this.#context, invite);
  }

  /** Removes the server's invites that have expired; resolves with them. */
  removeExpiredInvites(server: HostId): Promise<readonly Invite[]> {
    return removeExpiredInvites(this.#context, server);
  }

  /** Removes a used invite whose host key has completed a handshake; nothing for any other. */
  finishInvite(invite: InviteReference): Promise<void> {
    return finishInvite(this.#context, invite);
  }

  /**
   * Makes a host of an invite. The same key asking again gets the same answer until the expiry.
   * `enrolmentKey` is a secret of this server, from `deriveEnrolmentKey`. Rejects with
   * INVITE_EXPIRED, INVITE_USED, ALREADY_JOINED, NAME_TAKEN, NAME_INVALID, NAME_RESERVED,
   * VALUE_INVALID or LIMIT_REACHED.
   */
  enrol(request: EnrolmentRequest, enrolmentKey: Uint8Array): Promise<Enrolment> {
    return enrol(this.#context, request, enrolmentKey);
  }

  /** Those of `filter`, ordered by network, host and machine id. */
  listInstances(filter: InstanceFilter = {}): Promise<readonly Instance[]> {
    return listInstances(this.#context, filter);
  }

  /** Rejects with NOT_FOUND. */
  findInstance(machineId: MachineId): Promise<Instance> {
    return findInstance(this.#context, machineId);
  }

  /**
   * Writes an instance of `host` as that host says it is; again at will. Rejects with
   * VALUE_INVALID, NAME_INVALID, NAME_RESERVED, NAME_TAKEN, NOT_FOUND (app, host), NOT_PERMITTED
   * (of another host) or LIMIT_REACHED.
   */
  putInstance(host: HostId, instance: Instance): Promise<Instance> {
    return putInstance(this.#context, host, instance);
  }

  /** Writes several; one that is refused does not keep the others out. */
  putInstances(host: HostId, instances: readonly Instance[]): Promise<readonly InstanceOutcome[]> {
    return putInstances(this.#context, host, instances);
  }

  /** Removes an instance of `host`; one that is not there is removed already. NOT_PERMITTED. */
  removeInstance(host: HostId, machineId: MachineId): Promise<void> {
    return removeInstance(this.#context, host, machineId);
  }

  /**
   * All hosts, and the given networks with all that is in them: a snapshot after a reset, then
   * every change. Goes on from `after` when the registry still knows what followed it, provided
   * that it was reached with at least these networks. Pulls as it is read, so a slow reader costs
   * no memory. Ends without an error when `signal` aborts. Rejects with REGISTRY_EMPTY or
   * REGISTRY_CLOSED, at the first step, where there is no site.
   */
  follow(
    networks: ReadonlySet<NetworkId>,
    after: FollowPosition | undefined,
    signal: AbortSignal,
  ): AsyncIterable<FollowEvent> {
    return follow(this.#broadcast, networks, after, signal);
  }

  /** The same as text: chunks of lines of JSON, shared by all who follow. */
  followText(
    networks: ReadonlySet<NetworkId>,
    after: FollowPosition | undefined,
    signal: AbortSignal,
  ): Following {
    return this.#broadcast.follow(networks, after, signal);
  }

  /**
   * Every change after `after`, or from now on, until `signal` aborts. The first value tells where
   * it begins, and nothing else. Rejects with REVISION_FORGOTTEN, also in the middle for a reader
   * that is too slow.
   */
  changes(after: Revision | undefined, signal: AbortSignal): AsyncIterable<RegistryChange> {
    return changesOf(this.#context.store, after, signal);
  }
}

// What the API asks of the registry, answered on a server: the caller's authority first, then the
// registry's own rules, then the records as the API shows them.

import type { HostId } from '../addressing/ids.ts';
import type { AppCreated, AppFilter, AppList, AppView } from '../api/contract/apps.ts';
import type { AuditList, EventView } from '../api/contract/events.ts';
import type { HostList, HostView, Rehoming } from '../api/contract/hosts.ts';
import type { InstanceFilter, InstanceView } from '../api/contract/instances.ts';
import type { CreateInvite, InviteCreated, InviteList } from '../api/contract/invites.ts';
import type {
  CreateNetwork,
  NetworkFilter,
  NetworkList,
  NetworkView,
} from '../api/contract/networks.ts';
import type {
  CreateOrganization,
  OrganizationList,
  OrganizationView,
} from '../api/contract/organizations.ts';
import type { SiteKeyRotated, SiteUpdate, SiteView } from '../api/contract/site.ts';
import type {
  CreateWireguardPeer,
  WireguardFilter,
  WireguardPeerList,
  WireguardPeerView,
} from '../api/contract/wireguard.ts';
import { fitsFilter } from '../api/instance-filter.ts';
import type { RegistryService } from '../api/services.ts';
import type { Clock } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import type { NewApp } from '../registry/apps.ts';
import { type Action, authorize, type Principal } from '../registry/authority.ts';
import type { Network, Revision } from '../registry/model.ts';
import type { NetworkReference } from '../registry/networks.ts';
import type { Registry } from '../registry/registry.ts';
import type { PeerReference } from '../registry/wireguard/peers.ts';
import type { AuditLog } from './audit-log.ts';
import type { InviteDesk } from './invite-desk.ts';
import { formatRehoming, type RehomingToken } from './rehoming-token.ts';
import { serverPeer } from './server-keeper.ts';
import type { SiteKeyDesk } from './site-key.ts';
import {
  appSummary,
  appView,
  eventView,
  type HostSightings,
  hostView,
  instanceView,
  inviteView,
  networkView,
  organizationView,
  peerView,
  siteView,
} from './views.ts';

export interface LocalRegistryDependencies {
  readonly registry: Registry;
  /** This server. */
  readonly host: HostId;
  readonly invites: InviteDesk;
  readonly audit: Pick<AuditLog, 'last'>;
  readonly siteKey: Pick<SiteKeyDesk, 'rotate'>;
  readonly clock: Clock;
}

export class LocalRegistryService implements RegistryService {
  readonly #registry: Registry;
  readonly #host: HostId;
  readonly #invites: InviteDesk;
  readonly #audit: Pick<AuditLog, 'last'>;
  readonly #siteKey: Pick<SiteKeyDesk, 'rotate'>;
  readonly #clock: Clock;

  constructor(dependencies: LocalRegistryDependencies) {
    this.#registry = dependencies.registry;
    this.#host = dependencies.host;
    this.#invites = dependencies.invites;
    this.#audit = dependencies.audit;
    this.#siteKey = dependencies.siteKey;
    this.#clock = dependencies.clock;
  }

  async listOrganizations(principal: Principal): Promise<OrganizationList> {
    authorize(principal, 'read');
    const organizations = await this.#registry.listOrganizations();
    return { organizations: organizations.map(organizationView) };
  }

  async createOrganization(
    principal: Principal,
    request: CreateOrganization,
  ): Promise<OrganizationView> {
    authorize(principal, 'organization-write');
    return organizationView(await this.#registry.as(principal).createOrganization(request.name));
  }

  async listNetworks(principal: Principal, filter: NetworkFilter): Promise<NetworkList> {
    authorize(principal, 'read');
    const networks = await this.#registry.listNetworks(filter);
    return { networks: networks.map(networkView) };
  }

  async createNetwork(principal: Principal, request: CreateNetwork): Promise<NetworkView> {
    await this.#authorizeWrite(principal, 'network-write');
    const network = await this.#registry.as(principal).createNetwork({
      name: request.name,
      organization: request.organization,
      regionScoped: request.region_scoped,
    });
    return networkView(network);
  }

  async getNetwork(principal: Principal, reference: NetworkReference): Promise<NetworkView> {
    authorize(principal, 'read');
    return networkView(await this.#registry.findNetwork(reference));
  }

  async removeNetwork(principal: Principal, reference: NetworkReference): Promise<void> {
    await this.#authorizeWrite(principal, 'network-write');
    await this.#registry.as(principal).removeNetwork(reference);
  }

  async listApps(principal: Principal, filter: AppFilter): Promise<AppList> {
    authorize(principal, 'read');
    const organization = filter.org_slug === '' ? undefined : filter.org_slug;
    const [apps, networks, counts] = await Promise.all([
      this.#registry.listApps({ organization }),
      this.#networkNames(),
      this.#instanceCounts(),
    ]);
    const summaries = apps.map((app) =>
      appSummary(app, networks.get(app.network) ?? '', counts.get(app.name) ?? 0),
    );
    return { total_apps: summaries.length, apps: summaries };
  }

  async createApp(principal: Principal, request: NewApp): Promise<AppCreated> {
    await this.#authorizeWrite(principal, 'app-write');
    const { app } = await this.#registry.as(principal).createApp(request);
    return { id: app.name, created_at: app.createdAt };
  }

  async getApp(principal: Principal, name: string): Promise<AppView> {
    authorize(principal, 'read');
    const found = await this.#registry.lookupApp(name);
    if (found === undefined) {
      throw new P6nError('NOT_FOUND', `Cannot show app "${name}": there is none of that name`, {
        hint: '`p6nctl apps list` shows what there is.',
      });
    }
    const { app, network } = found;
    const instances = await this.#registry.listInstances({ app: name });
    return appView(app, network.name, instances.length);
  }

  async removeApp(
    principal: Principal,
    name: string,
    options: { readonly force: boolean },
  ): Promise<void> {
    await this.#authorizeWrite(principal, 'app-write');
    // What others run is not for the p6nctl of a host to end.
    const owner = principal.kind === 'host-operator' ? principal.host : undefined;
    await this.#registry.as(principal).removeApp(name, { ...options, owner });
  }

  async getSite(principal: Principal): Promise<SiteView> {
    authorize(principal, 'read');
    const site = await this.#registry.siteSettings.get();
    return siteView(site, await this.#registry.siteKeys.list());
  }

  async updateSite(principal: Principal, update: SiteUpdate): Promise<SiteView> {
    authorize(principal, 'site-write');
    const { host_operators_write: hostOperatorsWrite } = update;
    const site = await this.#registry.as(principal).siteSettings.update({ hostOperatorsWrite });
    return siteView(site, await this.#registry.siteKeys.list());
  }

  async rotateSiteKey(principal: Principal): Promise<SiteKeyRotated> {
    authorize(principal, 'site-key-write');
    const { signed, refused } = await this.#siteKey.rotate();
    return { site: await this.getSite(principal), signed, refused };
  }

  async listHosts(principal: Principal): Promise<HostList> {
    authorize(principal, 'read');
    const [hosts, sightings] = await Promise.all([this.#registry.listHosts(), this.#sightings()]);
    return { hosts: hosts.map((host) => hostView(host, sightings)) };
  }

  async getHost(principal: Principal, name: string): Promise<HostView> {
    authorize(principal, 'read');
    return hostView(await this.#registry.findHost(name), await this.#sightings());
  }

  async drainHost(principal: Principal, name: string, isDrained: boolean): Promise<HostView> {
    authorize(principal, 'host-drain');
    return hostView(
      await this.#registry.as(principal).drainHost(name, isDrained),
      await this.#sightings(),
    );
  }

  async rehomeHost(principal: Principal, name: string): Promise<Rehoming> {
    authorize(principal, 'invite-write');
    return { token: formatRehoming(await this.#rehomingToken(name)) };
  }

  async removeHost(
    principal: Principal,
    name: string,
    options: { readonly force: boolean },
  ): Promise<void> {
    authorize(principal, 'host-remove');
    await this.#registry.as(principal).removeHost(name, options);
  }

  async listPeers(principal: Principal, filter: WireguardFilter): Promise<WireguardPeerList> {
    authorize(principal, 'read');
    return { peers: (await this.#registry.wireguard.list(filter)).map(peerView) };
  }

  async createPeer(principal: Principal, request: CreateWireguardPeer): Promise<WireguardPeerView> {
    await this.#authorizeWrite(principal, 'peer-write');
    const { name, network, organization, public_key: publicKey } = request;
    // Behind the host whose operator asks, where no other is named.
    const asking = principal.kind === 'host-operator' ? principal.host : this.#host;
    const created = await this.#registry.as(principal).wireguard.create({
      ...{ name, publicKey, network: { name: network, organization } },
      host: request.host ?? asking,
    });
    return peerView(created);
  }

  async getPeer(principal: Principal, reference: PeerReference): Promise<WireguardPeerView> {
    authorize(principal, 'read');
    return peerView(await this.#registry.wireguard.find(reference));
  }

  async removePeer(principal: Principal, reference: PeerReference): Promise<void> {
    await this.#authorizeWrite(principal, 'peer-write');
    await this.#registry.as(principal).wireguard.remove(reference);
  }

  async listInvites(principal: Principal): Promise<InviteList> {
    authorize(principal, 'invite-read');
    const [invites, hosts] = await Promise.all([this.#registry.listInvites(), this.#hostNames()]);
    const now = this.#clock.wallNow();
    return { invites: invites.map((invite) => inviteView(invite, hosts, now)) };
  }

  async createInvite(principal: Principal, request: CreateInvite): Promise<InviteCreated> {
    const { region, ttl_ms: ttlMs, role } = request;
    authorize(principal, role === 'server' ? 'server-invite-write' : 'invite-write');
    const { invite, token } = await this.#invites.create(principal, { region, ttlMs, role });
    return { invite: inviteView(invite, await this.#hostNames(), this.#clock.wallNow()), token };
  }

  async revokeInvite(principal: Principal, number: number): Promise<void> {
    authorize(principal, 'invite-write');
    await this.#invites.revoke(principal, number);
  }

  async *events(
    principal: Principal,
    after: Revision | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<EventView> {
    authorize(principal, 'event-read');
    let isFirst = true;
    for await (const change of this.#registry.changes(after, signal)) {
      // The first one says where the feed begins; of the others, some are of no object.
      if (isFirst || change.objects.length > 0) yield eventView(change);
      isFirst = false;
    }
  }

  async audit(principal: Principal, count: number): Promise<AuditList> {
    authorize(principal, 'audit-read');
    return { entries: await this.#audit.last(count) };
  }

  async listInstances(
    principal: Principal,
    filter: InstanceFilter,
  ): Promise<{ readonly instances: readonly InstanceView[] }> {
    authorize(principal, 'read');
    const [instances, networks, hosts] = await Promise.all([
      this.#registry.listInstances({ app: filter.app }),
      this.#networkNames(),
      this.#hostNames(),
    ]);
    const views = instances.map((instance) =>
      instanceView(instance, networks.get(instance.network) ?? '', hosts.get(instance.host) ?? ''),
    );
    return { instances: views.filter((view) => fitsFilter(view, filter)) };
  }

  /** Of what the site may keep from the p6nctl of its hosts. */
  async #authorizeWrite(principal: Principal, action: Action): Promise<void> {
    const { siteSettings } = this.#registry;
    const settings = principal.kind === 'host-operator' ? await siteSettings.get() : undefined;
    authorize(principal, action, undefined, settings);
  }

  async #rehomingToken(name: string): Promise<RehomingToken> {
    const { id, role } = await this.#registry.findHost(name);
    if (role === 'server') {
      throw new P6nError('VALUE_INVALID', `Cannot lead host "${name}" to its servers: it is one`);
    }
    const hosts = await this.#registry.listHosts();
    const servers = hosts.filter((host) => host.role === 'server').map(serverPeer);
    return { host: id, servers, siteKeys: await this.#registry.siteKeys.list() };
  }

  async #sightings(): Promise<HostSightings> {
    const { leases, absences } = this.#registry;
    const [leased, absent] = await Promise.all([leases.list(), absences.list()]);
    return {
      leased: new Set(leased.map(({ host }) => host)),
      absences: new Map(absent.map((absence) => [absence.host, absence])),
      lastSeen: (host) => leases.lastSeen(host),
    };
  }

  async #hostNames(): Promise<ReadonlyMap<HostId, string>> {
    return new Map((await this.#registry.listHosts()).map((host) => [host.id, host.name]));
  }

  async #networkNames(): Promise<ReadonlyMap<Network['id'], string>> {
    const networks = await this.#registry.listNetworks();
    return new Map(networks.map((network) => [network.id, network.name]));
  }

  async #instanceCounts(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const { app } of await this.#registry.listInstances()) {
      counts.set(app, (counts.get(app) ?? 0) + 1);
    }
    return counts;
  }
}

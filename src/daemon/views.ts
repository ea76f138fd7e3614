// The registry's records as the API shows them.

import type { HostId } from '../addressing/ids.ts';
import {
  hostAddress,
  networkNameserverAddress,
  networkPrefix,
  wireguardPeerAddress,
} from '../addressing/layout.ts';
import type { AppStatus, AppSummary, AppView } from '../api/contract/apps.ts';
import type { EventView } from '../api/contract/events.ts';
import type { HostView } from '../api/contract/hosts.ts';
import type { InstanceView } from '../api/contract/instances.ts';
import type { InviteView } from '../api/contract/invites.ts';
import type { NetworkView } from '../api/contract/networks.ts';
import type { OrganizationView } from '../api/contract/organizations.ts';
import { formatRevision } from '../api/contract/revision.ts';
import type { SiteView } from '../api/contract/site.ts';
import type { WireguardPeerView } from '../api/contract/wireguard.ts';
import type { WallMillis } from '../base/clock.ts';
import type { RegistryChange } from '../registry/feed/changes.ts';
import type {
  App,
  Host,
  HostAbsence,
  Instance,
  Invite,
  Network,
  Organization,
  Site,
  SiteKey,
} from '../registry/model.ts';
import type { PeerOnGateway } from '../registry/wireguard/peers.ts';

export function siteView(site: Site, keys: readonly SiteKey[]): SiteView {
  return {
    id: site.id,
    keys: keys.map(({ generation, publicKey, createdAt }) => ({
      generation,
      public_key: publicKey,
      created_at: createdAt,
    })),
    host_operators_write: site.hostOperatorsWrite,
    created_at: site.createdAt,
  };
}

export function organizationView(organization: Organization): OrganizationView {
  return { name: organization.name, created_at: organization.createdAt };
}

export function networkView(network: Network): NetworkView {
  return {
    id: network.id,
    name: network.name,
    organization: network.organization,
    prefix: networkPrefix(network.id),
    region_scoped: network.regionScoped,
    created_at: network.createdAt,
  };
}

/** `network` is the name of the app's network. */
export function appSummary(app: App, network: string, instances: number): AppSummary {
  return {
    id: app.name,
    name: app.name,
    machine_count: instances,
    volume_count: 0,
    network,
    organization: { name: app.organization, slug: app.organization },
  };
}

export function appView(app: App, network: string, instances: number): AppView {
  const status: AppStatus = instances > 0 ? 'deployed' : 'pending';
  return { ...appSummary(app, network, instances), status, created_at: app.createdAt };
}

/** What servers know of whether a host is there. */
export interface HostSightings {
  readonly absences: ReadonlyMap<HostId, HostAbsence>;
  readonly leased: ReadonlySet<HostId>;
  readonly lastSeen: (host: HostId) => WallMillis | undefined;
}

export function hostView(host: Host, sightings: HostSightings): HostView {
  const { id, drainedAt, observed = {} } = host;
  const absence = sightings.absences.get(id);
  const isAlive = sightings.leased.has(id);
  const lastSeenAt = sightings.lastSeen(id) ?? absence?.since;
  const other = absence === undefined ? 'unknown' : 'absent';
  return {
    id: host.id,
    name: host.name,
    region: host.region,
    role: host.role,
    address: hostAddress(host.id),
    public_key: host.publicKey,
    key_generation: host.generation,
    endpoints: host.endpoints,
    observed_endpoints: Object.values(observed),
    liveness: isAlive ? 'alive' : other,
    ...(lastSeenAt === undefined ? {} : { last_seen_at: lastSeenAt }),
    ...(drainedAt === undefined ? {} : { drained_at: drainedAt }),
    created_at: host.createdAt,
  };
}

/** `hosts` are names by id; `now` decides between open and expired. */
export function inviteView(
  invite: Invite,
  hosts: ReadonlyMap<number, string>,
  now: WallMillis,
): InviteView {
  const usedBy = invite.use === undefined ? undefined : hosts.get(invite.use.host);
  const unused = invite.expiresAt <= now ? 'expired' : 'open';
  return {
    number: invite.number,
    server: hosts.get(invite.server) ?? String(invite.server),
    address: wireguardPeerAddress(0 as Network['id'], invite.server, invite.number),
    state: invite.use === undefined ? unused : 'used',
    created_at: invite.createdAt,
    expires_at: invite.expiresAt,
    ...(invite.region === undefined ? {} : { region: invite.region }),
    ...(usedBy === undefined ? {} : { used_by: usedBy }),
  };
}

export function peerView({ peer, network, host, gateway }: PeerOnGateway): WireguardPeerView {
  const known = gateway && { public_key: gateway.publicKey, endpoints: gateway.endpoints };
  return {
    name: peer.name,
    network: network.name,
    network_id: network.id,
    organization: network.organization,
    host: host.name,
    host_id: host.id,
    address: wireguardPeerAddress(network.id, host.id, peer.number),
    public_key: peer.publicKey,
    prefix: networkPrefix(network.id),
    nameserver: networkNameserverAddress(network.id),
    ...(known === undefined ? {} : { gateway: known }),
    created_at: peer.createdAt,
  };
}

/** `network` and `host` are names. */
export function instanceView(instance: Instance, network: string, host: string): InstanceView {
  return {
    id: instance.machineId,
    name: instance.name,
    app: instance.app,
    network,
    network_id: instance.network,
    host,
    host_id: instance.host,
    region: instance.region,
    group: instance.group,
    address: instance.address,
    state: instance.state,
    metadata: instance.metadata,
    ...(instance.services === undefined ? {} : { services: instance.services }),
    ...(instance.checks === undefined ? {} : { checks: instance.checks }),
    ...(instance.health === undefined ? {} : { health: instance.health }),
    created_at: instance.createdAt,
    updated_at: instance.updatedAt,
  };
}

export function eventView({ accounts, objects, revision }: RegistryChange): EventView {
  const at = accounts.at(-1)?.at;
  return {
    revision: formatRevision(revision),
    ...(at === undefined ? {} : { at }),
    objects: objects.map(({ record, ...object }) =>
      record === undefined ? object : { ...object, record },
    ),
  };
}

// The registry as a host sees it that is no server: each question goes through the mesh to a
// server, on behalf of this host's p6nctl. What only a server's own operator may do is refused
// here, with the name of a server to go to.

import { P6nError } from '../base/errors.ts';
import type { NewApp } from '../registry/apps.ts';
import type { Principal } from '../registry/authority.ts';
import type { Revision } from '../registry/model.ts';
import type { NetworkReference } from '../registry/networks.ts';
import type { PeerReference } from '../registry/wireguard/peers.ts';
import type { ApiClient } from './client.ts';
import type { AppCreated, AppFilter, AppList, AppView } from './contract/apps.ts';
import type { AuditList, EventView } from './contract/events.ts';
import type { HostList, HostView, Rehoming } from './contract/hosts.ts';
import type { InstanceFilter, InstanceList } from './contract/instances.ts';
import type { InviteCreated, InviteList } from './contract/invites.ts';
import type {
  CreateNetwork,
  NetworkFilter,
  NetworkList,
  NetworkView,
} from './contract/networks.ts';
import type { OrganizationList, OrganizationView } from './contract/organizations.ts';
import type { SiteKeyRotated, SiteView } from './contract/site.ts';
import type {
  CreateWireguardPeer,
  WireguardFilter,
  WireguardPeerList,
  WireguardPeerView,
} from './contract/wireguard.ts';
import type { RegistryService } from './services.ts';

/** The calls of ApiClient that are used. */
export type RegistryClient = Pick<
  ApiClient,
  'organizations' | 'networks' | 'apps' | 'site' | 'hosts' | 'wireguard' | 'events' | 'instances'
>;

/** A server and the client that asks it, marked as asking for this host's p6nctl. */
export interface RemoteServer {
  readonly name: string;
  readonly client: RegistryClient;
}

export class RemoteRegistryService implements RegistryService {
  readonly #servers: () => readonly RemoteServer[];

  /** `servers` tells the servers that are known now, the one to ask first in front. */
  constructor(servers: () => readonly RemoteServer[]) {
    this.#servers = servers;
  }

  listOrganizations(): Promise<OrganizationList> {
    return this.#read((client) => client.organizations.list());
  }

  createOrganization(): Promise<OrganizationView> {
    return this.#refuse('create an organization');
  }

  listNetworks(_: Principal, filter: NetworkFilter): Promise<NetworkList> {
    return this.#read((client) => client.networks.list(filter));
  }

  createNetwork(_: Principal, request: CreateNetwork): Promise<NetworkView> {
    return this.#write((client) => client.networks.create(request));
  }

  getNetwork(_: Principal, reference: NetworkReference): Promise<NetworkView> {
    return this.#read((client) => client.networks.get(reference));
  }

  removeNetwork(_: Principal, reference: NetworkReference): Promise<void> {
    return this.#write((client) => client.networks.remove(reference));
  }

  listApps(_: Principal, filter: AppFilter): Promise<AppList> {
    return this.#read((client) => client.apps.list(filter));
  }

  createApp(_: Principal, request: NewApp): Promise<AppCreated> {
    const { name, network, organization } = request;
    const body = {
      app_name: name,
      ...(organization === undefined ? {} : { org_slug: organization }),
      ...(network === undefined ? {} : { network }),
    };
    return this.#write((client) => client.apps.create(body));
  }

  getApp(_: Principal, name: string): Promise<AppView> {
    return this.#read((client) => client.apps.get(name));
  }

  removeApp(_: Principal, name: string, options: { readonly force: boolean }): Promise<void> {
    return this.#write((client) => client.apps.remove(name, options));
  }

  getSite(): Promise<SiteView> {
    return this.#read((client) => client.site.get());
  }

  updateSite(): Promise<SiteView> {
    return this.#refuse('change the site');
  }

  rotateSiteKey(): Promise<SiteKeyRotated> {
    return this.#refuse('change the site key');
  }

  listHosts(): Promise<HostList> {
    return this.#read((client) => client.hosts.list());
  }

  getHost(_: Principal, name: string): Promise<HostView> {
    return this.#read((client) => client.hosts.get(name));
  }

  drainHost(): Promise<HostView> {
    return this.#refuse('drain a host');
  }

  rehomeHost(): Promise<Rehoming> {
    return this.#refuse('lead a host to its servers');
  }

  removeHost(): Promise<void> {
    return this.#refuse('remove a host');
  }

  listPeers(_: Principal, filter: WireguardFilter): Promise<WireguardPeerList> {
    return this.#read((client) => client.wireguard.list(filter));
  }

  createPeer(_: Principal, request: CreateWireguardPeer): Promise<WireguardPeerView> {
    return this.#write((client) => client.wireguard.create(request));
  }

  getPeer(_: Principal, reference: PeerReference): Promise<WireguardPeerView> {
    return this.#read((client) => client.wireguard.get(reference));
  }

  removePeer(_: Principal, reference: PeerReference): Promise<void> {
    return this.#write((client) => client.wireguard.remove(reference));
  }

  listInvites(): Promise<InviteList> {
    return this.#refuse('list invites');
  }

  createInvite(): Promise<InviteCreated> {
    return this.#refuse('make an invite');
  }

  revokeInvite(): Promise<void> {
    return this.#refuse('revoke an invite');
  }

  async *events(
    _: Principal,
    after: Revision | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<EventView> {
    const [server] = this.#servers();
    if (server === undefined) throw noServer();
    yield* server.client.events.follow(after, signal);
  }

  audit(): Promise<AuditList> {
    return this.#refuse('show the audit');
  }

  listInstances(_: Principal, filter: InstanceFilter): Promise<InstanceList> {
    return this.#read((client) => client.instances.list(filter));
  }

  /** Asks one server after the other until one answers. */
  async #read<T>(ask: (client: RegistryClient) => Promise<T>): Promise<T> {
    let failure = noServer();
    for (const { client } of this.#servers()) {
      try {
        return await ask(client);
      } catch (error) {
        if (!(error instanceof P6nError) || error.code !== 'SERVER_UNREACHABLE') throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** Asks one server only: one that did not answer may have written all the same. */
  #write<T>(ask: (client: RegistryClient) => Promise<T>): Promise<T> {
    const [first] = this.#servers();
    return first === undefined ? Promise.reject(noServer()) : ask(first.client);
  }

  #refuse<T>(action: string): Promise<T> {
    const [first] = this.#servers();
    return Promise.reject(
      new P6nError('NOT_A_SERVER', `Cannot ${action}: this host is no server`, {
        hint:
          first === undefined
            ? 'Run the command on a server.'
            : `Run the command on host "${first.name}", which is a server.`,
      }),
    );
  }
}

function noServer(): P6nError {
  return new P6nError('SERVER_UNREACHABLE', 'Cannot ask a server: this host knows none', {
    hint: 'Join it to its site again, with an empty state folder and a new invite.',
  });
}

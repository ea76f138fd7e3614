// The API as typed calls, by nouns, for p6nctl over the unix socket and for hosts through the mesh.
// Loads neither schemas nor the server.

import { AppCalls } from './client/apps.ts';
import { Connection, type ConnectionOptions } from './client/connection.ts';
import { EventCalls } from './client/events.ts';
import { HostCalls, InviteCalls } from './client/hosts.ts';
import { InstanceCalls } from './client/instances.ts';
import { MachineCalls } from './client/machines.ts';
import { NameCalls } from './client/names.ts';
import { NetworkCalls, OrganizationCalls } from './client/networks.ts';
import { RegistryCalls } from './client/registry.ts';
import { SelfCalls } from './client/self.ts';
import { SiteCalls } from './client/site.ts';
import { ThisHostCalls } from './client/this-host.ts';
import { TokenCalls } from './client/tokens.ts';
import { VisitCalls } from './client/visits.ts';
import { WireguardCalls } from './client/wireguard.ts';

/** Some calls of one noun, for those who need no others. */
export type ClientPart<N extends keyof ApiClient, C extends keyof ApiClient[N]> = {
  readonly [K in N]: Pick<ApiClient[K], C>;
};

/** Every call rejects with P6nErrors: those of p6nd, or that it cannot be reached. */
export class ApiClient {
  readonly organizations: OrganizationCalls;
  readonly networks: NetworkCalls;
  readonly apps: AppCalls;
  readonly machines: MachineCalls;
  readonly instances: InstanceCalls;
  readonly site: SiteCalls;
  readonly hosts: HostCalls;
  readonly invites: InviteCalls;
  readonly tokens: TokenCalls;
  readonly wireguard: WireguardCalls;
  readonly visits: VisitCalls;
  readonly registry: RegistryCalls;
  readonly events: EventCalls;
  readonly names: NameCalls;
  /** The host that is asked. */
  readonly host: ThisHostCalls;
  /** The host that asks. */
  readonly self: SelfCalls;

  constructor(options: ConnectionOptions) {
    const connection = new Connection(options);
    this.organizations = new OrganizationCalls(connection);
    this.networks = new NetworkCalls(connection);
    this.apps = new AppCalls(connection);
    this.machines = new MachineCalls(connection);
    this.instances = new InstanceCalls(connection);
    this.site = new SiteCalls(connection);
    this.hosts = new HostCalls(connection);
    this.invites = new InviteCalls(connection);
    this.tokens = new TokenCalls(connection);
    this.wireguard = new WireguardCalls(connection);
    this.visits = new VisitCalls(connection);
    this.registry = new RegistryCalls(connection);
    this.events = new EventCalls(connection);
    this.names = new NameCalls(connection);
    this.host = new ThisHostCalls(connection);
    this.self = new SelfCalls(connection);
  }
}

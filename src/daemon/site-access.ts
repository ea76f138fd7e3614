// How this host's agent reaches the truth of the site: on a server its own registry, elsewhere the
// servers through the mesh. Both have one form, so nothing else asks which it is.

import type { HostId } from '../addressing/ids.ts';
import type { AppLookup, InstanceWriter } from '../agent/ports.ts';
import type { ApiClient } from '../api/client.ts';
import { FewConnections, KeptConnections } from '../api/connections.ts';
import type { Heartbeat, HostUpdate, NextKey, NextKeyState } from '../api/contract/hosts.ts';
import type { GatewayUpdate } from '../api/contract/wireguard.ts';
import { RemoteRegistryService, type RemoteServer } from '../api/remote-registry.ts';
import type { RegistryService } from '../api/services.ts';
import { P6nError } from '../base/errors.ts';
import type { FollowTransport } from '../follower/follower.ts';
import type { KnownIds } from '../registry/closure.ts';
import type { FollowEvent } from '../registry/model.ts';
import type { Registry } from '../registry/registry.ts';
import { idsReports } from './known-ids.ts';
import { meshClient } from './mesh-client.ts';
import type { ServerChoice } from './server-choice.ts';

export interface SiteAccess {
  readonly transport: FollowTransport;
  readonly apps: AppLookup;
  readonly writer: InstanceWriter;
  readonly registry: RegistryService;
  /** Tells the site what this host says of itself. */
  announce(update: HostUpdate): Promise<void>;
  /** Tells the site by what this host serves its WireGuard peers. */
  announceGateway(update: GatewayUpdate): Promise<void>;
  readonly self: HostSelf;
}

/** What a host tells and asks servers about itself. */
export interface HostSelf {
  heartbeat(heartbeat: Heartbeat): Promise<void>;
  publishNextKey(key: NextKey): Promise<void>;
  nextKeyState(): Promise<NextKeyState>;
  withdrawNextKey(): Promise<void>;
  switchKey(key: NextKey): Promise<void>;
  /** Tells the site which ids this host knows to be given out. */
  reportIds(known: KnownIds): Promise<void>;
}

/** A server's access to its own registry; `service` answers its operator. */
export function localAccess(
  registry: Registry,
  service: RegistryService,
  host: HostId,
): SiteAccess {
  const own = registry.as({ kind: 'host', host });
  return {
    transport: registry,
    apps: registry,
    registry: service,
    writer: {
      putInstance: async (instance) => void (await own.putInstance(host, instance)),
      removeInstance: (machineId) => own.removeInstance(host, machineId),
    },
    announce: async (update) => void (await own.updateHost(host, update)),
    announceGateway: async ({ public_key: publicKey, endpoints }) =>
      void (await own.wireguard.publishGateway({ host, publicKey, endpoints })),
    self: {
      heartbeat: ({ acknowledged }) => registry.leases.renew(host, host, acknowledged),
      publishNextKey: async (key) => void (await own.publishNextKey(host, key.public_key)),
      nextKeyState: () => registry.nextKeyState(host),
      withdrawNextKey: async () => void (await own.withdrawNextKey(host)),
      switchKey: async (key) => void (await own.switchKey(host, key.public_key)),
      reportIds: async (known) => void (await registry.custody.takeOver(host, known)),
    },
  };
}

/**
 * A host's access before it is open: whoever asks waits until it is. Packets and names do not need
 * it, so what they need starts first.
 */
export class OpeningAccess implements Pick<SiteAccess, 'transport' | 'apps' | 'writer'> {
  readonly #opened: Promise<SiteAccess>;
  #settle: {
    readonly open: (access: SiteAccess) => void;
    readonly fail: (error: P6nError) => void;
  };

  constructor() {
    let open: (access: SiteAccess) => void = () => undefined;
    let fail: (error: P6nError) => void = () => undefined;
    this.#opened = new Promise((resolve, reject) => {
      open = resolve;
      fail = reject;
    });
    // Nobody may be waiting.
    this.#opened.catch(() => undefined);
    this.#settle = { open, fail };
  }

  open(access: SiteAccess): void {
    this.#settle.open(access);
  }

  /** Whoever still waits has waited in vain. */
  stop(): void {
    this.#settle.fail(new P6nError('REGISTRY_UNAVAILABLE', 'Cannot ask the registry: p6nd ends'));
  }

  readonly apps: AppLookup = {
    lookupApp: async (name) => (await this.#opened).apps.lookupApp(name),
  };
  readonly writer: InstanceWriter = {
    putInstance: async (instance) => (await this.#opened).writer.putInstance(instance),
    removeInstance: async (machineId) => (await this.#opened).writer.removeInstance(machineId),
  };
  readonly transport: FollowTransport = { follow: (...question) => this.#follow(...question) };

  async *#follow(...question: Parameters<FollowTransport['follow']>): AsyncIterable<FollowEvent> {
    yield* (await this.#opened).transport.follow(...question);
  }
}

/** A host's access to the servers of `choice`; `secret` proves the host. */
export function remoteAccess(
  host: HostId,
  secret: string | undefined,
  choice: ServerChoice,
): SiteAccess {
  const caller = { host, secret };
  // What this host says of itself may be said twice.
  const connections = new KeptConnections();
  const client = (server: HostId): ApiClient => meshClient(server, { ...caller, connections });
  // What p6nctl and tokens ask leaves it connections of its own.
  const asked = { ...caller, operator: true, connections: new FewConnections() };
  const remotes = (): RemoteServer[] =>
    choice.inOrder().map(({ hostId, name }) => ({
      name,
      client: meshClient(hostId, asked),
    }));
  return {
    transport: {
      follow: (networks, after, signal) =>
        choice.follow((server) => client(server).self.follow(networks, after, signal)),
    },
    apps: { lookupApp: (name) => choice.ask((server) => client(server).self.lookupApp(name)) },
    registry: new RemoteRegistryService(remotes),
    writer: {
      putInstance: (instance) => choice.ask((server) => client(server).self.putInstance(instance)),
      removeInstance: (id) => choice.ask((server) => client(server).self.removeInstance(id)),
    },
    announce: (update) => choice.ask((server) => client(server).self.update(update)),
    announceGateway: (update) => choice.ask((server) => client(server).self.updateGateway(update)),
    self: {
      heartbeat: (heartbeat) => choice.ask((server) => client(server).self.heartbeat(heartbeat)),
      publishNextKey: (key) => choice.ask((server) => client(server).self.publishNextKey(key)),
      nextKeyState: () => choice.ask((server) => client(server).self.nextKeyState()),
      withdrawNextKey: () => choice.ask((server) => client(server).self.withdrawNextKey()),
      switchKey: (key) => choice.ask((server) => client(server).self.switchKey(key)),
      reportIds: async (known) => {
        for (const report of idsReports(known)) {
          await choice.ask((server) => client(server).self.reportIds(report));
        }
      },
    },
  };
}

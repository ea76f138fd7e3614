// What a server does for hosts: the feed of changes, their own writes, and the proof of who they
// are.

import type { HostId, MachineId, NetworkId } from '../addressing/ids.ts';
import type { Heartbeat, HostUpdate, NextKey, NextKeyState } from '../api/contract/hosts.ts';
import type { KnownIdsReport } from '../api/contract/registry.ts';
import type { SiteKeySecret } from '../api/contract/site.ts';
import type { GatewayUpdate } from '../api/contract/wireguard.ts';
import type { ChunkFeed } from '../api/feed-reply.ts';
import type { FollowService, HostAuthenticator, HostWriteService } from '../api/services.ts';
import { P6nError } from '../base/errors.ts';
import { type Action, authorize, type Principal } from '../registry/authority.ts';
import type { AppOnNetwork, FollowPosition, Instance } from '../registry/model.ts';
import type { Registry } from '../registry/registry.ts';
import { knownIds } from './known-ids.ts';
import type { SiteKeyDesk } from './site-key.ts';

export class SiteServices implements FollowService, HostWriteService, HostAuthenticator {
  readonly #registry: Registry;

  readonly #server: HostId;
  readonly #siteKey: Pick<SiteKeyDesk, 'handOver'>;

  /** `server` is this host. */
  constructor(registry: Registry, server: HostId, siteKey: Pick<SiteKeyDesk, 'handOver'>) {
    this.#registry = registry;
    this.#server = server;
    this.#siteKey = siteKey;
  }

  async lookupApp(principal: Principal, name: string): Promise<AppOnNetwork | undefined> {
    authorize(principal, 'read');
    return await this.#registry.lookupApp(name);
  }

  follow(
    principal: Principal,
    networks: ReadonlySet<NetworkId>,
    after: FollowPosition | undefined,
    signal: AbortSignal,
  ): ChunkFeed {
    authorize(principal, 'follow');
    return this.#registry.followText(networks, after, signal);
  }

  async updateHost(principal: Principal, update: HostUpdate): Promise<void> {
    await this.#registry.as(principal).updateHost(requireHost(principal, 'host-update'), update);
  }

  async updateGateway(
    principal: Principal,
    { public_key: publicKey, endpoints }: GatewayUpdate,
  ): Promise<void> {
    const host = requireHost(principal, 'host-update');
    const { wireguard } = this.#registry.as(principal);
    await wireguard.publishGateway({ host, publicKey, endpoints });
  }

  async heartbeat(principal: Principal, { acknowledged }: Heartbeat): Promise<void> {
    const host = requireHost(principal, 'host-update');
    await this.#registry.leases.renew(host, this.#server, acknowledged);
  }

  async publishNextKey(principal: Principal, key: NextKey): Promise<void> {
    const host = requireHost(principal, 'host-update');
    await this.#registry.as(principal).publishNextKey(host, key.public_key);
  }

  async nextKeyState(principal: Principal): Promise<NextKeyState> {
    const host = requireHost(principal, 'host-update');
    return await this.#registry.nextKeyState(host);
  }

  async withdrawNextKey(principal: Principal): Promise<void> {
    const host = requireHost(principal, 'host-update');
    await this.#registry.as(principal).withdrawNextKey(host);
  }

  async switchKey(principal: Principal, key: NextKey): Promise<void> {
    const host = requireHost(principal, 'host-update');
    await this.#registry.as(principal).switchKey(host, key.public_key);
  }

  async siteKey(principal: Principal): Promise<SiteKeySecret> {
    const host = requireHost(principal, 'site-key-read');
    return await this.#siteKey.handOver(host);
  }

  async reportIds(principal: Principal, report: KnownIdsReport): Promise<void> {
    const host = requireHost(principal, 'host-update');
    await this.#registry.custody.takeOver(host, knownIds(report));
  }

  async putInstance(principal: Principal, instance: Instance): Promise<void> {
    await this.#registry
      .as(principal)
      .putInstance(requireHost(principal, 'instance-write'), instance);
  }

  async removeInstance(principal: Principal, machineId: MachineId): Promise<void> {
    await this.#registry
      .as(principal)
      .removeInstance(requireHost(principal, 'instance-write'), machineId);
  }

  isHostSecret(host: HostId, secret: string): Promise<boolean> {
    return this.#registry.verifyHostSecret(host, secret);
  }
}

/** A host writes what is its own, so who is no host has nothing to write. */
function requireHost(principal: Principal, action: Action): HostId {
  authorize(principal, action, principal.kind === 'host' ? principal.host : undefined);
  if (principal.kind === 'host') return principal.host;
  throw new P6nError('NOT_PERMITTED', 'Cannot write what is of a host: the caller is none');
}

// Calls of a host's p6nd to a server: what it follows, and what it writes about itself.

import type { MachineId, NetworkId } from '../../addressing/ids.ts';
import { P6nError } from '../../base/errors.ts';
import type { AppOnNetwork, FollowEvent, FollowPosition, Instance } from '../../registry/model.ts';
import type { FollowLine } from '../contract/follow.ts';
import type { Heartbeat, HostUpdate, NextKey, NextKeyState } from '../contract/hosts.ts';
import type { KnownIdsReport } from '../contract/registry.ts';
import type { SiteKeySecret } from '../contract/site.ts';
import type { GatewayUpdate } from '../contract/wireguard.ts';
import { streamLines } from '../line-stream.ts';
import { Calls } from './connection.ts';
import { path, withQuery } from './paths.ts';

/**
 * Longest wait for a server that may be away, milliseconds. A try at one ends soon, as TCP itself
 * asks again ever more rarely, and another may answer; a host that heartbeats reach in vain for
 * longer is taken for absent.
 */
const AWAY_TIMEOUT_MS = 4_000;

export class SelfCalls extends Calls {
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
    const exchange = this.api.exchange('GET', target, { signal, timeoutMs: AWAY_TIMEOUT_MS });
    return streamLines<FollowLine>(exchange, { endless: true }) as AsyncIterable<FollowEvent>;
  }

  /** An app with its network, or undefined when there is none of that name. */
  async lookupApp(name: string): Promise<AppOnNetwork | undefined> {
    try {
      return await this.api.get<AppOnNetwork>(path('/v1/records/apps', name));
    } catch (error) {
      if (error instanceof P6nError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  update(update: HostUpdate): Promise<void> {
    return this.api.call('PATCH', '/v1/self', { body: update });
  }

  updateGateway(update: GatewayUpdate): Promise<void> {
    return this.api.call('PUT', '/v1/self/gateway', { body: update });
  }

  heartbeat(heartbeat: Heartbeat): Promise<void> {
    return this.api.post('/v1/self/heartbeat', heartbeat, AWAY_TIMEOUT_MS);
  }

  publishNextKey(key: NextKey): Promise<void> {
    return this.api.call('PUT', '/v1/self/next-key', { body: key });
  }

  nextKeyState(): Promise<NextKeyState> {
    return this.api.get('/v1/self/next-key');
  }

  withdrawNextKey(): Promise<void> {
    return this.api.delete('/v1/self/next-key');
  }

  switchKey(key: NextKey): Promise<void> {
    return this.api.post('/v1/self/switch-key', key);
  }

  /** The key that signs for the site; for servers alone. */
  siteKey(): Promise<SiteKeySecret> {
    return this.api.call('GET', '/v1/self/site-key', { timeoutMs: AWAY_TIMEOUT_MS });
  }

  putInstance(instance: Instance): Promise<void> {
    return this.api.call('PUT', path('/v1/self/instances', instance.machineId), { body: instance });
  }

  removeInstance(machineId: MachineId): Promise<void> {
    return this.api.delete(path('/v1/self/instances', machineId));
  }

  /** Says which ids this host knows to be given out. */
  reportIds(body: KnownIdsReport): Promise<void> {
    return this.api.post('/v1/self/ids', body);
  }
}

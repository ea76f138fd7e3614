// One look at this host: who it is, whom it reaches, what runs here and what was dropped.

import { INFRASTRUCTURE_NETWORK } from '../addressing/ids.ts';
import { hostAddress, wireguardPeerAddress } from '../addressing/layout.ts';
import type { HostLedger } from '../agent/host-ledger.ts';
import type { InstanceOperations } from '../agent/ports.ts';
import type {
  StatusGateway,
  StatusPeer,
  StatusRegistry,
  StatusView,
} from '../api/contract/status.ts';
import type { StatusService } from '../api/services.ts';
import type { WallMillis } from '../base/clock.ts';
import type { Dataplane, PeerStatus } from '../dataplane/dataplane.ts';
import type { EndpointAddress } from '../device/config.ts';
import type { Follower } from '../follower/follower.ts';
import { formatHostPort } from '../ip/host-port.ts';
import type { Nameserver } from '../nameserver/nameserver.ts';
import type { Principal } from '../registry/authority.ts';
import type { Invite } from '../registry/model.ts';
import type { AppliedConfig } from './applied-config.ts';
import type { Identity } from './identity.ts';
import type { KeyRotation } from './key-rotation.ts';

/** `filter_drop_other_network`, `device_drop_mac1`, `drop_tun_write`. */
const DROP_PATTERN = /^(?:(?<part>[a-z]+)_)?drop_(?<reason>.+)$/;

export interface StatusDependencies {
  readonly dataplane: Dataplane;
  /** What was asked of it last. */
  readonly applied: Pick<AppliedConfig, 'config'>;
  readonly follower: Follower;
  readonly ledger: Pick<HostLedger, 'current' | 'counters'>;
  readonly instances: InstanceOperations;
  readonly invites: () => readonly Invite[];
  readonly rotation: Pick<KeyRotation, 'waiting'>;
  /** Of a server: requests of others that they may not make. */
  readonly refusedRequests: () => number;
  readonly names: Pick<Nameserver, 'counters'>;
  /** Of a server: since when its registry does not answer; undefined while it does. */
  readonly registryAwaySince: () => WallMillis | undefined;
}

export interface StatusFacts {
  readonly version: string;
  readonly startedAt: WallMillis;
  readonly identity: Identity;
  /** The region in force. */
  readonly region: string;
  /** WireGuard public key of this host, base64. */
  readonly publicKey: () => string;
  readonly listenPort: number;
  readonly endpoints: readonly string[];
  readonly stateDir: string;
}

export class LocalStatusService implements StatusService {
  readonly #dependencies: StatusDependencies;
  readonly #facts: StatusFacts;

  constructor(dependencies: StatusDependencies, facts: StatusFacts) {
    this.#dependencies = dependencies;
    this.#facts = facts;
  }

  async status(_: Principal): Promise<StatusView> {
    const { dataplane, instances, ledger, names, rotation } = this.#dependencies;
    const { version, startedAt, identity, region, publicKey, listenPort, endpoints, stateDir } =
      this.#facts;
    const peers = await dataplane.peers();
    return {
      version,
      started_at: startedAt,
      host: {
        id: identity.hostId,
        name: identity.name,
        region,
        role: identity.role,
        address: hostAddress(identity.hostId),
        public_key: publicKey(),
        listen_port: listenPort,
        ...this.#gateway(),
        endpoints,
        state_dir: stateDir,
      },
      registry: this.#registry(),
      ...(rotation.waiting === undefined ? {} : { key_change: rotation.waiting }),
      peers: peers.map((peer) => this.#peer(peer)),
      instances: instances.list().map(({ instance, networkName }) => ({
        id: instance.machineId,
        name: instance.name,
        app: instance.app,
        network: networkName,
        address: instance.address,
        state: instance.state,
      })),
      drops: {
        ...dropsOf(dataplane.counters()),
        ...refusalsOf(ledger.counters()),
        ...withoutZeros({ requestsRefused: this.#dependencies.refusedRequests() }),
      },
      names: withoutZeros(names.counters()),
    };
  }

  #gateway(): { gateway?: StatusGateway } {
    const { applied, dataplane } = this.#dependencies;
    const port = applied.config.gateway?.listenPort;
    if (port === undefined) return {};
    return { gateway: { port, open: dataplane.gatewayPort === port } };
  }

  #registry(): StatusRegistry {
    const { follower, registryAwaySince } = this.#dependencies;
    const { revision, following: isFollowing } = follower.status();
    const following = isFollowing ? 'following' : 'unreachable';
    const since = registryAwaySince();
    const serving = since === undefined ? 'serving' : 'unavailable';
    return {
      state: this.#facts.identity.role === 'server' ? serving : following,
      ...(since === undefined ? {} : { since }),
      ...(revision === undefined ? {} : { revision: `${revision.incarnation}/${revision.number}` }),
    };
  }

  #peer(peer: PeerStatus): StatusPeer {
    const { publicKey, endpoint } = peer;
    return {
      ...this.#peerName(publicKey),
      public_key: publicKey,
      received_bytes: peer.receivedBytes,
      sent_bytes: peer.sentBytes,
      ...(endpoint === undefined ? {} : { endpoint: endpointText(endpoint) }),
      ...(peer.pathMtu === undefined ? {} : { path_mtu: peer.pathMtu }),
      ...(peer.lastHandshakeAt === undefined ? {} : { last_handshake_at: peer.lastHandshakeAt }),
    };
  }

  #peerName(publicKey: string): { name: string; address?: string } {
    const { ledger, invites } = this.#dependencies;
    for (const host of ledger.current().hosts) {
      if (host.publicKey === publicKey) return { name: host.name, address: hostAddress(host.id) };
    }
    for (const { name, network, host, number, ...peer } of ledger.current().wireguardPeers) {
      if (peer.publicKey !== publicKey) continue;
      return { name: `peer ${name}`, address: wireguardPeerAddress(network, host, number) };
    }
    const invite = invites().find((one) => one.publicKey === publicKey);
    if (invite === undefined) return { name: 'unknown' };
    const { server, number } = invite;
    return {
      name: `invite ${number}`,
      address: wireguardPeerAddress(INFRASTRUCTURE_NETWORK, server, number),
    };
  }
}

function endpointText({ address, port }: EndpointAddress): string {
  return formatHostPort({ host: address, port });
}

/** Drops by reason, in the words of `explain` where they are the filter's. */
function dropsOf(counters: Readonly<Record<string, number>>): Record<string, number> {
  const drops: Record<string, number> = {};
  for (const [name, count] of Object.entries(counters)) {
    const { part, reason = '' } = DROP_PATTERN.exec(name)?.groups ?? {};
    if (count === 0 || reason === '') continue;
    const words = reason.replaceAll('_', '-');
    drops[part === undefined || part === 'filter' ? words : `${part}-${words}`] = count;
  }
  return drops;
}

/** Records of hosts that are not believed, by the reason: `record-older-key`. */
function refusalsOf(counters: Readonly<Record<string, number>>): Record<string, number> {
  const refusals = Object.entries(counters).filter(([, count]) => count > 0);
  return Object.fromEntries(refusals.map(([reason, count]) => [`record-${reason}`, count]));
}

/** `tcpConnections` becomes `tcp-connections`, as the words of drops are written. */
function withoutZeros(counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => [name.replace(/[A-Z]/g, (one) => `-${one.toLowerCase()}`), count]),
  );
}

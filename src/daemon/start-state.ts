// What p6nd starts with before its agent has planned anything, and what the agent is told of this
// host.

import type { AgentIdentity, CopyView } from '../agent/ports.ts';
import { type DataplaneConfig, HOST_TUN } from '../dataplane/config.ts';
import type { KeyPair } from '../wireguard/identity.ts';
import type { DaemonConfig } from './config.ts';
import { isNearby } from './endpoints.ts';
import type { Identity } from './identity.ts';
import { HOST_DEVICE } from './machine.ts';
import type { SiteServer } from './server-choice.ts';

/** This host's copy of the registry, in its state folder. */
export const COPY_FILE = 'copy.json';

/** The region that this host is in: what it was told at this start, else what the site knows. */
export function regionInForce(
  { region }: Pick<DaemonConfig, 'region'>,
  identity: Identity,
): string {
  return region ?? identity.region;
}

/** A data plane without peers and instances: what is not known to be allowed is dropped. */
export function initialDataplane(
  config: DaemonConfig,
  identity: Identity,
  key: KeyPair,
): DataplaneConfig {
  const { listenPort, mtu } = config;
  return {
    listenPort,
    device: { privateKey: key.privateKey, peers: [] },
    filter: {
      hostId: identity.hostId,
      region: regionInForce(config, identity),
      extraHostAddresses: [],
      server: identity.role === 'server',
      hosts: [],
      networks: [],
      instances: [],
      wireguardPeers: [],
    },
    tuns: [{ tun: HOST_TUN, name: HOST_DEVICE, namespace: undefined, mtu, persistent: true }],
  };
}

export function agentIdentity(
  config: DaemonConfig,
  identity: Identity,
  key: KeyPair,
  endpoints: readonly string[],
  gateway: KeyPair | undefined,
): AgentIdentity {
  const { listenPort, gatewayPort, mtu } = config;
  return {
    ...(gateway && { gateway: { listenPort: gatewayPort, privateKey: gateway.privateKey } }),
    hostId: identity.hostId,
    region: regionInForce(config, identity),
    role: identity.role,
    privateKey: key.privateKey,
    listenPort,
    mtu,
    endpoints,
    // What somebody has configured is to be reached from wherever it matters.
    callsOut: config.endpoints.length === 0 && endpoints.every(isNearby),
    servers: identity.servers.map(({ hostId: id, ...server }) => ({ id, ...server })),
  };
}

/** The servers of the site: those of the copy, or of the identity while there is none. */
export function knownServers(
  identity: Identity,
  { hosts, revision }: Pick<CopyView, 'hosts' | 'revision'>,
): SiteServer[] {
  const servers = revision === undefined ? [] : [...hosts].filter(({ role }) => role === 'server');
  if (servers.length > 0) return servers.map(({ id, name }) => ({ hostId: id, name }));
  return identity.servers.map(({ hostId }) => ({ hostId, name: String(hostId) }));
}

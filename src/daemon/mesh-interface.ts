// The mesh device as wg(8) sees it: to be looked at, not to be changed, and without its keys. A
// peer that is a host shows as the addresses of its host in the infrastructure network, because a
// host id in the middle of an address is no prefix.

import type { HostId } from '../addressing/ids.ts';
import { hostAddress } from '../addressing/layout.ts';
import { toBase64 } from '../base/bytes.ts';
import { asP6nError, P6nError } from '../base/errors.ts';
import type { Stoppable } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import type { DataplaneConfig } from '../dataplane/config.ts';
import type { Dataplane, PeerStatus } from '../dataplane/dataplane.ts';
import type { InterfaceState, PeerState } from '../dataplane/standalone/config.ts';
import type { PeerConfig, PeerRoute } from '../device/config.ts';
import { ipv6Bytes } from '../ip/ipv6-address.ts';
import { formatPrefix, maskedPrefix } from '../ip/prefix.ts';
import { serveUapi, type UapiInterface } from '../uapi/server.ts';

/** Network and host id stand in the first 80 bits. */
const HOST_PREFIX_BITS = 80;

export interface MeshInterfaceDependencies {
  readonly dataplane: Pick<Dataplane, 'peers' | 'port'>;
  /** What the data plane was told last. */
  readonly applied: () => DataplaneConfig;
}

export class MeshInterface implements UapiInterface {
  readonly #dependencies: MeshInterfaceDependencies;

  constructor(dependencies: MeshInterfaceDependencies) {
    this.#dependencies = dependencies;
  }

  async state(): Promise<InterfaceState> {
    const { dataplane, applied } = this.#dependencies;
    const statuses = new Map((await dataplane.peers()).map((peer) => [peer.publicKey, peer]));
    const peers = applied().device.peers.map((peer) =>
      peerState(peer, statuses.get(toBase64(peer.publicKey))),
    );
    return { privateKey: undefined, listenPort: dataplane.port, mark: 0, peers };
  }

  change(): Promise<void> {
    const error = new P6nError('NOT_PERMITTED', 'Cannot change the mesh device: p6nd does');
    return Promise.reject(error);
  }
}

/**
 * Lets wg(8) look at the interface `name`; undefined where that cannot be, which is no reason not
 * to run: all network namespaces have one folder of sockets, and another p6nd may be in it.
 */
export async function serveMeshInterface(
  name: string,
  dependencies: MeshInterfaceDependencies,
  logger: Logger,
): Promise<Stoppable | undefined> {
  const device = new MeshInterface(dependencies);
  const resolveZone = (): undefined => undefined;
  try {
    const server = await serveUapi({ name, device, resolveZone, logger, staleWaitMs: 0 });
    return { stop: () => server.close() };
  } catch (error) {
    const { message } = asP6nError(error, 'Cannot listen for wg');
    logger.info('no socket for wg', { error: message });
    return undefined;
  }
}

function peerState(peer: PeerConfig, status: PeerStatus | undefined): PeerState {
  return {
    publicKey: peer.publicKey,
    presharedKey: undefined,
    endpoint: status?.endpoint,
    lastHandshakeAt: status?.lastHandshakeAt,
    sentBytes: status?.sentBytes ?? 0,
    receivedBytes: status?.receivedBytes ?? 0,
    persistentKeepalive: peer.persistentKeepaliveSeconds ?? 0,
    allowedIps: allowedIps(peer.route),
  };
}

function allowedIps(route: PeerRoute): readonly string[] {
  if (route.kind === 'prefixes') return route.prefixes;
  const address = ipv6Bytes(hostAddress(route.hostId as HostId));
  return [formatPrefix(maskedPrefix(address, HOST_PREFIX_BITS))];
}

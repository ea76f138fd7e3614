// This host as the gateway of WireGuard peers, for its operator: how each was heard last.

import type { PeerSession } from '../api/contract/wireguard.ts';
import type { GatewayService } from '../api/services.ts';
import type { Dataplane, PeerStatus } from '../dataplane/dataplane.ts';
import { formatHostPort } from '../ip/host-port.ts';

export class LocalGatewayService implements GatewayService {
  readonly #dataplane: Pick<Dataplane, 'peers'>;

  constructor(dataplane: Pick<Dataplane, 'peers'>) {
    this.#dataplane = dataplane;
  }

  async sessions(): Promise<ReadonlyMap<string, PeerSession>> {
    const peers = await this.#dataplane.peers();
    return new Map(peers.map((peer) => [peer.publicKey, sessionOf(peer)]));
  }
}

function sessionOf({ endpoint, lastHandshakeAt, ...bytes }: PeerStatus): PeerSession {
  return {
    ...(endpoint === undefined
      ? {}
      : { endpoint: formatHostPort({ host: endpoint.address, port: endpoint.port }) }),
    ...(lastHandshakeAt === undefined ? {} : { last_handshake_at: lastHandshakeAt }),
    received_bytes: bytes.receivedBytes,
    sent_bytes: bytes.sentBytes,
  };
}

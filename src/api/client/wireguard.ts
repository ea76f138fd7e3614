// Calls about WireGuard peers.

import type { PeerReference } from '../../registry/wireguard/peers.ts';
import type {
  CreateWireguardPeer,
  WireguardFilter,
  WireguardPeerList,
  WireguardPeerView,
} from '../contract/wireguard.ts';
import { Calls } from './connection.ts';
import { path, withQuery } from './paths.ts';

export class WireguardCalls extends Calls {
  list(filter: WireguardFilter = {}): Promise<WireguardPeerList> {
    return this.api.get(withQuery('/v1/wireguard', { ...filter }));
  }

  create(body: CreateWireguardPeer): Promise<WireguardPeerView> {
    return this.api.post('/v1/wireguard', body);
  }

  get(reference: PeerReference): Promise<WireguardPeerView> {
    return this.api.get(peerPath(reference));
  }

  remove(reference: PeerReference): Promise<void> {
    return this.api.delete(peerPath(reference));
  }
}

function peerPath({ name, network }: PeerReference): string {
  const query = { network: network.name, organization: network.organization };
  return withQuery(path('/v1/wireguard', name), query);
}

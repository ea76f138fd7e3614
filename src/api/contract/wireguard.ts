// WireGuard peers: laptops, and other machines that are no hosts. A name is unique in its network,
// so a path that names a peer takes `?network=` and, as paths of networks do, `&organization=`.

import { Type } from 'typebox';
import { ENDPOINTS_MAX } from './hosts.ts';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

/** By what a gateway serves its peers. */
export interface GatewayView {
  /** Base64. */
  readonly public_key: string;
  /** `HOST:PORT`, best first. */
  readonly endpoints: readonly string[];
}

/** How a peer was heard last, which its gateway alone knows. */
export interface PeerSession {
  readonly endpoint?: string;
  /** Milliseconds since 1970. */
  readonly last_handshake_at?: number;
  readonly received_bytes: number;
  readonly sent_bytes: number;
}

export interface WireguardPeerView {
  readonly name: string;
  readonly network: string;
  readonly network_id: number;
  readonly organization: string;
  /** Its gateway. */
  readonly host: string;
  readonly host_id: number;
  /** `fdaa:N:N:H:H:0:a:n`. */
  readonly address: string;
  /** Base64. */
  readonly public_key: string;
  /** `fdaa:N:N::/48`: what it reaches. */
  readonly prefix: string;
  /** `fdaa:N:N::3`. */
  readonly nameserver: string;
  /** Absent until the gateway has told its key. */
  readonly gateway?: GatewayView;
  /** Where the host that is asked is the gateway. */
  readonly session?: PeerSession;
  /** Milliseconds since 1970. */
  readonly created_at: number;
}

export interface WireguardPeerList {
  readonly peers: readonly WireguardPeerView[];
}

export interface CreateWireguardPeer {
  readonly name: string;
  readonly network: string;
  readonly organization?: string;
  /** The name of its gateway; the host that asks where absent. */
  readonly host?: string;
  /** Base64; the private half stays where it was made. */
  readonly public_key: string;
}

export interface WireguardFilter {
  readonly network?: string;
  readonly organization?: string;
}

/** By which key and where a host serves its peers. */
export interface GatewayUpdate {
  readonly public_key: string;
  readonly endpoints: readonly string[];
}

const BASE64_KEY = Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' });
const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

const peer = strictObject({
  name: Type.String(),
  network: Type.String(),
  network_id: Type.Integer(),
  organization: Type.String(),
  host: Type.String(),
  host_id: Type.Integer(),
  address: Type.String(),
  public_key: Type.String(),
  prefix: Type.String(),
  nameserver: Type.String(),
  gateway: Type.Optional(
    strictObject({ public_key: Type.String(), endpoints: Type.Array(Type.String()) }),
  ),
  session: Type.Optional(
    strictObject({
      endpoint: Type.Optional(Type.String()),
      last_handshake_at: Type.Optional(Type.Number()),
      received_bytes: Type.Number(),
      sent_bytes: Type.Number(),
    }),
  ),
  created_at: Type.Number(),
});

export const WIREGUARD_PEER_VIEW: Contract<WireguardPeerView> = contract<WireguardPeerView>()(peer);

export const WIREGUARD_PEER_LIST: Contract<WireguardPeerList> = contract<WireguardPeerList>()(
  strictObject({ peers: Type.Array(peer) }),
);

export const CREATE_WIREGUARD_PEER: Contract<CreateWireguardPeer> = contract<CreateWireguardPeer>()(
  strictObject({
    name: text,
    network: text,
    organization: Type.Optional(text),
    host: Type.Optional(text),
    public_key: BASE64_KEY,
  }),
);

export const WIREGUARD_FILTER: Contract<WireguardFilter> = contract<WireguardFilter>()(
  strictObject({ network: Type.Optional(text), organization: Type.Optional(text) }),
);

export const GATEWAY_UPDATE: Contract<GatewayUpdate> = contract<GatewayUpdate>()(
  strictObject({
    public_key: BASE64_KEY,
    endpoints: Type.Array(text, { maxItems: ENDPOINTS_MAX }),
  }),
);

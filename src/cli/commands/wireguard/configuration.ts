// The configuration of a WireGuard peer as wg-quick(8) and every other stock client read it, and
// the keys that stand in it.

import { generateKeyPairSync } from 'node:crypto';
import type { WireguardPeerView } from '../../../api/contract/wireguard.ts';

/** What a peer behind a NAT needs to be reached from instances. */
const KEEPALIVE_SECONDS = 25;
/** Clients refuse it as a key, so nobody forgets to put his own in its place. */
export const KEY_PLACEHOLDER = 'PUT-YOUR-PRIVATE-KEY-HERE';

/** Base64, both. */
export interface ClientKeys {
  /** A secret: it is printed once and kept nowhere. */
  readonly privateKey: string;
  readonly publicKey: string;
}

export function makeClientKeys(): ClientKeys {
  const { d = '', x = '' } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  return { privateKey: standard(d), publicKey: standard(x) };
}

export interface ConfigurationParts {
  readonly peer: WireguardPeerView;
  /** Undefined where the client keeps it. */
  readonly privateKey: string | undefined;
  /** `HOST:PORT` of the gateway. */
  readonly endpoint: string;
}

export function formatConfiguration({ peer, privateKey, endpoint }: ConfigurationParts): string {
  return `[Interface]
PrivateKey = ${privateKey ?? KEY_PLACEHOLDER}
Address = ${peer.address}/128
DNS = ${peer.nameserver}

[Peer]
PublicKey = ${peer.gateway?.public_key ?? ''}
AllowedIPs = ${peer.prefix}
Endpoint = ${endpoint}
PersistentKeepalive = ${KEEPALIVE_SECONDS}
`;
}

/** JSON Web Keys are in base64url without padding. */
function standard(text: string): string {
  return Buffer.from(text, 'base64url').toString('base64');
}

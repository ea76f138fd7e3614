// What a stand-alone WireGuard interface is told and tells of itself: the model behind wg(8).

import type { EndpointAddress } from '../../device/config.ts';
import type { Prefix } from '../../ip/prefix.ts';
import type { PrivateKey, PublicKey, SymmetricKey } from '../../wireguard/crypto/crypto.ts';

/** A change of the interface; what is absent stays as it is. */
export interface InterfaceChange {
  /** All zero to have none. */
  readonly privateKey?: PrivateKey;
  /** 0 for any free one. */
  readonly listenPort?: number;
  /** 0 for none. */
  readonly mark?: number;
  /** Whether all peers go before those of the change come. */
  readonly replacePeers: boolean;
  /** In order; a peer may be there more than once. */
  readonly peers: readonly PeerChange[];
}

export interface PeerChange {
  readonly publicKey: PublicKey;
  readonly remove: boolean;
  /** Whether nothing happens when there is no such peer. */
  readonly updateOnly: boolean;
  /** All zero to have none. */
  readonly presharedKey?: SymmetricKey;
  readonly endpoint?: EndpointAddress;
  /** Seconds, 0 for none. */
  readonly persistentKeepalive?: number;
  /** Whether all prefixes go before those of the change come. */
  readonly replaceAllowedIps: boolean;
  readonly allowedIps: readonly AllowedIpChange[];
}

export interface AllowedIpChange {
  readonly prefix: Prefix;
  /** Whether it is taken from the peer, if it is the peer's. */
  readonly remove: boolean;
}

export interface InterfaceState {
  readonly privateKey: PrivateKey | undefined;
  readonly listenPort: number;
  readonly mark: number;
  readonly peers: readonly PeerState[];
}

export interface PeerState {
  readonly publicKey: PublicKey;
  readonly presharedKey: SymmetricKey | undefined;
  readonly endpoint: EndpointAddress | undefined;
  /** Milliseconds since 1970, or undefined. */
  readonly lastHandshakeAt: number | undefined;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly persistentKeepalive: number;
  readonly allowedIps: readonly string[];
}

// What a device is told: its key, and for each peer the key, the endpoint, and what is routed to
// it; and what it tells of a peer.

import type { WallMillis } from '../base/clock.ts';
import type { PrivateKey, PublicKey, SymmetricKey } from '../wireguard/crypto/crypto.ts';

/**
 * Where datagrams go: an address in text with its port. Host names are resolved above the device.
 */
export interface EndpointAddress {
  /**
   * IPv4 dotted quad, or IPv6 text, with a zone where it is link-local (`fe80::1%eth0` by index:
   * `%2`).
   */
  readonly address: string;
  /** 1 to 65,535. */
  readonly port: number;
}

/** What a peer's tunnel carries. */
export type PeerRoute =
  /** Every address whose host field is `hostId`; two peers may share it while a key rotates. */
  | { readonly kind: 'host'; readonly hostId: number; readonly key: 'current' | 'next' }
  /** Allowed IPs: prefixes in text, `fdaa::1/128`. */
  | { readonly kind: 'prefixes'; readonly prefixes: readonly string[] };

export interface PeerConfig {
  readonly publicKey: PublicKey;
  readonly presharedKey?: SymmetricKey;
  /**
   * Absent for a peer that is only known once it has spoken. A change replaces a roamed endpoint.
   */
  readonly endpoint?: EndpointAddress;
  /** Where else it may be: tried as well while nothing is heard from it. */
  readonly alternatives?: readonly EndpointAddress[];
  /**
   * Where a peer that is new to the device was last; goes before `endpoint` until either changes.
   */
  readonly lastEndpoint?: EndpointAddress;
  /** Seconds between persistent keepalives; absent or 0 for none. */
  readonly persistentKeepaliveSeconds?: number;
  /** Whether it answers probes of the path: hosts of the mesh do. */
  readonly answersProbes?: boolean;
  readonly route: PeerRoute;
}

export interface DeviceConfig {
  readonly privateKey: PrivateKey;
  readonly peers: readonly PeerConfig[];
}

/** What a peer is apart from what is routed to it. */
export type PeerSettings = Omit<PeerConfig, 'route'>;

export interface PeerStatus {
  readonly endpoint: EndpointAddress | undefined;
  readonly lastHandshakeAt: WallMillis | undefined;
  /** Bytes of UDP payload, handshakes included. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** The longest packet that goes to it in one datagram; undefined when nothing is known. */
  readonly pathMtu: number | undefined;
}

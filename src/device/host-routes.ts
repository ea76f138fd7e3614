// Routes of a mesh: the host id stands in the address, so the peer of a destination is an array
// lookup. Peers with one address each (laptops, invites behind this host) stand beside the table.

import { NO_PEER, type PeerIndex, type Routes } from './routes.ts';

/** Where the host field of an address is and which values it has. */
export interface HostField {
  /** The first bytes of every address. */
  readonly prefix: Uint8Array;
  /** Offset of the 32-bit big-endian host field in the 16 bytes of an address. */
  readonly offset: number;
  readonly idMin: number;
  readonly hostsMax: number;
}

export type HostKey = 'current' | 'next';

export class HostRoutes implements Routes {
  readonly field: HostField;

  constructor(field: HostField) {
    this.field = field;
  }

  /** Routes every address of a host to `peer`, its current or its next key. */
  setHost(_hostId: number, _key: HostKey, _peer: PeerIndex): void {}

  /** Withdraws one key of a host. */
  removeHost(_hostId: number, _key: HostKey): void {}

  /** Routes one address (16 bytes) to `peer`; an earlier route of it is replaced. */
  setAddress(_address: Uint8Array, _peer: PeerIndex): void {}

  removeAddress(_address: Uint8Array): void {}

  peerForDestination(_bytes: Uint8Array, _offset: number): PeerIndex {
    return NO_PEER;
  }

  sourceBelongsTo(_peer: PeerIndex, _bytes: Uint8Array, _offset: number): boolean {
    return false;
  }

  handshakeCompleted(_peer: PeerIndex): void {}
}

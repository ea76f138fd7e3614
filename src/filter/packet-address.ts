// An address of a packet, taken apart by the plan of addressing/layout.ts once, so that the rules
// compare numbers. The same classification as `classifyAddress`, without text and without garbage.

import { HOST_ID_MAX, ID_MIN, INFRASTRUCTURE_NETWORK } from '../addressing/ids.ts';
import {
  HOST_OFFSET,
  HOST_SLOT,
  INSTANCE_OFFSET,
  NAMESERVER_SLOT,
  NETWORK_OFFSET,
  SERVICE_HOST_FIELD,
  SITE_PREFIX,
  SLOT_OFFSET,
  WIREGUARD_PEER_FIELD,
} from '../addressing/layout.ts';
import { readInt32, readUint16, readUint32 } from '../ip/header.ts';

/** What an address stands for. */
export const AddressShape = {
  /** Not in fdaa::/16; the fields are all zero. */
  OutsideSite: 0,
  /** In fdaa::/16, and stands for nothing. */
  OutsidePlan: 1,
  /** `fdaa::3` with network 0, or `fdaa:N:N::3`. */
  Nameserver: 2,
  /** A host itself (network 0), or its presence in a network. */
  Host: 3,
  Instance: 4,
  /** A laptop, or an invite in network 0. */
  WireguardPeer: 5,
  Service: 6,
} as const;
export type AddressShape = (typeof AddressShape)[keyof typeof AddressShape];

/**
 * An id as packets and tables have it. The engine makes an object of a number of 2^31 and more
 * whenever it is handed on or looked up, with every packet of half of all networks: so a key is the
 * same 32 bits with a sign.
 */
export function keyOf(id: number): number {
  return id | 0;
}

export class PacketAddress {
  shape: AddressShape = AddressShape.OutsideSite;
  /** keyOf() the id. */
  network = 0;
  host = 0;
  /** keyOf() the id. */
  instance = 0;
  slot = 0;

  /** Reads the 16 bytes at `offset`. */
  read(bytes: Uint8Array, offset: number): void {
    if (readUint16(bytes, offset) !== SITE_PREFIX) {
      this.#clear();
      return;
    }
    this.network = readInt32(bytes, offset + NETWORK_OFFSET);
    this.host = readUint32(bytes, offset + HOST_OFFSET);
    this.instance = readInt32(bytes, offset + INSTANCE_OFFSET);
    this.slot = readUint16(bytes, offset + SLOT_OFFSET);
    this.shape = this.#classify();
  }

  /** Whether the 16 bytes at `offset` are this address, which is in the site. */
  isAt(bytes: Uint8Array, offset: number): boolean {
    return (
      readUint16(bytes, offset + SLOT_OFFSET) === this.slot &&
      readInt32(bytes, offset + INSTANCE_OFFSET) === this.instance &&
      readUint32(bytes, offset + HOST_OFFSET) === this.host &&
      readInt32(bytes, offset + NETWORK_OFFSET) === this.network &&
      readUint16(bytes, offset) === SITE_PREFIX
    );
  }

  #clear(): void {
    this.shape = AddressShape.OutsideSite;
    this.network = 0;
    this.host = 0;
    this.instance = 0;
    this.slot = 0;
  }

  #classify(): AddressShape {
    const { network, host, instance, slot } = this;
    const tenant = network !== INFRASTRUCTURE_NETWORK;
    if (tenant && network >>> 0 < ID_MIN) return AddressShape.OutsidePlan;
    if (host < ID_MIN) {
      if (host === SERVICE_HOST_FIELD && tenant) return AddressShape.Service;
      const server = host === 0 && instance === 0 && slot === NAMESERVER_SLOT;
      return server ? AddressShape.Nameserver : AddressShape.OutsidePlan;
    }
    if (host > HOST_ID_MAX) return AddressShape.OutsidePlan;
    if (instance >>> 0 >= ID_MIN) return tenant ? AddressShape.Instance : AddressShape.OutsidePlan;
    if (instance === 0 && slot === HOST_SLOT) return AddressShape.Host;
    if (instance === WIREGUARD_PEER_FIELD && slot > 0) return AddressShape.WireguardPeer;
    return AddressShape.OutsidePlan;
  }
}

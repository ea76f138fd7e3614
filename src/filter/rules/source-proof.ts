// What each kind of interface proves about the source of a packet. Everything behind this rule
// trusts the source: it is a permission and an identity.
//
//  instance TUN      in that instance's own /112
//  p6n0              an address of this host
//  host peer         of that peer's host id
//  WireGuard peer    exactly its /128

import { INFRASTRUCTURE_NETWORK } from '../../addressing/ids.ts';
import { bytesEqual, SOURCE_OFFSET } from '../../ip/header.ts';
import { IPV6_ADDRESS_BYTES } from '../../ip/ipv6-address.ts';
import { DropReason } from '../drop-reason.ts';
import type { FilterPacket } from '../packet.ts';
import { AddressShape, keyOf } from '../packet-address.ts';
import type { FilterTables } from '../tables.ts';

/** What is wrong with a source from the TUN of an instance, or undefined; any slot will do. */
export function proveInstance(tables: FilterTables, packet: FilterPacket): DropReason | undefined {
  const owner = tables.tuns.get(packet.ingressTun);
  if (owner === undefined) return DropReason.UnknownTun;
  const { source } = packet;
  const own =
    source.shape === AddressShape.Instance &&
    source.network === owner.network &&
    source.host === tables.hostId &&
    source.instance === owner.instance;
  return own ? undefined : DropReason.SourceNotInstance;
}

/** What is wrong with a source from `p6n0`, or undefined. */
export function proveThisHost(tables: FilterTables, packet: FilterPacket): DropReason | undefined {
  const { source } = packet;
  const ours =
    source.shape === AddressShape.Nameserver ||
    (source.shape === AddressShape.Host && source.host === tables.hostId);
  if (ours && tables.networks.has(source.network)) return undefined;
  return isExtraAddress(tables, packet.bytes, packet.offset + SOURCE_OFFSET)
    ? undefined
    : DropReason.SourceNotThisHost;
}

/** What is wrong with a source from the tunnel to host `hostId`, or undefined. */
export function proveHostPeer(
  tables: FilterTables,
  hostId: number,
  packet: FilterPacket,
): DropReason | undefined {
  if (hostId === tables.hostId || !tables.hosts.has(hostId)) return DropReason.UnknownHostPeer;
  const { source } = packet;
  if (source.host !== hostId) return DropReason.SourceNotPeerHost;
  if (source.shape === AddressShape.Host || source.shape === AddressShape.Instance) {
    return undefined;
  }
  if (source.shape !== AddressShape.WireguardPeer) return DropReason.SourceOutsidePlan;
  return source.network === INFRASTRUCTURE_NETWORK ? DropReason.InviteLimited : undefined;
}

/** What is wrong with a source from WireGuard peer `peer` of `network`, or undefined. */
export function proveWireguardPeer(
  tables: FilterTables,
  network: number,
  peer: number,
  packet: FilterPacket,
): DropReason | undefined {
  const key = keyOf(network);
  const known = tables.networks.get(key)?.wireguardPeers.has(peer) === true;
  if (!known) return DropReason.UnknownWireguardPeer;
  const { source } = packet;
  const own =
    source.shape === AddressShape.WireguardPeer &&
    source.network === key &&
    source.host === tables.hostId &&
    source.slot === peer;
  return own ? undefined : DropReason.SourceNotWireguardPeer;
}

/** Whether the 16 bytes at `offset` are one of this host's addresses besides those of its id. */
export function isExtraAddress(tables: FilterTables, bytes: Uint8Array, offset: number): boolean {
  for (const address of tables.extraAddresses) {
    if (bytesEqual(address, 0, bytes, offset, IPV6_ADDRESS_BYTES)) return true;
  }
  return false;
}

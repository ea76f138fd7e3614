// The network rule: the destination's network is the source's, network 0 is for hosts and invites
// only, and a region-scoped network stays in its region. Both hosts of a packet hold to it, the
// source's on the way out and the destination's on the way in.

import { INFRASTRUCTURE_NETWORK } from '../../addressing/ids.ts';
import { DropReason } from '../drop-reason.ts';
import { type FilterPacket, Ingress } from '../packet.ts';
import { AddressShape, type PacketAddress } from '../packet-address.ts';
import type { FilterTables, NetworkTable } from '../tables.ts';

/** Why the packet may not pass between its two networks, or undefined. */
export function judgeNetworks(tables: FilterTables, packet: FilterPacket): DropReason | undefined {
  const { source, destination } = packet;
  if (destination.shape === AddressShape.OutsideSite) return DropReason.DestinationOutsideSite;
  if (source.network !== destination.network) return judgeCrossing(tables, packet);
  const network = tables.networks.get(source.network);
  if (network === undefined) return DropReason.UnknownNetwork;
  return judgeRegion(tables, packet, network);
}

/** The one crossing: instances ask `fdaa::3`, which is in network 0, and `fdaa::3` answers them. */
function judgeCrossing(tables: FilterTables, packet: FilterPacket): DropReason | undefined {
  const { source, destination } = packet;
  if (packet.ingress === Ingress.InstanceTun && isSiteNameserver(destination)) {
    return tables.networks.has(source.network) ? undefined : DropReason.UnknownNetwork;
  }
  if (packet.ingress === Ingress.HostTun && isSiteNameserver(source)) {
    return tables.networks.has(destination.network) ? undefined : DropReason.UnknownNetwork;
  }
  const infrastructure =
    source.network === INFRASTRUCTURE_NETWORK || destination.network === INFRASTRUCTURE_NETWORK;
  return infrastructure ? DropReason.InfrastructureNetwork : DropReason.OtherNetwork;
}

function isSiteNameserver(address: PacketAddress): boolean {
  return address.shape === AddressShape.Nameserver && address.network === INFRASTRUCTURE_NETWORK;
}

/** A host that is not known has no region; the destination's rule drops what is for one. */
function judgeRegion(
  tables: FilterTables,
  packet: FilterPacket,
  network: NetworkTable,
): DropReason | undefined {
  if (!network.regionScoped) return undefined;
  const other = packet.ingress === Ingress.HostPeer ? packet.source.host : packet.destination.host;
  if (other === tables.hostId) return undefined;
  const region = tables.hosts.get(other);
  return region === undefined || region === tables.region ? undefined : DropReason.OtherRegion;
}

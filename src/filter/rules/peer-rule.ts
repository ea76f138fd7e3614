// What the WireGuard peers of a network reach: its instances and its name server. Neither each
// other, for laptops move in networks that nobody knows, nor hosts, but for answers to these.

import { INFRASTRUCTURE_NETWORK } from '../../addressing/ids.ts';
import { IpProtocol } from '../../ip/protocol.ts';
import { Icmpv6Type } from '../../ip/transport.ts';
import { DropReason } from '../drop-reason.ts';
import type { FilterPacket } from '../packet.ts';
import { AddressShape } from '../packet-address.ts';

/** Why a packet from a WireGuard peer may not go where it wants, or undefined. */
export function judgePeers({
  bytes,
  destination,
  source,
  transport,
  transportLength,
}: FilterPacket): DropReason | undefined {
  if (source.shape !== AddressShape.WireguardPeer || source.network === INFRASTRUCTURE_NETWORK) {
    return undefined;
  }
  if (destination.shape === AddressShape.WireguardPeer) return DropReason.PeerToPeer;
  if (destination.shape !== AddressShape.Host) return undefined;
  const asks =
    transport.protocol === IpProtocol.Icmpv6 &&
    transportLength >= 1 &&
    bytes[transport.offset] === Icmpv6Type.EchoRequest;
  return asks ? DropReason.PeerToHost : undefined;
}

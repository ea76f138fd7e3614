// What may come from the name server's addresses: its answers and those of the API beside it, to
// those whom it serves. Any program of the host can bind these addresses, and from `fdaa::3` it
// would reach every network.

import { INFRASTRUCTURE_NETWORK } from '../../addressing/ids.ts';
import { API_PORT, NAMESERVER_PORT } from '../../addressing/ports.ts';
import { readUint16 } from '../../ip/header.ts';
import { IpProtocol } from '../../ip/protocol.ts';
import {
  Icmpv6Type,
  isIcmpv6Error,
  SOURCE_PORT_OFFSET,
  TCP_FLAGS_OFFSET,
  TCP_HEADER_BYTES,
  UDP_HEADER_BYTES,
} from '../../ip/transport.ts';
import { isTcpBegin } from '../door/host-flows.ts';
import { DropReason } from '../drop-reason.ts';
import type { FilterPacket } from '../packet.ts';
import { AddressShape } from '../packet-address.ts';
import type { FilterTables } from '../tables.ts';

/** Why a packet that the host sends may not come from its source, or undefined. */
export function judgeNameserverSource(
  tables: FilterTables,
  packet: FilterPacket,
): DropReason | undefined {
  if (packet.source.shape !== AddressShape.Nameserver) return undefined;
  const allowed = isServed(tables, packet) && isAnswer(packet);
  return allowed ? undefined : DropReason.NameserverAnswersOnly;
}

/** `fdaa::3` serves this host's instances, `fdaa:N:N::3` its WireGuard peers too. */
function isServed(tables: FilterTables, packet: FilterPacket): boolean {
  const { source, destination } = packet;
  if (destination.host !== tables.hostId) return false;
  if (destination.shape === AddressShape.Instance) return true;
  return (
    destination.shape === AddressShape.WireguardPeer && source.network !== INFRASTRUCTURE_NETWORK
  );
}

function isAnswer(packet: FilterPacket): boolean {
  const { bytes, transport, transportLength } = packet;
  if (transport.extended) return false;
  const start = transport.offset;
  switch (transport.protocol) {
    case IpProtocol.Udp:
      return transportLength >= UDP_HEADER_BYTES && hasSourcePort(bytes, start, NAMESERVER_PORT);
    case IpProtocol.Tcp:
      return (
        transportLength >= TCP_HEADER_BYTES &&
        (hasSourcePort(bytes, start, NAMESERVER_PORT) || isFromApi(packet)) &&
        !isTcpBegin(bytes[start + TCP_FLAGS_OFFSET]!)
      );
    case IpProtocol.Icmpv6:
      if (transportLength < 1) return false;
      return bytes[start] === Icmpv6Type.EchoReply || isIcmpv6Error(bytes[start]!);
    default:
      return false;
  }
}

function isFromApi({ bytes, source, transport }: FilterPacket): boolean {
  return (
    source.network !== INFRASTRUCTURE_NETWORK && hasSourcePort(bytes, transport.offset, API_PORT)
  );
}

function hasSourcePort(bytes: Uint8Array, start: number, port: number): boolean {
  return readUint16(bytes, start + SOURCE_PORT_OFFSET) === port;
}

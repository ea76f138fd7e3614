// The door into the host: what the filter lets through to `p6n0`. The kernel behind it serves
// whatever listens, also on `::`, so nothing passes that this file does not name.

import { INFRASTRUCTURE_NETWORK } from '../../addressing/ids.ts';
import { API_PORT, NAMESERVER_PORT, SERVER_PORT } from '../../addressing/ports.ts';
import type { Millis } from '../../base/clock.ts';
import { readUint16 } from '../../ip/header.ts';
import { IpProtocol } from '../../ip/protocol.ts';
import {
  DESTINATION_PORT_OFFSET,
  ICMPV6_HEADER_BYTES,
  Icmpv6Type,
  TCP_HEADER_BYTES,
  UDP_HEADER_BYTES,
} from '../../ip/transport.ts';
import { DropReason } from '../drop-reason.ts';
import type { Outcome } from '../outcome.ts';
import { type FilterPacket, Ingress } from '../packet.ts';
import { AddressShape } from '../packet-address.ts';
import type { FilterTables } from '../tables.ts';
import { HOST_TUN, PassRule, type Verdict } from '../verdict.ts';
import type { FlowTable } from './flow-table.ts';
import { takeAnswer } from './host-flows.ts';
import { isRelatedError } from './related-error.ts';

/** The verdict on a packet to an address of this host. */
export function judgeDoor(
  tables: FilterTables,
  flows: FlowTable,
  packet: FilterPacket,
  outcome: Outcome,
  now: Millis,
): Verdict {
  const { transport, ingress } = packet;
  // The kernel keeps what the host sends to itself; what comes here would come here again.
  if (ingress === Ingress.HostTun) return outcome.drop(DropReason.Hairpin, ingress);
  if (transport.fragmented) return outcome.drop(DropReason.DoorFragment, ingress);
  if (transport.extended) return outcome.drop(DropReason.DoorExtensionHeader, ingress);
  switch (transport.protocol) {
    case IpProtocol.Tcp:
      return judgePorts(tables, flows, packet, outcome, now, TCP_HEADER_BYTES);
    case IpProtocol.Udp:
      return judgePorts(tables, flows, packet, outcome, now, UDP_HEADER_BYTES);
    case IpProtocol.Icmpv6:
      return judgeIcmpv6(tables, flows, packet, outcome, now);
    default:
      return outcome.drop(DropReason.DoorProtocol, ingress);
  }
}

function judgePorts(
  tables: FilterTables,
  flows: FlowTable,
  packet: FilterPacket,
  outcome: Outcome,
  now: Millis,
  headerBytes: number,
): Verdict {
  const { bytes, transport, ingress } = packet;
  if (packet.transportLength < headerBytes) {
    return outcome.drop(DropReason.DoorTruncated, ingress);
  }
  const port = readUint16(bytes, transport.offset + DESTINATION_PORT_OFFSET);
  if (isForNameserver(packet) && port === NAMESERVER_PORT) {
    return outcome.toTun(HOST_TUN, PassRule.DoorNames);
  }
  if (isForApi(packet) && port === API_PORT) {
    return outcome.toTun(HOST_TUN, PassRule.DoorApi);
  }
  if (isForServer(tables, packet) && port === SERVER_PORT) {
    return outcome.toTun(HOST_TUN, PassRule.DoorServer);
  }
  return takeAnswer(flows, packet, now)
    ? outcome.toTun(HOST_TUN, PassRule.DoorFlow)
    : outcome.drop(DropReason.DoorClosed, ingress);
}

/** That it comes from an instance or a WireGuard peer of this host is known by now. */
function isForNameserver(packet: FilterPacket): boolean {
  return packet.destination.shape === AddressShape.Nameserver;
}

/** TCP to `fdaa:N:N::3`; `fdaa::3` is for names alone. */
function isForApi(packet: FilterPacket): boolean {
  return (
    isForNameserver(packet) &&
    packet.transport.protocol === IpProtocol.Tcp &&
    packet.destination.network !== INFRASTRUCTURE_NETWORK
  );
}

/** TCP from a host to this one, which is a server; invites do not come to this file. */
function isForServer(tables: FilterTables, packet: FilterPacket): boolean {
  const { destination, transport, ingress } = packet;
  return (
    tables.server &&
    ingress === Ingress.HostPeer &&
    transport.protocol === IpProtocol.Tcp &&
    destination.network === INFRASTRUCTURE_NETWORK &&
    destination.shape === AddressShape.Host
  );
}

function judgeIcmpv6(
  tables: FilterTables,
  flows: FlowTable,
  packet: FilterPacket,
  outcome: Outcome,
  now: Millis,
): Verdict {
  const { bytes, transport, ingress } = packet;
  if (packet.transportLength < ICMPV6_HEADER_BYTES) {
    return outcome.drop(DropReason.DoorTruncated, ingress);
  }
  switch (bytes[transport.offset]) {
    case Icmpv6Type.EchoRequest:
      return outcome.toTun(HOST_TUN, PassRule.DoorEcho);
    case Icmpv6Type.EchoReply:
      return takeAnswer(flows, packet, now)
        ? outcome.toTun(HOST_TUN, PassRule.DoorFlow)
        : outcome.drop(DropReason.DoorClosed, ingress);
    case Icmpv6Type.DestinationUnreachable:
    case Icmpv6Type.PacketTooBig:
    case Icmpv6Type.TimeExceeded:
    case Icmpv6Type.ParameterProblem:
      return isRelatedError(tables, flows, packet, now)
        ? outcome.toTun(HOST_TUN, PassRule.DoorRelatedError)
        : outcome.drop(DropReason.DoorUnrelatedError, ingress);
    default:
      return outcome.drop(DropReason.DoorIcmpv6Type, ingress);
  }
}

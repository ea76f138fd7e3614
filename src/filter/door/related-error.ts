// ICMPv6 errors to the host: let in only when they quote a packet that this host sent, of a flow
// that it began or as an answer of its services, and come from that packet's destination or the
// host that has it. Else anybody could end this host's connections by quoting them.
//
//  | IPv6 | ICMPv6 error, 8 bytes | quoted IPv6 header | start of the quoted packet ... |
//                                   ^ quote              ^ quote + 40

import { INFRASTRUCTURE_NETWORK } from '../../addressing/ids.ts';
import { HOST_OFFSET } from '../../addressing/layout.ts';
import { NAMESERVER_PORT, SERVER_PORT } from '../../addressing/ports.ts';
import type { Millis } from '../../base/clock.ts';
import {
  bytesEqual,
  DESTINATION_OFFSET,
  IPV6_HEADER_BYTES,
  IPV6_VERSION,
  readNextHeader,
  readUint16,
  readVersion,
  SOURCE_OFFSET,
} from '../../ip/header.ts';
import { IPV6_ADDRESS_BYTES } from '../../ip/ipv6-address.ts';
import { IpProtocol } from '../../ip/protocol.ts';
import {
  DESTINATION_PORT_OFFSET,
  ICMPV6_ECHO_ID_OFFSET,
  ICMPV6_HEADER_BYTES,
  Icmpv6Type,
  SOURCE_PORT_OFFSET,
} from '../../ip/transport.ts';
import { type FilterPacket, Ingress } from '../packet.ts';
import { AddressShape } from '../packet-address.ts';
import type { FilterTables } from '../tables.ts';
import { type FlowTable, NO_FLOW } from './flow-table.ts';
import { flowPorts } from './host-flows.ts';

/** What must be quoted of the transport header: the ports, or an echo with its identifier. */
const QUOTED_TRANSPORT_BYTES_MIN = 8;
const QUOTE_BYTES_MIN = IPV6_HEADER_BYTES + QUOTED_TRANSPORT_BYTES_MIN;
/** Site, network and host stand before the instance. */
const HOST_PREFIX_BYTES = HOST_OFFSET + 4;

/** Whether `packet`, an ICMPv6 error with a whole header, is about a packet that this host sent. */
export function isRelatedError(
  tables: FilterTables,
  flows: FlowTable,
  packet: FilterPacket,
  now: Millis,
): boolean {
  if (packet.transportLength < ICMPV6_HEADER_BYTES + QUOTE_BYTES_MIN) return false;
  const { bytes } = packet;
  const quote = packet.transport.offset + ICMPV6_HEADER_BYTES;
  if (readVersion(bytes, quote) !== IPV6_VERSION) return false;
  if (!isQuoteOfReceiver(packet, quote) || !isSenderOnTheWay(packet, quote)) return false;
  const protocol = readNextHeader(bytes, quote);
  const start = quote + IPV6_HEADER_BYTES;
  switch (protocol) {
    case IpProtocol.Tcp:
    case IpProtocol.Udp: {
      const local = readUint16(bytes, start + SOURCE_PORT_OFFSET);
      const remote = readUint16(bytes, start + DESTINATION_PORT_OFFSET);
      if (isServicePort(tables, packet, protocol, local)) return true;
      return hasFlow(flows, bytes, quote, flowPorts(local, remote), protocol, now);
    }
    case IpProtocol.Icmpv6: {
      if (bytes[start] === Icmpv6Type.EchoReply) return true;
      if (bytes[start] !== Icmpv6Type.EchoRequest) return false;
      const id = readUint16(bytes, start + ICMPV6_ECHO_ID_OFFSET);
      return hasFlow(flows, bytes, quote, flowPorts(id, 0), protocol, now);
    }
    default:
      return false;
  }
}

/** Whether the quoted packet came from the address that the error goes to. */
function isQuoteOfReceiver(packet: FilterPacket, quote: number): boolean {
  const receiver = packet.offset + DESTINATION_OFFSET;
  const { bytes } = packet;
  return bytesEqual(bytes, quote + SOURCE_OFFSET, bytes, receiver, IPV6_ADDRESS_BYTES);
}

/** Whether the error comes from the quoted packet's destination, or from its host's presence. */
function isSenderOnTheWay(packet: FilterPacket, quote: number): boolean {
  const { bytes } = packet;
  const sender = packet.offset + SOURCE_OFFSET;
  const target = quote + DESTINATION_OFFSET;
  const presence = packet.source.shape === AddressShape.Host;
  const length = presence ? HOST_PREFIX_BYTES : IPV6_ADDRESS_BYTES;
  return bytesEqual(bytes, target, bytes, sender, length);
}

/** Whether the receiver of the error answers at this port, as door.ts has it. */
function isServicePort(
  tables: FilterTables,
  packet: FilterPacket,
  protocol: number,
  port: number,
): boolean {
  const { destination, ingress } = packet;
  if (destination.shape === AddressShape.Nameserver) return port === NAMESERVER_PORT;
  return (
    tables.server &&
    ingress === Ingress.HostPeer &&
    protocol === IpProtocol.Tcp &&
    port === SERVER_PORT &&
    destination.network === INFRASTRUCTURE_NETWORK &&
    destination.shape === AddressShape.Host
  );
}

function hasFlow(
  flows: FlowTable,
  bytes: Uint8Array,
  quote: number,
  ports: number,
  protocol: number,
  now: Millis,
): boolean {
  const local = quote + SOURCE_OFFSET;
  const remote = quote + DESTINATION_OFFSET;
  return flows.find(bytes, local, remote, ports, protocol, now) !== NO_FLOW;
}

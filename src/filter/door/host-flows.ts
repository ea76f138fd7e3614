// How packets of `p6n0` move the flow table: what this host sends begins flows, what answers them
// comes in. A TCP flow begins with a SYN and no other packet, so an answer of a service never opens
// the door to more.

import type { Millis } from '../../base/clock.ts';
import { DESTINATION_OFFSET, readUint16, SOURCE_OFFSET } from '../../ip/header.ts';
import { IpProtocol } from '../../ip/protocol.ts';
import {
  DESTINATION_PORT_OFFSET,
  ICMPV6_ECHO_ID_OFFSET,
  ICMPV6_HEADER_BYTES,
  Icmpv6Type,
  SOURCE_PORT_OFFSET,
  TCP_FLAGS_OFFSET,
  TCP_HEADER_BYTES,
  TcpFlag,
  UDP_HEADER_BYTES,
} from '../../ip/transport.ts';
import type { FilterPacket } from '../packet.ts';
import { FlowPhase, type FlowTable, NO_FLOW } from './flow-table.ts';

/** Whether these TCP flags begin a connection. */
export function isTcpBegin(flags: number): boolean {
  return (flags & (TcpFlag.Syn | TcpFlag.Ack)) === TcpFlag.Syn;
}

/** Ports as the flow table has them. */
export function flowPorts(local: number, remote: number): number {
  return local * 0x1_0000 + remote;
}

/**
 * Remembers that this host sent `packet`. Fragments and packets with extension headers begin
 * nothing, for nothing of their kind would be let in.
 */
export function noteOutbound(flows: FlowTable, packet: FilterPacket, now: Millis): void {
  const { bytes, transport, transportLength } = packet;
  if (transport.extended) return;
  const start = transport.offset;
  switch (transport.protocol) {
    case IpProtocol.Tcp:
      if (transportLength >= TCP_HEADER_BYTES) noteTcp(flows, packet, now);
      return;
    case IpProtocol.Udp:
      if (transportLength < UDP_HEADER_BYTES) return;
      noteSingle(flows, packet, outboundPorts(bytes, start), FlowPhase.Udp, now);
      return;
    case IpProtocol.Icmpv6:
      if (transportLength < ICMPV6_HEADER_BYTES) return;
      if (bytes[start] !== Icmpv6Type.EchoRequest) return;
      noteSingle(flows, packet, echoPorts(bytes, start), FlowPhase.Echo, now);
      return;
    default:
      return;
  }
}

/**
 * Whether `packet` answers a flow that this host began, which then lives on. The packet has a whole
 * transport header of TCP, UDP or an echo reply, and no extension headers.
 */
export function takeAnswer(flows: FlowTable, packet: FilterPacket, now: Millis): boolean {
  const { bytes, transport } = packet;
  const start = transport.offset;
  const tcp = transport.protocol === IpProtocol.Tcp;
  const flags = tcp ? bytes[start + TCP_FLAGS_OFFSET]! : 0;
  if (isTcpBegin(flags)) return false;
  const ports =
    transport.protocol === IpProtocol.Icmpv6 ? echoPorts(bytes, start) : inboundPorts(bytes, start);
  const local = packet.offset + DESTINATION_OFFSET;
  const remote = packet.offset + SOURCE_OFFSET;
  const flow = flows.find(bytes, local, remote, ports, transport.protocol, now);
  if (flow === NO_FLOW) return false;
  const phase = flows.phaseOf(flow);
  flows.use(flow, tcp ? phaseAfter(phase, flags, FlowPhase.TcpOpen) : phase, now);
  return true;
}

function noteTcp(flows: FlowTable, packet: FilterPacket, now: Millis): void {
  const { bytes, transport } = packet;
  const flags = bytes[transport.offset + TCP_FLAGS_OFFSET]!;
  const ports = outboundPorts(bytes, transport.offset);
  if (isTcpBegin(flags)) {
    noteSingle(flows, packet, ports, FlowPhase.TcpOpening, now);
    return;
  }
  const flow = findOutbound(flows, packet, ports, now);
  if (flow === NO_FLOW) return;
  flows.use(flow, phaseAfter(flows.phaseOf(flow), flags, FlowPhase.TcpOpening), now);
}

function noteSingle(
  flows: FlowTable,
  packet: FilterPacket,
  ports: number,
  phase: FlowPhase,
  now: Millis,
): void {
  const flow = findOutbound(flows, packet, ports, now);
  if (flow !== NO_FLOW) {
    flows.use(flow, phase, now);
    return;
  }
  const local = packet.offset + SOURCE_OFFSET;
  const remote = packet.offset + DESTINATION_OFFSET;
  flows.begin(packet.bytes, local, remote, ports, packet.transport.protocol, phase, now);
}

function findOutbound(flows: FlowTable, packet: FilterPacket, ports: number, now: Millis): number {
  const local = packet.offset + SOURCE_OFFSET;
  const remote = packet.offset + DESTINATION_OFFSET;
  return flows.find(packet.bytes, local, remote, ports, packet.transport.protocol, now);
}

/** The phase of a connection after a packet; `opened` is what an opening one becomes. */
function phaseAfter(phase: FlowPhase, flags: number, opened: FlowPhase): FlowPhase {
  if ((flags & (TcpFlag.Fin | TcpFlag.Rst)) !== 0) return FlowPhase.TcpClosing;
  return phase === FlowPhase.TcpOpening ? opened : phase;
}

function outboundPorts(bytes: Uint8Array, start: number): number {
  return flowPorts(
    readUint16(bytes, start + SOURCE_PORT_OFFSET),
    readUint16(bytes, start + DESTINATION_PORT_OFFSET),
  );
}

function inboundPorts(bytes: Uint8Array, start: number): number {
  return flowPorts(
    readUint16(bytes, start + DESTINATION_PORT_OFFSET),
    readUint16(bytes, start + SOURCE_PORT_OFFSET),
  );
}

function echoPorts(bytes: Uint8Array, start: number): number {
  return flowPorts(readUint16(bytes, start + ICMPV6_ECHO_ID_OFFSET), 0);
}

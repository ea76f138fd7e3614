// Which rule of this host a packet would meet, and why: a packet is made from the question, enters
// by the interface that its source belongs to, and is judged by the filter itself. The answer is
// the filter's and cannot differ from it.
//
// Flows are the data plane's: what would pass only because this host began the flow is explained as
// if it had not.

import { classifyAddress } from '../addressing/layout.ts';
import { NAMESERVER_PORT } from '../addressing/ports.ts';
import type { Millis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import {
  DESTINATION_OFFSET,
  IPV6_HEADER_BYTES,
  SOURCE_OFFSET,
  writeIpv6Header,
  writeUint16,
} from '../ip/header.ts';
import { canonicalIpv6, formatIpv6, type Ipv6Address, ipv6Bytes } from '../ip/ipv6-address.ts';
import { IpProtocol } from '../ip/protocol.ts';
import {
  DESTINATION_PORT_OFFSET,
  ICMPV6_HEADER_BYTES,
  Icmpv6Type,
  SOURCE_PORT_OFFSET,
  TCP_FLAGS_OFFSET,
  TCP_HEADER_BYTES,
  TcpFlag,
  UDP_HEADER_BYTES,
} from '../ip/transport.ts';
import type { FilterConfig } from './config.ts';
import { DROP_REASONS } from './drop-reason.ts';
import { PacketFilter } from './filter.ts';
import { AddressShape, keyOf, PacketAddress } from './packet-address.ts';
import { HOST_TUN, PASS_RULES, Rejection, Verdict } from './verdict.ts';

export interface ExplainQuestion {
  readonly from: string;
  readonly to: string;
  /** An echo request when neither this nor a port is given, TCP when only a port is. */
  readonly protocol?: 'tcp' | 'udp' | 'icmp';
  /** The destination port. */
  readonly port?: number;
}

export interface FilterExplanation {
  readonly verdict: 'pass' | 'drop';
  /** The name of the drop reason, or of the rule that lets the packet pass. */
  readonly rule: string;
  /** For people: why, and what a sender of a dropped packet is told. */
  readonly sentence: string;
}

/** The first of the ports that kernels give to flows (RFC 6335, section 6). */
const EPHEMERAL_PORT = 49_152;
/** The port of a question that names none: no service has it. */
const NO_PORT = 0;
/** Where an instance that does not run would send from. */
const NO_TUN = -1;
/** A question begins at most one flow. */
const FLOW_SETS = 1;
const NOW = 0 as Millis;
const HOP_LIMIT = 64;

const ANSWERS: Readonly<Record<Rejection, string>> = {
  [Rejection.None]: 'The sender is not told.',
  [Rejection.NoRoute]: 'The sender is told "no route".',
  [Rejection.AdministrativelyProhibited]: 'The sender is told "administratively prohibited".',
  [Rejection.AddressUnreachable]: 'The sender is told "address unreachable".',
  [Rejection.PacketTooBig]: 'The sender is told "packet too big".',
};

/**
 * What the filter with `config` says of a packet as in `question`. Throws VALUE_INVALID when an
 * address is none, or when an echo request is to have a port.
 */
export function explain(config: FilterConfig, question: ExplainQuestion): FilterExplanation {
  const packet = makePacket(question);
  const filter = new PacketFilter(config, { flowSets: FLOW_SETS });
  if (judge(filter, config, packet) !== Verdict.Drop) {
    const { name, sentence } = PASS_RULES[filter.passRule];
    return { verdict: 'pass', rule: name, sentence };
  }
  const { name, sentence } = DROP_REASONS[filter.dropReason];
  return { verdict: 'drop', rule: name, sentence: `${sentence} ${ANSWERS[filter.rejection]}` };
}

/** Lets the packet enter by the interface that addresses like its source belong to. */
function judge(filter: PacketFilter, config: FilterConfig, packet: Uint8Array): Verdict {
  const source = new PacketAddress();
  source.read(packet, SOURCE_OFFSET);
  const { shape, network, host, instance, slot } = source;
  const { length } = packet;
  const extra = config.extraHostAddresses.includes(formatIpv6(packet, SOURCE_OFFSET));
  if (extra || isOfNoPeer(source) || (shape === AddressShape.Host && host === config.hostId)) {
    return filter.judgeFromTun(HOST_TUN, packet, 0, length, NOW);
  }
  if (host !== config.hostId) return filter.judgeFromHost(host, packet, 0, length, NOW);
  if (shape === AddressShape.WireguardPeer) {
    return filter.judgeFromWireguardPeer(network >>> 0, slot, packet, 0, length, NOW);
  }
  const own = config.instances.find(
    (one) => keyOf(one.network) === network && keyOf(one.instance) === instance,
  );
  return filter.judgeFromTun(own?.tun ?? NO_TUN, packet, 0, length, NOW);
}

/** Whether no instance, WireGuard peer or other host could prove such a source. */
function isOfNoPeer(source: PacketAddress): boolean {
  switch (source.shape) {
    case AddressShape.OutsideSite:
    case AddressShape.OutsidePlan:
    case AddressShape.Nameserver:
    case AddressShape.Service:
      return true;
    case AddressShape.Host:
    case AddressShape.Instance:
    case AddressShape.WireguardPeer:
      return false;
  }
}

function makePacket(question: ExplainQuestion): Uint8Array {
  const source = requireAddress(question.from);
  const destination = requireAddress(question.to);
  const { port } = question;
  const protocol = question.protocol ?? (port === undefined ? 'icmp' : 'tcp');
  const target = port ?? NO_PORT;
  switch (protocol) {
    case 'tcp':
      return wrap(source, destination, IpProtocol.Tcp, tcpSegment(source, target));
    case 'udp':
      return wrap(source, destination, IpProtocol.Udp, udpDatagram(source, target));
    case 'icmp':
      if (port !== undefined) {
        throw new P6nError('VALUE_INVALID', `Cannot explain port ${port}: icmp has no ports`, {
          hint: 'Leave the port away, or ask about tcp or udp.',
        });
      }
      return wrap(source, destination, IpProtocol.Icmpv6, echo(source));
  }
}

function requireAddress(text: string): Ipv6Address {
  const address = canonicalIpv6(text);
  if (address !== undefined) return address;
  throw new P6nError('VALUE_INVALID', `Cannot explain "${text}": it is not an IPv6 address`, {
    hint: 'Give the address of an instance, a host or a WireGuard peer.',
  });
}

/** The packet around a payload; the filter leaves checksums to the kernel, and so does this. */
function wrap(
  source: Ipv6Address,
  destination: Ipv6Address,
  protocol: number,
  payload: Uint8Array,
): Uint8Array {
  const packet = new Uint8Array(IPV6_HEADER_BYTES + payload.length);
  writeIpv6Header(packet, 0, payload.length, protocol, HOP_LIMIT);
  packet.set(ipv6Bytes(source), SOURCE_OFFSET);
  packet.set(ipv6Bytes(destination), DESTINATION_OFFSET);
  packet.set(payload, IPV6_HEADER_BYTES);
  return packet;
}

/** The first packet of a flow, or of an answer where the source only answers. */
function tcpSegment(source: Ipv6Address, port: number): Uint8Array {
  const segment = new Uint8Array(TCP_HEADER_BYTES);
  writeUint16(segment, SOURCE_PORT_OFFSET, sourcePort(source));
  writeUint16(segment, DESTINATION_PORT_OFFSET, port);
  segment[TCP_FLAGS_OFFSET] = isNameserver(source) ? TcpFlag.Syn | TcpFlag.Ack : TcpFlag.Syn;
  return segment;
}

function udpDatagram(source: Ipv6Address, port: number): Uint8Array {
  const datagram = new Uint8Array(UDP_HEADER_BYTES);
  writeUint16(datagram, SOURCE_PORT_OFFSET, sourcePort(source));
  writeUint16(datagram, DESTINATION_PORT_OFFSET, port);
  return datagram;
}

function echo(source: Ipv6Address): Uint8Array {
  const message = new Uint8Array(ICMPV6_HEADER_BYTES);
  message[0] = isNameserver(source) ? Icmpv6Type.EchoReply : Icmpv6Type.EchoRequest;
  return message;
}

function sourcePort(source: Ipv6Address): number {
  return isNameserver(source) ? NAMESERVER_PORT : EPHEMERAL_PORT;
}

function isNameserver(address: Ipv6Address): boolean {
  return classifyAddress(address)?.kind === 'nameserver';
}

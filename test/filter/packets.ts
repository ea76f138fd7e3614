// Packets in one line each for the tests of the filter: `tcp(RED_1, RED_2, 80)`. All have right
// lengths and checksums, so that a test breaks exactly what it is about.

import { computeChecksum } from '../../src/ip/checksum.ts';
import {
  DESTINATION_OFFSET,
  IPV6_HEADER_BYTES,
  SOURCE_OFFSET,
  writeIpv6Header,
  writeUint16,
} from '../../src/ip/header.ts';
import { parseIpv6 } from '../../src/ip/ipv6-address.ts';
import { IpProtocol } from '../../src/ip/protocol.ts';
import { Icmpv6Type, TcpFlag } from '../../src/ip/transport.ts';

export const SYN: number = TcpFlag.Syn;
export const SYN_ACK: number = TcpFlag.Syn | TcpFlag.Ack;
export const ACK: number = TcpFlag.Ack;
export const FIN: number = TcpFlag.Fin | TcpFlag.Ack;
export const RST: number = TcpFlag.Rst;

/** The port that flows of the tests come from unless they say otherwise. */
export const FLOW_PORT = 40_000;

/** A packet of any protocol. */
export function packet(
  from: string,
  to: string,
  protocol: number,
  payload: Uint8Array = new Uint8Array(8),
): Uint8Array {
  const bytes = new Uint8Array(IPV6_HEADER_BYTES + payload.length);
  writeIpv6Header(bytes, 0, payload.length, protocol, 64);
  bytes.set(address(from), SOURCE_OFFSET);
  bytes.set(address(to), DESTINATION_OFFSET);
  bytes.set(payload, IPV6_HEADER_BYTES);
  return bytes;
}

export function tcp(
  from: string,
  to: string,
  port: number,
  flags: number = SYN,
  fromPort: number = FLOW_PORT,
): Uint8Array {
  const segment = new Uint8Array(20);
  writeUint16(segment, 0, fromPort);
  writeUint16(segment, 2, port);
  segment[12] = 5 << 4;
  segment[13] = flags;
  return withChecksum(packet(from, to, IpProtocol.Tcp, segment), 16);
}

export function udp(
  from: string,
  to: string,
  port: number,
  fromPort: number = FLOW_PORT,
): Uint8Array {
  const datagram = new Uint8Array(12);
  writeUint16(datagram, 0, fromPort);
  writeUint16(datagram, 2, port);
  writeUint16(datagram, 4, datagram.length);
  return withChecksum(packet(from, to, IpProtocol.Udp, datagram), 6);
}

export function icmp(from: string, to: string, type: number, id = 1, code = 0): Uint8Array {
  const message = new Uint8Array(8);
  message[0] = type;
  message[1] = code;
  writeUint16(message, 4, id);
  return withChecksum(packet(from, to, IpProtocol.Icmpv6, message), 2);
}

export function echo(from: string, to: string, id = 1): Uint8Array {
  return icmp(from, to, Icmpv6Type.EchoRequest, id);
}

export function echoReply(from: string, to: string, id = 1): Uint8Array {
  return icmp(from, to, Icmpv6Type.EchoReply, id);
}

/** An ICMPv6 error about `quoted`; port unreachable unless `type` says otherwise. */
export function icmpError(from: string, to: string, quoted: Uint8Array, type = 1): Uint8Array {
  const message = new Uint8Array(8 + quoted.length);
  message[0] = type;
  message[1] = type === Icmpv6Type.DestinationUnreachable ? 4 : 0;
  message.set(quoted, 8);
  return withChecksum(packet(from, to, IpProtocol.Icmpv6, message), 2);
}

/** The same packet with an extension header of `kind` before its payload. */
export function extended(
  inner: Uint8Array,
  kind: number,
  content: Uint8Array = new Uint8Array(6),
): Uint8Array {
  const header = new Uint8Array(2 + content.length);
  header[0] = inner[6]!;
  header[1] = kind === IpProtocol.Authentication ? header.length / 4 - 2 : header.length / 8 - 1;
  header.set(content, 2);
  const bytes = new Uint8Array(inner.length + header.length);
  bytes.set(inner.subarray(0, IPV6_HEADER_BYTES));
  bytes.set(header, IPV6_HEADER_BYTES);
  bytes.set(inner.subarray(IPV6_HEADER_BYTES), IPV6_HEADER_BYTES + header.length);
  bytes[6] = kind;
  writeUint16(bytes, 4, bytes.length - IPV6_HEADER_BYTES);
  return bytes;
}

/** The same packet as a fragment: `offset` in bytes, a multiple of 8. */
export function fragment(inner: Uint8Array, offset: number, more: boolean): Uint8Array {
  const content = new Uint8Array(6);
  writeUint16(content, 0, offset | (more ? 1 : 0));
  const bytes = extended(inner, IpProtocol.Fragment, content);
  bytes[IPV6_HEADER_BYTES + 1] = 0;
  return bytes;
}

/** The same packet with other bytes at `offset`. */
export function patched(inner: Uint8Array, offset: number, ...values: number[]): Uint8Array {
  const bytes = inner.slice();
  bytes.set(values, offset);
  return bytes;
}

/** The first `length` bytes of the packet, with a header that says so. */
export function cut(inner: Uint8Array, length: number): Uint8Array {
  const bytes = inner.slice(0, length);
  writeUint16(bytes, 4, length - IPV6_HEADER_BYTES);
  return bytes;
}

function address(text: string): Uint8Array {
  const bytes = parseIpv6(text);
  if (bytes === undefined) throw new Error(`not an address: ${text}`);
  return bytes;
}

function withChecksum(bytes: Uint8Array, at: number): Uint8Array {
  const upper = IPV6_HEADER_BYTES;
  const checksum = computeChecksum(bytes, 0, upper, bytes.length - upper, bytes[6]!);
  writeUint16(bytes, upper + at, checksum);
  return bytes;
}

// ICMPv6 errors (RFC 4443): when one may be sent at all, and how it is written.
//
//  +------+------+---------------+
//  | Type | Code |    Checksum   |   behind an IPv6 header of its own
//  +------+------+---------------+
//  |     Unused, or the MTU      |
//  +-----------------------------+
//  | As much of the packet as    |
//  | fits into 1280 bytes in all |
//  +-----------------------------+

import { computeChecksum } from './checksum.ts';
import { locateTransport, type TransportPlace, Walk } from './extension-headers.ts';
import {
  DESTINATION_OFFSET,
  IPV6_HEADER_BYTES,
  IPV6_MTU_MIN,
  SOURCE_OFFSET,
  writeIpv6Header,
  writeUint16,
  writeUint32,
} from './header.ts';
import { IPV6_ADDRESS_BYTES } from './ipv6-address.ts';
import { IpProtocol } from './protocol.ts';
import {
  ICMPV6_CHECKSUM_OFFSET,
  ICMPV6_CODE_OFFSET,
  ICMPV6_HEADER_BYTES,
  Icmpv6Type,
  isIcmpv6Error,
} from './transport.ts';

/** Codes of Destination Unreachable (RFC 4443, section 3.1). */
export const UnreachableCode = {
  NoRoute: 0,
  AdministrativelyProhibited: 1,
  AddressUnreachable: 3,
} as const;
export type UnreachableCode = (typeof UnreachableCode)[keyof typeof UnreachableCode];

/** No error is longer than this (RFC 4443, section 2.4(c)). */
export const ICMPV6_ERROR_BYTES_MAX: number = IPV6_MTU_MIN;

const PARAMETER_OFFSET = 4;
const QUOTE_OFFSET = IPV6_HEADER_BYTES + ICMPV6_HEADER_BYTES;
const HOP_LIMIT = 64;
const MULTICAST_FIRST_BYTE = 0xff;

/**
 * Whether RFC 4443, section 2.4(e), lets an error be sent about the packet at `offset`: not about
 * an error or a redirect, not about what went to or claims to come from a multicast address or
 * comes from none. A packet that may be part of an error, or cannot be read, counts as one. `place`
 * is scratch.
 */
export function mayAnswerWithError(
  bytes: Uint8Array,
  offset: number,
  length: number,
  place: TransportPlace,
): boolean {
  if (length < IPV6_HEADER_BYTES) return false;
  if (bytes[offset + SOURCE_OFFSET] === MULTICAST_FIRST_BYTE) return false;
  if (bytes[offset + DESTINATION_OFFSET] === MULTICAST_FIRST_BYTE) return false;
  if (isUnspecified(bytes, offset + SOURCE_OFFSET)) return false;
  const walk = locateTransport(bytes, offset, length, place);
  if (walk !== Walk.Transport) return false;
  if (place.protocol !== IpProtocol.Icmpv6) return true;
  if (place.offset >= offset + length) return false;
  const type = bytes[place.offset]!;
  return !isIcmpv6Error(type) && type !== Icmpv6Type.Redirect;
}

/**
 * Writes Destination Unreachable about the packet at `offset` to `target`, which has
 * ICMPV6_ERROR_BYTES_MAX bytes at `targetOffset` that do not overlap the packet. `source` is the
 * address that the error comes from. Returns its length.
 */
export function writeUnreachable(
  code: UnreachableCode,
  source: Uint8Array,
  bytes: Uint8Array,
  offset: number,
  length: number,
  target: Uint8Array,
  targetOffset: number,
): number {
  target[targetOffset + IPV6_HEADER_BYTES] = Icmpv6Type.DestinationUnreachable;
  target[targetOffset + IPV6_HEADER_BYTES + ICMPV6_CODE_OFFSET] = code;
  return writeError(0, source, bytes, offset, length, target, targetOffset);
}

/** Writes Packet Too Big with the `mtu` in bytes; the rest as in `writeUnreachable`. */
export function writePacketTooBig(
  mtu: number,
  source: Uint8Array,
  bytes: Uint8Array,
  offset: number,
  length: number,
  target: Uint8Array,
  targetOffset: number,
): number {
  target[targetOffset + IPV6_HEADER_BYTES] = Icmpv6Type.PacketTooBig;
  target[targetOffset + IPV6_HEADER_BYTES + ICMPV6_CODE_OFFSET] = 0;
  return writeError(mtu, source, bytes, offset, length, target, targetOffset);
}

/** Everything around the type and the code, which stand in `target` already. */
function writeError(
  parameter: number,
  source: Uint8Array,
  bytes: Uint8Array,
  offset: number,
  length: number,
  target: Uint8Array,
  targetOffset: number,
): number {
  const quoted = Math.min(length, ICMPV6_ERROR_BYTES_MAX - QUOTE_OFFSET);
  const upperLength = ICMPV6_HEADER_BYTES + quoted;
  const upper = targetOffset + IPV6_HEADER_BYTES;
  writeIpv6Header(target, targetOffset, upperLength, IpProtocol.Icmpv6, HOP_LIMIT);
  const destination = offset + SOURCE_OFFSET;
  for (let i = 0; i < IPV6_ADDRESS_BYTES; i++) {
    target[targetOffset + SOURCE_OFFSET + i] = source[i]!;
    target[targetOffset + DESTINATION_OFFSET + i] = bytes[destination + i]!;
  }
  writeUint32(target, upper + PARAMETER_OFFSET, parameter);
  const quote = targetOffset + QUOTE_OFFSET;
  for (let i = 0; i < quoted; i++) target[quote + i] = bytes[offset + i]!;
  writeUint16(target, upper + ICMPV6_CHECKSUM_OFFSET, 0);
  const checksum = computeChecksum(target, targetOffset, upper, upperLength, IpProtocol.Icmpv6);
  writeUint16(target, upper + ICMPV6_CHECKSUM_OFFSET, checksum);
  return IPV6_HEADER_BYTES + upperLength;
}

function isUnspecified(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < IPV6_ADDRESS_BYTES; i++) if (bytes[offset + i] !== 0) return false;
  return true;
}

// The fixed header of an IPv4 packet (RFC 791), as far as a packet on its way is changed: read and
// written where it stands.
//
//   0  1  version, header length in words     8  1  time to live
//   1  1  DSCP and ECN                        9  1  protocol
//   2  2  total length                       10  2  header checksum
//   4  2  identification                     12  4  source
//   6  2  flags and fragment offset          16  4  destination

import { sumBytes } from './checksum.ts';
import { IPV4_VERSION, readUint16, readVersion } from './header.ts';

export const IPV4_HEADER_BYTES = 20;
export const IPV4_TRAFFIC_CLASS_OFFSET = 1;
export const IPV4_TOTAL_LENGTH_OFFSET = 2;
export const IPV4_IDENTIFICATION_OFFSET = 4;
export const IPV4_FRAGMENT_OFFSET = 6;
export const IPV4_TTL_OFFSET = 8;
export const IPV4_PROTOCOL_OFFSET = 9;
export const IPV4_CHECKSUM_OFFSET = 10;
export const IPV4_SOURCE_OFFSET = 12;
/** Source and destination. */
export const IPV4_ADDRESSES_BYTES = 8;
/** In the field at IPV4_FRAGMENT_OFFSET. */
export const IPV4_DONT_FRAGMENT = 0x4000;

/** Whether routers may cut the packet at `offset`: one of IPv4 that does not forbid it. */
export function mayBeFragmented(bytes: Uint8Array, offset: number): boolean {
  if (readVersion(bytes, offset) !== IPV4_VERSION) return false;
  return (readUint16(bytes, offset + IPV4_FRAGMENT_OFFSET) & IPV4_DONT_FRAGMENT) === 0;
}

/** Header length in bytes, options included. */
export function readIpv4HeaderLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! & 0x0f) * 4;
}

/** The sum of the pseudo header less the length of what follows the header. */
export function sumIpv4Addresses(bytes: Uint8Array, offset: number): number {
  return sumBytes(bytes, offset + IPV4_SOURCE_OFFSET, IPV4_ADDRESSES_BYTES);
}

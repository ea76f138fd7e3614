// Congestion marks of a tunnel (RFC 6040, normal mode): the outer header carries the inner one's
// mark, and a mark that a router set on the way goes into the inner header.
//
//   IPv6  |version 4|traffic class 8|...     the mark is bits 4 and 5 of byte 1
//   IPv4  |version 4|header length 4|TOS 8|  the mark is the low two bits of byte 1

import { foldSum } from './checksum.ts';
import { IPV4_VERSION, readUint16, readVersion, writeUint16 } from './header.ts';

export const Ecn = { NotCapable: 0, Capable1: 1, Capable0: 2, CongestionExperienced: 3 } as const;
export type Ecn = (typeof Ecn)[keyof typeof Ecn];

const ECN_MASK = 3;
const CLASS_OFFSET = 1;
const IPV6_ECN_SHIFT = 4;
const IPV4_CHECKSUM_OFFSET = 10;

/** The mark in a traffic class byte. */
export function ecnOfTrafficClass(trafficClass: number): Ecn {
  return (trafficClass & ECN_MASK) as Ecn;
}

/** The mark of the IPv4 or IPv6 packet at `offset`. */
export function readEcn(bytes: Uint8Array, offset: number): Ecn {
  const shift = readVersion(bytes, offset) === IPV4_VERSION ? 0 : IPV6_ECN_SHIFT;
  return ((bytes[offset + CLASS_OFFSET]! >> shift) & ECN_MASK) as Ecn;
}

/**
 * Marks the packet at `offset` as one that met congestion, if its sender is capable of marks: a
 * packet of any other sender is left as it is, not dropped, as the kernel does it.
 */
export function markCongestion(bytes: Uint8Array, offset: number): void {
  const ecn = readEcn(bytes, offset);
  if (ecn === Ecn.NotCapable || ecn === Ecn.CongestionExperienced) return;
  if (readVersion(bytes, offset) !== IPV4_VERSION) {
    bytes[offset + CLASS_OFFSET]! |= ECN_MASK << IPV6_ECN_SHIFT;
    return;
  }
  bytes[offset + CLASS_OFFSET]! |= ECN_MASK;
  // The header checksum loses what the word with the mark has gained (RFC 1624).
  const checksum = readUint16(bytes, offset + IPV4_CHECKSUM_OFFSET);
  const sum = foldSum((~checksum & 0xffff) + (Ecn.CongestionExperienced - ecn));
  writeUint16(bytes, offset + IPV4_CHECKSUM_OFFSET, ~sum & 0xffff);
}

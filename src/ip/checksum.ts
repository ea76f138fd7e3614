// The internet checksum (RFC 1071) with IPv6's pseudo header (RFC 8200, section 8.1).
//
// Sums are plain numbers that grow without folding: 64 KiB of 0xff bytes stay far below 2^53. They
// can be added in any order and are folded once at the end.

import { DESTINATION_OFFSET, SOURCE_OFFSET } from './header.ts';

/** Source and destination stand behind each other in the fixed header. */
const ADDRESSES_BYTES = DESTINATION_OFFSET - SOURCE_OFFSET + 16;

/** The sum of `length` bytes as big-endian 16-bit words; an odd last byte counts as a high one. */
export function sumBytes(bytes: Uint8Array, offset: number, length: number): number {
  // High and low bytes apart: two small integers need no shift and no carry in the loop.
  let high = 0;
  let low = 0;
  const end = offset + length - (length & 1);
  for (let i = offset; i < end; i += 2) {
    high += bytes[i]!;
    low += bytes[i + 1]!;
  }
  if ((length & 1) !== 0) high += bytes[end]!;
  return high * 256 + low;
}

/**
 * The sum of the pseudo header for `upperLength` bytes of `protocol` in the packet whose fixed
 * header is at `offset`.
 */
export function sumPseudoHeader(
  bytes: Uint8Array,
  offset: number,
  upperLength: number,
  protocol: number,
): number {
  return sumBytes(bytes, offset + SOURCE_OFFSET, ADDRESSES_BYTES) + upperLength + protocol;
}

/** A sum folded to 16 bits, not complemented: what a partial checksum for an offload holds. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = Math.floor(folded / 0x1_0000) + (folded % 0x1_0000);
  return folded;
}

/** The checksum for the field, which was zero while `sum` was made. */
export function finishChecksum(sum: number): number {
  return 0xffff - foldSum(sum);
}

/**
 * The checksum of `upperLength` bytes at `upperOffset`, their checksum field zero, in the packet
 * whose fixed header is at `offset`. A UDP sender writes 0xffff for 0 (RFC 8200, section 8.1).
 */
export function computeChecksum(
  bytes: Uint8Array,
  offset: number,
  upperOffset: number,
  upperLength: number,
  protocol: number,
): number {
  const pseudo = sumPseudoHeader(bytes, offset, upperLength, protocol);
  return finishChecksum(pseudo + sumBytes(bytes, upperOffset, upperLength));
}

/** Whether `upperLength` bytes at `upperOffset` and the checksum in them belong together. */
export function verifyChecksum(
  bytes: Uint8Array,
  offset: number,
  upperOffset: number,
  upperLength: number,
  protocol: number,
): boolean {
  return computeChecksum(bytes, offset, upperOffset, upperLength, protocol) === 0;
}

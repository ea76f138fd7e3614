// ICMP's Destination Unreachable for IPv4 (RFC 792), and when it may be sent (RFC 1812, section
// 4.3.2.7).
//
//  +------+------+---------------+
//  | Type | Code |    Checksum   |   behind an IPv4 header of its own
//  +------+------+---------------+
//  |    Unused     |   or MTU    |
//  +-----------------------------+
//  | As much of the packet as    |
//  | fits into 576 bytes in all  |
//  +-----------------------------+

import { finishChecksum, sumBytes } from './checksum.ts';
import { bytesEqual, IPV4_VERSION, readUint16, readVersion, writeUint16 } from './header.ts';
import { IPV4_ADDRESS_BYTES } from './ipv4-address.ts';

export const IPV4_HEADER_BYTES = 20;
/** No error is longer than this (RFC 1812, section 4.3.2.3). */
export const ICMPV4_ERROR_BYTES_MAX = 576;

const TOTAL_LENGTH_OFFSET = 2;
const FRAGMENT_OFFSET = 6;
const FRAGMENT_MASK = 0x1fff;
const TTL_OFFSET = 8;
const PROTOCOL_OFFSET = 9;
const CHECKSUM_OFFSET = 10;
const SOURCE_OFFSET = 12;
const DESTINATION_OFFSET = 16;

const PROTOCOL_ICMP = 1;
const ICMP_HEADER_BYTES = 8;
const ICMP_CODE_OFFSET = 1;
const ICMP_CHECKSUM_OFFSET = 2;
const TYPE_UNREACHABLE = 3;
const CODE_HOST = 1;
const CODE_FRAGMENTATION_NEEDED = 4;
const ICMP_MTU_OFFSET = 6;
/** Types that are no errors: echo, its reply, timestamps. All others count as errors. */
const QUERIES: readonly number[] = [0, 8, 13, 14];

const TTL = 64;
/** 224.0.0.0/4 and all above: multicast, reserved, broadcast. */
const UNICAST_END = 224;
const LOOPBACK = 127;
const UNSPECIFIED = new Uint8Array(IPV4_ADDRESS_BYTES);

/**
 * Whether an error may be sent about the packet at `offset`: not about an error, about a fragment
 * but the first, or about what was not sent from one host to one other.
 */
export function mayAnswerWithIpv4Error(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < IPV4_HEADER_BYTES || readVersion(bytes, offset) !== IPV4_VERSION) return false;
  const headerBytes = 4 * (bytes[offset]! & 15);
  if (headerBytes < IPV4_HEADER_BYTES || headerBytes > length) return false;
  if ((readUint16(bytes, offset + FRAGMENT_OFFSET) & FRAGMENT_MASK) !== 0) return false;
  if (!isUnicast(bytes, offset + SOURCE_OFFSET)) return false;
  if (!isUnicast(bytes, offset + DESTINATION_OFFSET)) return false;
  if (bytes[offset + PROTOCOL_OFFSET] !== PROTOCOL_ICMP) return true;
  return headerBytes < length && QUERIES.includes(bytes[offset + headerBytes]!);
}

/**
 * Writes "host unreachable" about the packet at `offset` to `target`, which has
 * ICMPV4_ERROR_BYTES_MAX bytes at `targetOffset` that do not overlap the packet. The address at
 * `source` of `sourceBytes` is the one that it comes from. Returns its length.
 */
export function writeHostUnreachable(
  sourceBytes: Uint8Array,
  source: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  target: Uint8Array,
  targetOffset: number,
): number {
  const code = CODE_HOST;
  return writeError(code, 0, sourceBytes, source, bytes, offset, length, target, targetOffset);
}

/**
 * Writes "fragmentation needed" with the `mtu` (RFC 1191, section 4); the rest as in
 * `writeHostUnreachable`.
 */
export function writeFragmentationNeeded(
  mtu: number,
  sourceBytes: Uint8Array,
  source: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  target: Uint8Array,
  targetOffset: number,
): number {
  const code = CODE_FRAGMENTATION_NEEDED;
  return writeError(code, mtu, sourceBytes, source, bytes, offset, length, target, targetOffset);
}

function writeError(
  code: number,
  mtu: number,
  sourceBytes: Uint8Array,
  source: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  target: Uint8Array,
  targetOffset: number,
): number {
  const message = targetOffset + IPV4_HEADER_BYTES;
  const quote = message + ICMP_HEADER_BYTES;
  const quoted = Math.min(length, ICMPV4_ERROR_BYTES_MAX - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES);
  const total = IPV4_HEADER_BYTES + ICMP_HEADER_BYTES + quoted;
  target.fill(0, targetOffset, quote);
  target[targetOffset] = (IPV4_VERSION << 4) | (IPV4_HEADER_BYTES / 4);
  writeUint16(target, targetOffset + TOTAL_LENGTH_OFFSET, total);
  target[targetOffset + TTL_OFFSET] = TTL;
  target[targetOffset + PROTOCOL_OFFSET] = PROTOCOL_ICMP;
  for (let i = 0; i < IPV4_ADDRESS_BYTES; i++) {
    target[targetOffset + SOURCE_OFFSET + i] = sourceBytes[source + i]!;
    target[targetOffset + DESTINATION_OFFSET + i] = bytes[offset + SOURCE_OFFSET + i]!;
  }
  const header = finishChecksum(sumBytes(target, targetOffset, IPV4_HEADER_BYTES));
  writeUint16(target, targetOffset + CHECKSUM_OFFSET, header);
  target[message] = TYPE_UNREACHABLE;
  target[message + ICMP_CODE_OFFSET] = code;
  writeUint16(target, message + ICMP_MTU_OFFSET, mtu);
  for (let i = 0; i < quoted; i++) target[quote + i] = bytes[offset + i]!;
  const checksum = finishChecksum(sumBytes(target, message, ICMP_HEADER_BYTES + quoted));
  writeUint16(target, message + ICMP_CHECKSUM_OFFSET, checksum);
  return total;
}

/** Where the destination of the IPv4 packet at `offset` stands. */
export function ipv4DestinationAt(offset: number): number {
  return offset + DESTINATION_OFFSET;
}

function isUnicast(bytes: Uint8Array, offset: number): boolean {
  const first = bytes[offset]!;
  if (first === LOOPBACK || first >= UNICAST_END) return false;
  return !bytesEqual(bytes, offset, UNSPECIFIED, 0, IPV4_ADDRESS_BYTES);
}

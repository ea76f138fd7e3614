// Captured packets as pcapng (the IETF's draft-ietf-opsawg-pcapng): one section with two
// interfaces, what meets the filter and what has passed it. Each packet of the first carries its
// verdict as a comment.
//
//    0      4        8               length - 4
//   | type | length | body | options | length |     all in little-endian, padded to 4 bytes

import type { WallMillis } from '../../base/clock.ts';
import { DROP_REASONS, type DropReason } from '../../filter/drop-reason.ts';
import { PASS_RULES, type PassRule } from '../../filter/verdict.ts';
import type { CapturedPacket } from './ring.ts';

const SECTION_HEADER = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION = 1;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
const LENGTH_UNKNOWN = 0xffff_ffff;
/**
 * Packets begin with their IPv6 header. LINKTYPE_RAW would suit the odd IPv4 packet that is dropped
 * too, but libpcap reads no file with two interfaces of it.
 */
const LINKTYPE_IPV6 = 229;

const OPTION_COMMENT = 1;
const SECTION_APPLICATION = 4;
const INTERFACE_NAME = 2;
const INTERFACE_DESCRIPTION_TEXT = 3;
const PACKET_FLAGS = 2;
const STATISTICS_RECEIVED = 4;
const STATISTICS_DROPPED = 5;

const FLAG_INBOUND = 1;
const FLAG_OUTBOUND = 2;

const BEFORE_FILTER = 0;
const AFTER_FILTER = 1;

/** What stands before all packets. */
export function fileStart(application: string, snapLength: number): Buffer {
  const section = [uint32(BYTE_ORDER_MAGIC), uint16(1, 0), uint32(LENGTH_UNKNOWN, LENGTH_UNKNOWN)];
  return Buffer.concat([
    block(SECTION_HEADER, section, [textOption(SECTION_APPLICATION, application)]),
    interfaceBlock('before', 'packets that meet the filter, with its verdicts', snapLength),
    interfaceBlock('after', 'packets that have passed the filter', snapLength),
  ]);
}

/** A packet where it meets the filter, and once more behind it where it passed. */
export function packetBlocks(packet: CapturedPacket): Buffer {
  const comment = textOption(OPTION_COMMENT, verdictText(packet));
  const before = packetBlock(BEFORE_FILTER, packet, [comment]);
  if (!packet.isPassed) return before;
  return Buffer.concat([before, packetBlock(AFTER_FILTER, packet, [])]);
}

/** How many packets there were up to now, and how many found no room. */
export function statisticsBlock(
  time: WallMillis,
  counts: { readonly received: number; readonly dropped: number },
): Buffer {
  const body = [uint32(BEFORE_FILTER), timestamp(time)];
  return block(INTERFACE_STATISTICS, body, [
    option(STATISTICS_RECEIVED, uint64(counts.received)),
    option(STATISTICS_DROPPED, uint64(counts.dropped)),
  ]);
}

function verdictText({ isPassed, rule }: CapturedPacket): string {
  return isPassed
    ? `pass: ${PASS_RULES[rule as PassRule].name}`
    : `drop: ${DROP_REASONS[rule as DropReason].name}`;
}

function interfaceBlock(name: string, description: string, snapLength: number): Buffer {
  const body = [uint16(LINKTYPE_IPV6, 0), uint32(snapLength)];
  const options = [
    textOption(INTERFACE_NAME, name),
    textOption(INTERFACE_DESCRIPTION_TEXT, description),
  ];
  return block(INTERFACE_DESCRIPTION, body, options);
}

function packetBlock(number: number, packet: CapturedPacket, options: readonly Buffer[]): Buffer {
  const { bytes, isInbound, originalLength, time } = packet;
  const lengths = uint32(bytes.length, originalLength);
  const flags = option(PACKET_FLAGS, uint32(isInbound ? FLAG_INBOUND : FLAG_OUTBOUND));
  const body = [uint32(number), timestamp(time), lengths, padded(bytes)];
  return block(ENHANCED_PACKET, body, [flags, ...options]);
}

function block(type: number, body: readonly Buffer[], options: readonly Buffer[]): Buffer {
  const parts = [...body, ...options, uint32(0)];
  const length = parts.reduce((sum, part) => sum + part.length, 12);
  return Buffer.concat([uint32(type, length), ...parts, uint32(length)]);
}

function option(code: number, value: Uint8Array): Buffer {
  return Buffer.concat([uint16(code, value.length), padded(value)]);
}

function textOption(code: number, text: string): Buffer {
  return option(code, Buffer.from(text));
}

/** Microseconds since 1970, the upper half first. */
function timestamp(time: WallMillis): Buffer {
  const microseconds = Math.round(time * 1000);
  return uint32(Math.floor(microseconds / 2 ** 32), microseconds % 2 ** 32);
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes], (bytes.length + 3) & -4);
}

function uint16(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) buffer.writeUInt16LE(value, 2 * i);
  return buffer;
}

function uint32(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) buffer.writeUInt32LE(value >>> 0, 4 * i);
  return buffer;
}

function uint64(value: number): Buffer {
  return uint32(value % 2 ** 32, Math.floor(value / 2 ** 32));
}

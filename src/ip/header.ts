// The fixed header of an IPv6 packet (RFC 8200, section 3), read where it stands: functions on
// (bytes, offset), because a view object per packet would be garbage per packet.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +-------+---------------+---------------------------------------+
//  |Version| Traffic class |             Flow label                |  0
//  +-------+---------------+-------+---------------+---------------+
//  |         Payload length        |  Next header  |   Hop limit   |  4
//  +-------------------------------+---------------+---------------+
//  |                                                               |  8
//  +                         Source address                        +
//  |                           (16 bytes)                          |
//  +---------------------------------------------------------------+
//  |                                                               | 24
//  +                      Destination address                      +
//  |                           (16 bytes)                          |
//  +---------------------------------------------------------------+  40

export const IPV6_HEADER_BYTES = 40;
export const PAYLOAD_LENGTH_OFFSET = 4;
export const NEXT_HEADER_OFFSET = 6;
export const HOP_LIMIT_OFFSET = 7;
export const SOURCE_OFFSET = 8;
export const DESTINATION_OFFSET = 24;

export const IPV4_VERSION = 4;
export const IPV6_VERSION = 6;
/** What IPv6 asks of every link (RFC 8200, section 5). */
export const IPV6_MTU_MIN = 1280;

/** The version nibble, which IPv4 packets have in the same place. */
export function readVersion(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! >>> 4;
}

/** DSCP and ECN. */
export function readTrafficClass(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 4) & 0xf0) | (bytes[offset + 1]! >>> 4);
}

/** Bytes behind the fixed header; 0 in a jumbogram. */
export function readPayloadLength(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + PAYLOAD_LENGTH_OFFSET);
}

/** The protocol number of what follows the fixed header. */
export function readNextHeader(bytes: Uint8Array, offset: number): number {
  return bytes[offset + NEXT_HEADER_OFFSET]!;
}

export function readHopLimit(bytes: Uint8Array, offset: number): number {
  return bytes[offset + HOP_LIMIT_OFFSET]!;
}

/** Writes a header with traffic class and flow label 0; the addresses are the caller's to write. */
export function writeIpv6Header(
  bytes: Uint8Array,
  offset: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
): void {
  writeUint32(bytes, offset, IPV6_VERSION * 0x1000_0000);
  writeUint16(bytes, offset + PAYLOAD_LENGTH_OFFSET, payloadLength);
  bytes[offset + NEXT_HEADER_OFFSET] = nextHeader;
  bytes[offset + HOP_LIMIT_OFFSET] = hopLimit;
}

/** A big-endian number at `offset`. */
export function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

/** A big-endian number at `offset`. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 24) |
      (bytes[offset + 1]! << 16) |
      (bytes[offset + 2]! << 8) |
      bytes[offset + 3]!) >>>
    0
  );
}

/** The same 32 bits with a sign: the engine keeps them without an object, whatever they are. */
export function readInt32(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset]! << 24) |
    (bytes[offset + 1]! << 16) |
    (bytes[offset + 2]! << 8) |
    bytes[offset + 3]!
  );
}

export function writeUint16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** Whether `length` bytes at the two places are equal. Not for secrets. */
export function bytesEqual(
  a: Uint8Array,
  aOffset: number,
  b: Uint8Array,
  bOffset: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) if (a[aOffset + i] !== b[bOffset + i]) return false;
  return true;
}

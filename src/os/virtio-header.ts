// The header in front of each packet of a TUN with offloads: what the kernel has left undone. A
// superpacket is a TCP or UDP packet of up to 64 KiB that still has to be cut into segments.
// Source: the virtio specification, "struct virtio_net_hdr", in native byte order.
//
//   0  1  flags
//   1  1  what kind of superpacket
//   2  2  length of all headers
//   4  2  payload bytes of each segment
//   6  2  where the checksum begins: at the TCP or UDP header
//   8  2  where the checksum stands behind that

export const VIRTIO_HEADER_BYTES = 10;

/** The checksum field holds the sum of the pseudo header alone. */
export const NEEDS_CHECKSUM = 1;

export const SuperpacketKind = { None: 0, Tcp4: 1, Tcp6: 4, Udp: 5 } as const;
export type SuperpacketKind = (typeof SuperpacketKind)[keyof typeof SuperpacketKind];

const KIND_OFFSET = 1;
const HEADERS_LENGTH_OFFSET = 2;
const SEGMENT_BYTES_OFFSET = 4;
const CHECKSUM_START_OFFSET = 6;
const CHECKSUM_FIELD_OFFSET = 8;

/** Each takes the offset of the packet, which the header stands in front of. */
export function readVirtioFlags(bytes: Uint8Array, packet: number): number {
  return bytes[packet - VIRTIO_HEADER_BYTES]!;
}

export function readSuperpacketKind(bytes: Uint8Array, packet: number): number {
  return bytes[packet - VIRTIO_HEADER_BYTES + KIND_OFFSET]!;
}

export function readSegmentBytes(bytes: Uint8Array, packet: number): number {
  return readUint16(bytes, packet - VIRTIO_HEADER_BYTES + SEGMENT_BYTES_OFFSET);
}

export function readChecksumStart(bytes: Uint8Array, packet: number): number {
  return readUint16(bytes, packet - VIRTIO_HEADER_BYTES + CHECKSUM_START_OFFSET);
}

export function readChecksumField(bytes: Uint8Array, packet: number): number {
  return readUint16(bytes, packet - VIRTIO_HEADER_BYTES + CHECKSUM_FIELD_OFFSET);
}

/** The packet is whole and has its checksum. */
export function clearVirtioHeader(bytes: Uint8Array, packet: number): void {
  for (let i = packet - VIRTIO_HEADER_BYTES; i < packet; i++) bytes[i] = 0;
}

/** The checksum begins at `transport` bytes of the packet, its field is `field` bytes behind. */
export function writeVirtioHeader(
  bytes: Uint8Array,
  packet: number,
  flags: number,
  kind: SuperpacketKind,
  headersLength: number,
  segmentBytes: number,
  transport: number,
  field: number,
): void {
  const start = packet - VIRTIO_HEADER_BYTES;
  bytes[start] = flags;
  bytes[start + KIND_OFFSET] = kind;
  writeUint16(bytes, start + HEADERS_LENGTH_OFFSET, headersLength);
  writeUint16(bytes, start + SEGMENT_BYTES_OFFSET, segmentBytes);
  writeUint16(bytes, start + CHECKSUM_START_OFFSET, transport);
  writeUint16(bytes, start + CHECKSUM_FIELD_OFFSET, field);
}

/** Little-endian, as all machines that p6n runs on are. */
function readUint16(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8);
}

function writeUint16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
}

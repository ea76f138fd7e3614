// How long the packet in an opened data message is: the message's padding is not part of it.

import {
  IPV4_VERSION,
  IPV6_HEADER_BYTES,
  IPV6_VERSION,
  readPayloadLength,
  readUint16,
  readVersion,
} from '../ip/header.ts';

const IPV4_HEADER_BYTES = 20;
const IPV4_TOTAL_LENGTH_OFFSET = 2;

/** What innerPacketLength() says of bytes that are no IP packet. */
export const NO_PACKET = 0;

/**
 * The length, by its own header, of the IP packet in `length` bytes at `offset`; NO_PACKET when it
 * is neither IPv4 nor IPv6 or claims more than is there.
 */
export function innerPacketLength(bytes: Uint8Array, offset: number, length: number): number {
  if (length < IPV4_HEADER_BYTES) return NO_PACKET;
  const version = readVersion(bytes, offset);
  if (version === IPV6_VERSION) {
    if (length < IPV6_HEADER_BYTES) return NO_PACKET;
    const total = IPV6_HEADER_BYTES + readPayloadLength(bytes, offset);
    return total <= length ? total : NO_PACKET;
  }
  if (version !== IPV4_VERSION) return NO_PACKET;
  const total = readUint16(bytes, offset + IPV4_TOTAL_LENGTH_OFFSET);
  return total >= IPV4_HEADER_BYTES && total <= length ? total : NO_PACKET;
}

// The walk over IPv6 extension headers to the transport header (RFC 8200, section 4). It is bounded
// and stops at the first header that cannot be walked over, so a packet cannot hide its protocol.
//
//  hop-by-hop, routing, destination options, mobility, HIP, shim6:
//  +-------------+--------------------+----------------------------+
//  | Next header | Length in 8 bytes, |            ...             |
//  |             | without the first  |                            |
//  +-------------+--------------------+----------------------------+
//  authentication: the same, with the length in 4 bytes, without the first two words
//  fragment:
//  +-------------+----------+-------------------+---+-+------------+
//  | Next header | Reserved | Offset in 8 bytes |   |M|     ID     |
//  +-------------+----------+-------------------+---+-+------------+

import { IPV6_HEADER_BYTES, readNextHeader, readUint16 } from './header.ts';
import { IpProtocol } from './protocol.ts';

/** Headers before the transport header; RFC 8200 has six kinds, and each once is plenty. */
export const EXTENSION_HEADERS_MAX = 8;

const EXTENSION_BYTES_MIN = 8;
const FRAGMENT_FIELD_OFFSET = 2;
/** The bits of the fragment field that hold the offset. */
const FRAGMENT_OFFSET_MASK = 0xfff8;

/** How the walk ended. */
export const Walk = {
  /** At a protocol that is no extension header; it stands at `offset`. */
  Transport: 0,
  /** In a fragment behind the first, whose payload is the middle of something. */
  LaterFragment: 1,
  /** At a hop-by-hop header, which asks every node on the way to act. */
  HopByHop: 2,
  /** At a routing header, which names destinations beyond the one in the fixed header. */
  Routing: 3,
  /** At a header that ends behind the packet. */
  Truncated: 4,
  /** After EXTENSION_HEADERS_MAX headers. */
  TooMany: 5,
} as const;
export type Walk = (typeof Walk)[keyof typeof Walk];

/** Where the walk ended: made once, filled for each packet. */
export class TransportPlace {
  /** The Next Header number of what stands at `offset`. */
  protocol = 0;
  /** In the byte array; may be the end of the packet when nothing follows. */
  offset = 0;
  /** Whether there was any extension header. */
  extended = false;
  /** Whether there was a fragment header, also that of a packet in one fragment (RFC 6946). */
  fragmented = false;
}

/**
 * Walks the packet at `offset`, whose `length` bytes hold at least the fixed header, and fills
 * `place`, which always says how far the walk came.
 */
export function locateTransport(
  bytes: Uint8Array,
  offset: number,
  length: number,
  place: TransportPlace,
): Walk {
  const end = offset + length;
  place.protocol = readNextHeader(bytes, offset);
  place.offset = offset + IPV6_HEADER_BYTES;
  place.extended = false;
  place.fragmented = false;
  for (let headers = 0; headers <= EXTENSION_HEADERS_MAX; headers++) {
    const { protocol } = place;
    if (!isExtensionHeader(protocol)) return Walk.Transport;
    place.extended = true;
    if (protocol === IpProtocol.HopByHop) return Walk.HopByHop;
    if (protocol === IpProtocol.Routing) return Walk.Routing;
    const start = place.offset;
    if (start + EXTENSION_BYTES_MIN > end) return Walk.Truncated;
    const next = start + extensionBytes(protocol, bytes[start + 1]!);
    if (next > end) return Walk.Truncated;
    place.protocol = bytes[start]!;
    place.offset = next;
    if (protocol !== IpProtocol.Fragment) continue;
    place.fragmented = true;
    const field = readUint16(bytes, start + FRAGMENT_FIELD_OFFSET);
    if ((field & FRAGMENT_OFFSET_MASK) !== 0) return Walk.LaterFragment;
  }
  return Walk.TooMany;
}

/**
 * Encapsulating Security counts as a transport: what is behind it is encrypted. No Next Header too.
 */
function isExtensionHeader(protocol: number): boolean {
  switch (protocol) {
    case IpProtocol.Tcp:
    case IpProtocol.Udp:
    case IpProtocol.Icmpv6:
      return false;
    case IpProtocol.HopByHop:
    case IpProtocol.Routing:
    case IpProtocol.Fragment:
    case IpProtocol.Authentication:
    case IpProtocol.DestinationOptions:
    case IpProtocol.Mobility:
    case IpProtocol.HostIdentity:
    case IpProtocol.Shim6:
      return true;
    default:
      return false;
  }
}

function extensionBytes(protocol: number, lengthField: number): number {
  if (protocol === IpProtocol.Fragment) return EXTENSION_BYTES_MIN;
  if (protocol === IpProtocol.Authentication) return (lengthField + 2) * 4;
  return (lengthField + 1) * 8;
}

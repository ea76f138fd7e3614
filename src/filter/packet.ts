// A packet as the rules see it: read once, in one object that serves for all packets. What can be
// wrong with a packet by itself, whoever sent it, is decided here.

import { locateTransport, TransportPlace, Walk } from '../ip/extension-headers.ts';
import {
  DESTINATION_OFFSET,
  IPV4_VERSION,
  IPV6_HEADER_BYTES,
  IPV6_VERSION,
  readNextHeader,
  readPayloadLength,
  readVersion,
  SOURCE_OFFSET,
} from '../ip/header.ts';
import { IPV6_ADDRESS_BYTES } from '../ip/ipv6-address.ts';
import { IpProtocol } from '../ip/protocol.ts';
import { isNeighbourDiscovery } from '../ip/transport.ts';
import { DropReason } from './drop-reason.ts';
import { AddressShape, PacketAddress } from './packet-address.ts';
import { HOST_TUN } from './verdict.ts';

/** By which kind of interface a packet entered. */
export const Ingress = {
  /** `p6n0`. */
  HostTun: 0,
  InstanceTun: 1,
  HostPeer: 2,
  WireguardPeer: 3,
} as const;
export type Ingress = (typeof Ingress)[keyof typeof Ingress];

const MULTICAST_BYTE = 0xff;
/** `fe80::/10`. */
const LINK_LOCAL_BYTE = 0xfe;
const LINK_LOCAL_BITS = 0x80;
const LINK_LOCAL_MASK = 0xc0;
const NO_BYTES = new Uint8Array(0);

export class FilterPacket {
  ingress: Ingress = Ingress.HostTun;
  /** For the two kinds of TUN: its number. */
  ingressTun: number = HOST_TUN;
  bytes: Uint8Array = NO_BYTES;
  offset = 0;
  length = 0;
  readonly source: PacketAddress = new PacketAddress();
  readonly destination: PacketAddress = new PacketAddress();
  /** Where the transport header stands; its end is the packet's. */
  readonly transport: TransportPlace = new TransportPlace();

  /**
   * Takes in the packet at `offset`, which must fill `length` bytes exactly. Returns what is wrong
   * with it, or undefined.
   */
  read(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    const fault = headerFault(bytes, offset, length);
    if (fault !== undefined) return fault;
    this.source.read(bytes, offset + SOURCE_OFFSET);
    this.destination.read(bytes, offset + DESTINATION_OFFSET);
    return this.#addressFault() ?? this.#walk();
  }

  /** Bytes from the transport header to the end of the packet. */
  get transportLength(): number {
    return this.offset + this.length - this.transport.offset;
  }

  #addressFault(): DropReason | undefined {
    const { bytes, offset } = this;
    if (this.source.shape === AddressShape.OutsideSite) {
      const fault = reservedAddress(bytes, offset + SOURCE_OFFSET);
      if (fault !== undefined) return fault;
    }
    if (this.destination.shape !== AddressShape.OutsideSite) return undefined;
    return reservedAddress(bytes, offset + DESTINATION_OFFSET);
  }

  #walk(): DropReason | undefined {
    const { transport } = this;
    switch (locateTransport(this.bytes, this.offset, this.length, transport)) {
      case Walk.HopByHop:
        return DropReason.HopByHop;
      case Walk.Routing:
        return DropReason.RoutingHeader;
      case Walk.Truncated:
        return DropReason.ExtensionHeaderTruncated;
      case Walk.TooMany:
        return DropReason.ExtensionHeadersTooMany;
      case Walk.LaterFragment:
        return undefined;
      case Walk.Transport:
        // The filter does not count down the hop limit, so 255 does not prove a neighbour here as
        // RFC 4861 has it.
        return transport.protocol === IpProtocol.Icmpv6 &&
          this.transportLength > 0 &&
          isNeighbourDiscovery(this.bytes[transport.offset]!)
          ? DropReason.NeighbourDiscovery
          : undefined;
    }
  }
}

function headerFault(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
  if (length < 1) return DropReason.Truncated;
  const version = readVersion(bytes, offset);
  if (version === IPV4_VERSION) return DropReason.Ipv4;
  if (version !== IPV6_VERSION) return DropReason.NotIp;
  if (length < IPV6_HEADER_BYTES) return DropReason.Truncated;
  const payloadLength = readPayloadLength(bytes, offset);
  if (payloadLength === 0 && readNextHeader(bytes, offset) === IpProtocol.HopByHop) {
    return DropReason.Jumbogram;
  }
  return payloadLength + IPV6_HEADER_BYTES === length ? undefined : DropReason.LengthMismatch;
}

/** Why an address that is no host's on any network may not be in a packet, or undefined. */
function reservedAddress(bytes: Uint8Array, offset: number): DropReason | undefined {
  const first = bytes[offset]!;
  if (first === MULTICAST_BYTE) return DropReason.Multicast;
  if (first === LINK_LOCAL_BYTE && (bytes[offset + 1]! & LINK_LOCAL_MASK) === LINK_LOCAL_BITS) {
    return DropReason.LinkLocal;
  }
  const last = offset + IPV6_ADDRESS_BYTES - 1;
  for (let i = offset; i < last; i++) if (bytes[i] !== 0) return undefined;
  if (bytes[last] === 0) return DropReason.Unspecified;
  return bytes[last] === 1 ? DropReason.Loopback : undefined;
}

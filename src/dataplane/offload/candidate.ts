// What a packet on its way to a TUN is to the merger: read once, where it stands. Only what the
// kernel itself would have sent in pieces is a segment: TCP with ACK or ACK and PSH and a payload,
// UDP with a checksum and a payload, behind an IP header without options or extension headers.

import { foldSum, sumBytes } from '../../ip/checksum.ts';
import {
  IPV4_VERSION,
  IPV6_HEADER_BYTES,
  IPV6_VERSION,
  NEXT_HEADER_OFFSET,
  readUint16,
  readVersion,
  SOURCE_OFFSET,
} from '../../ip/header.ts';
import {
  IPV4_FRAGMENT_OFFSET,
  IPV4_HEADER_BYTES,
  IPV4_PROTOCOL_OFFSET,
  sumIpv4Addresses,
} from '../../ip/ipv4-header.ts';
import { IpProtocol } from '../../ip/protocol.ts';
import type { SummedSlab } from '../../ip/slab-sums.ts';
import {
  TCP_DATA_OFFSET,
  TCP_FLAGS_OFFSET,
  TCP_HEADER_BYTES,
  TcpFlag,
  UDP_CHECKSUM_OFFSET,
  UDP_HEADER_BYTES,
  UDP_LENGTH_OFFSET,
} from '../../ip/transport.ts';

/** More fragments, or not the first one. */
const FRAGMENT_MASK = 0x3fff;
const IPV4_FIRST_BYTE = 0x45;
const ADDRESSES_BYTES_IPV6 = 32;

export const Shape = {
  /** No TCP or UDP packet of which the flow is known: nothing may overtake it. */
  Other: 0,
  /** Of a flow, to be passed on as it is. */
  Single: 1,
  Segment: 2,
} as const;
export type Shape = (typeof Shape)[keyof typeof Shape];

/** The packet at hand; its fields hold until the next read(). */
export class Candidate {
  isIpv4 = false;
  isTcp = false;
  /** Where the TCP or UDP header begins, behind the packet's offset. */
  transport = 0;
  /** Bytes of all headers. */
  headers = 0;
  /** The segment ends a superpacket. */
  isPushed = false;
  readonly #slab: SummedSlab;

  constructor(slab: SummedSlab) {
    this.#slab = slab;
  }

  /** Reads an IP packet of exactly `length` bytes. */
  read(offset: number, length: number): Shape {
    const { bytes } = this.#slab.slab;
    const version = readVersion(bytes, offset);
    this.isIpv4 = version === IPV4_VERSION;
    this.isPushed = false;
    let protocol: number;
    if (this.isIpv4) {
      this.transport = IPV4_HEADER_BYTES;
      if (bytes[offset] !== IPV4_FIRST_BYTE || isFragment(bytes, offset)) return Shape.Other;
      protocol = bytes[offset + IPV4_PROTOCOL_OFFSET]!;
    } else {
      this.transport = IPV6_HEADER_BYTES;
      if (version !== IPV6_VERSION || length < IPV6_HEADER_BYTES) return Shape.Other;
      protocol = bytes[offset + NEXT_HEADER_OFFSET]!;
    }
    this.isTcp = protocol === IpProtocol.Tcp;
    const rest = length - this.transport;
    if (this.isTcp) return rest < TCP_HEADER_BYTES ? Shape.Other : this.#readTcp(offset, length);
    if (protocol !== IpProtocol.Udp || rest < UDP_HEADER_BYTES) return Shape.Other;
    return this.#readUdp(offset, rest);
  }

  /**
   * Whether the checksums of a segment are right. What is merged has its checksum made anew by the
   * kernel, so damage that happened before a packet was sealed must be seen here.
   */
  isSound(offset: number, length: number): boolean {
    const { slab, sums } = this.#slab;
    const { bytes } = slab;
    if (this.isIpv4 && foldSum(sumBytes(bytes, offset, IPV4_HEADER_BYTES)) !== 0xffff) return false;
    const rest = length - this.transport;
    const sum = sums.sum(offset + this.transport, rest);
    return foldSum(sum + this.sumPseudoHeader(offset, rest)) === 0xffff;
  }

  /** For `length` bytes of transport header and payload of a packet of this kind. */
  sumPseudoHeader(offset: number, length: number): number {
    const { bytes } = this.#slab.slab;
    const addresses = this.isIpv4
      ? sumIpv4Addresses(bytes, offset)
      : sumBytes(bytes, offset + SOURCE_OFFSET, ADDRESSES_BYTES_IPV6);
    return addresses + (this.isTcp ? IpProtocol.Tcp : IpProtocol.Udp) + length;
  }

  #readTcp(offset: number, length: number): Shape {
    const { bytes } = this.#slab.slab;
    const transport = offset + this.transport;
    const header = (bytes[transport + TCP_DATA_OFFSET]! >>> 4) * 4;
    const flags = bytes[transport + TCP_FLAGS_OFFSET]!;
    this.headers = this.transport + header;
    this.isPushed = (flags & TcpFlag.Psh) !== 0;
    const isData = (flags & ~TcpFlag.Psh) === TcpFlag.Ack && length > this.headers;
    return header >= TCP_HEADER_BYTES && isData ? Shape.Segment : Shape.Single;
  }

  #readUdp(offset: number, rest: number): Shape {
    const { bytes } = this.#slab.slab;
    const transport = offset + this.transport;
    this.headers = this.transport + UDP_HEADER_BYTES;
    const isWhole = readUint16(bytes, transport + UDP_LENGTH_OFFSET) === rest;
    const hasChecksum = readUint16(bytes, transport + UDP_CHECKSUM_OFFSET) !== 0;
    return isWhole && hasChecksum && rest > UDP_HEADER_BYTES ? Shape.Segment : Shape.Single;
  }
}

function isFragment(bytes: Uint8Array, offset: number): boolean {
  return (readUint16(bytes, offset + IPV4_FRAGMENT_OFFSET) & FRAGMENT_MASK) !== 0;
}

// Cuts superpackets of a TUN into the packets that the sender would have sent without offloads:
// headers repeated, lengths, sequence numbers, flags and identifications put right, checksums made.
// A payload is copied once, and summed in the same pass; all else of a checksum is known once.

import { finishChecksum, sumBytes } from '../../ip/checksum.ts';
import {
  IPV4_VERSION,
  IPV6_HEADER_BYTES,
  IPV6_VERSION,
  NEXT_HEADER_OFFSET,
  PAYLOAD_LENGTH_OFFSET,
  readUint16,
  readUint32,
  readVersion,
  SOURCE_OFFSET,
  writeUint16,
  writeUint32,
} from '../../ip/header.ts';
import {
  IPV4_CHECKSUM_OFFSET,
  IPV4_HEADER_BYTES,
  IPV4_IDENTIFICATION_OFFSET,
  IPV4_PROTOCOL_OFFSET,
  IPV4_TOTAL_LENGTH_OFFSET,
  readIpv4HeaderLength,
  sumIpv4Addresses,
} from '../../ip/ipv4-header.ts';
import { IpProtocol } from '../../ip/protocol.ts';
import type { SlabSums, SummedSlab } from '../../ip/slab-sums.ts';
import {
  ICMPV6_CHECKSUM_OFFSET,
  TCP_CHECKSUM_OFFSET,
  TCP_DATA_OFFSET,
  TCP_FLAGS_OFFSET,
  TCP_HEADER_BYTES,
  TCP_SEQUENCE_OFFSET,
  TcpFlag,
  UDP_CHECKSUM_OFFSET,
  UDP_HEADER_BYTES,
  UDP_LENGTH_OFFSET,
} from '../../ip/transport.ts';
import {
  NEEDS_CHECKSUM,
  readChecksumField,
  readChecksumStart,
  readSegmentBytes,
  readSuperpacketKind,
  readVirtioFlags,
  SuperpacketKind,
} from '../../os/virtio-header.ts';

/** On the last segment only. */
const LAST_FLAGS: number = TcpFlag.Fin | TcpFlag.Psh;
const ADDRESSES_BYTES_IPV6 = 32;
/** More than any real MSS makes of 64 KiB: each costs a seal, and their sender chooses the size. */
const SEGMENTS_MAX = 1024;
const NO_FIELD = -1;
const CHECKSUM_FIELDS: readonly number[] = [
  TCP_CHECKSUM_OFFSET,
  UDP_CHECKSUM_OFFSET,
  ICMPV6_CHECKSUM_OFFSET,
];

export class Segmenter {
  readonly #bytes: Uint8Array;
  readonly #sums: SlabSums;
  #offset = 0;
  #isIpv4 = false;
  #isTcp = false;
  /** Of the TCP or UDP header, behind `#offset`. */
  #transport = 0;
  #headers = 0;
  #segmentBytes = 0;
  #payload = 0;
  #next = 0;
  #number = 0;
  /** Sums of what is the same in all segments. */
  #transportSum = 0;
  #ipv4Sum = 0;

  /** Superpackets and segments stand in `slab`. */
  constructor({ slab, sums }: SummedSlab) {
    this.#bytes = slab.bytes;
    this.#sums = sums;
  }

  /** How many segments begin() has found. */
  get count(): number {
    return Math.max(1, Math.ceil(this.#payload / this.#segmentBytes));
  }

  /** Bytes of the largest segment. */
  get lengthMax(): number {
    return this.#headers + Math.min(this.#segmentBytes, this.#payload);
  }

  /** Takes up the superpacket at `offset` with its header in front; false when it is none. */
  begin(offset: number, length: number): boolean {
    const bytes = this.#bytes;
    const kind = readSuperpacketKind(bytes, offset);
    this.#offset = offset;
    this.#next = 0;
    this.#number = 0;
    this.#isTcp = kind === SuperpacketKind.Tcp4 || kind === SuperpacketKind.Tcp6;
    if (!(this.#isTcp || kind === SuperpacketKind.Udp)) return false;
    this.#transport = readChecksumStart(bytes, offset);
    this.#segmentBytes = readSegmentBytes(bytes, offset);
    const fixed = this.#isTcp ? TCP_HEADER_BYTES : UDP_HEADER_BYTES;
    if (this.#segmentBytes === 0 || this.#transport + fixed > length) return false;
    if (!this.#readIpHeader()) return false;
    const transport = offset + this.#transport;
    const words = this.#isTcp ? bytes[transport + TCP_DATA_OFFSET]! >>> 4 : 2;
    this.#headers = this.#transport + words * 4;
    this.#payload = length - this.#headers;
    if (words * 4 < fixed || this.#payload < 0) return false;
    if (this.count > SEGMENTS_MAX) return false;
    this.#sumHeaders();
    return true;
  }

  /** Writes the next segment at `target`; returns its length, 0 after the last. */
  next(target: number): number {
    const at = this.#next;
    if (this.#number > 0 && at >= this.#payload) return 0;
    const payload = Math.min(this.#segmentBytes, this.#payload - at);
    const headers = this.#headers;
    this.#sums.copy(this.#offset, target, headers);
    const from = this.#offset + headers + at;
    const sum = this.#sums.copy(from, target + headers, payload);
    const length = headers + payload;
    this.#writeIpHeader(target, length);
    const isLast = at + payload >= this.#payload;
    const transportLength = length - this.#transport;
    const whole = this.#transportSum + transportLength + sum;
    if (this.#isTcp) this.#writeTcp(target + this.#transport, whole, at, isLast);
    else this.#writeUdp(target + this.#transport, whole, transportLength);
    this.#next = at + payload;
    this.#number += 1;
    return length;
  }

  #readIpHeader(): boolean {
    const bytes = this.#bytes;
    const version = readVersion(bytes, this.#offset);
    this.#isIpv4 = version === IPV4_VERSION;
    if (this.#isIpv4) {
      const headerLength = readIpv4HeaderLength(bytes, this.#offset);
      return headerLength >= IPV4_HEADER_BYTES && headerLength === this.#transport;
    }
    return version === IPV6_VERSION && this.#transport >= IPV6_HEADER_BYTES;
  }

  /** All but the fields that differ from segment to segment. */
  #sumHeaders(): void {
    const bytes = this.#bytes;
    const start = this.#offset;
    const transport = start + this.#transport;
    const header = this.#headers - this.#transport;
    const isTcp = this.#isTcp;
    const addresses = this.#isIpv4
      ? sumIpv4Addresses(bytes, start)
      : sumBytes(bytes, start + SOURCE_OFFSET, ADDRESSES_BYTES_IPV6);
    let sum = addresses + (isTcp ? IpProtocol.Tcp : IpProtocol.Udp);
    sum += sumBytes(bytes, transport, header);
    if (isTcp) {
      sum -= readUint16(bytes, transport + TCP_CHECKSUM_OFFSET);
      sum -= sumBytes(bytes, transport + TCP_SEQUENCE_OFFSET, 4);
      sum -= bytes[transport + TCP_FLAGS_OFFSET]!;
    } else {
      sum -= readUint16(bytes, transport + UDP_CHECKSUM_OFFSET);
      sum -= readUint16(bytes, transport + UDP_LENGTH_OFFSET);
    }
    this.#transportSum = sum;
    if (!this.#isIpv4) return;
    this.#ipv4Sum =
      sumBytes(bytes, start, this.#transport) -
      readUint16(bytes, start + IPV4_TOTAL_LENGTH_OFFSET) -
      readUint16(bytes, start + IPV4_IDENTIFICATION_OFFSET) -
      readUint16(bytes, start + IPV4_CHECKSUM_OFFSET);
  }

  #writeIpHeader(target: number, length: number): void {
    const bytes = this.#bytes;
    if (!this.#isIpv4) {
      writeUint16(bytes, target + PAYLOAD_LENGTH_OFFSET, length - IPV6_HEADER_BYTES);
      return;
    }
    const first = readUint16(bytes, this.#offset + IPV4_IDENTIFICATION_OFFSET);
    const identification = (first + this.#number) & 0xffff;
    writeUint16(bytes, target + IPV4_TOTAL_LENGTH_OFFSET, length);
    writeUint16(bytes, target + IPV4_IDENTIFICATION_OFFSET, identification);
    const checksum = finishChecksum(this.#ipv4Sum + length + identification);
    writeUint16(bytes, target + IPV4_CHECKSUM_OFFSET, checksum);
  }

  #writeTcp(header: number, sum: number, at: number, isLast: boolean): void {
    const bytes = this.#bytes;
    const original = this.#offset + this.#transport;
    const sequence = (readUint32(bytes, original + TCP_SEQUENCE_OFFSET) + at) >>> 0;
    let flags = bytes[original + TCP_FLAGS_OFFSET]!;
    if (!isLast) flags &= ~LAST_FLAGS;
    if (this.#number > 0) flags &= ~TcpFlag.Cwr;
    writeUint32(bytes, header + TCP_SEQUENCE_OFFSET, sequence);
    bytes[header + TCP_FLAGS_OFFSET] = flags;
    const whole = sum + (sequence >>> 16) + (sequence & 0xffff) + flags;
    writeUint16(bytes, header + TCP_CHECKSUM_OFFSET, finishChecksum(whole));
  }

  #writeUdp(header: number, sum: number, length: number): void {
    const bytes = this.#bytes;
    writeUint16(bytes, header + UDP_LENGTH_OFFSET, length);
    writeUint16(bytes, header + UDP_CHECKSUM_OFFSET, neverZero(finishChecksum(sum + length)));
  }

  /**
   * Whether the checksum that is left to do, if any, is that of the packet's transport. The sender
   * chooses where it stands: anywhere else it would write over what the filter has judged.
   */
  isChecksumInPlace(offset: number, length: number): boolean {
    const bytes = this.#bytes;
    if ((readVirtioFlags(bytes, offset) & NEEDS_CHECKSUM) === 0) return true;
    const start = readChecksumStart(bytes, offset);
    const field = readChecksumField(bytes, offset);
    const isIpv4 = readVersion(bytes, offset) === IPV4_VERSION;
    const headers = isIpv4 ? readIpv4HeaderLength(bytes, offset) : IPV6_HEADER_BYTES;
    if (start < headers || start + field + 2 > length) return false;
    const protocol = bytes[offset + (isIpv4 ? IPV4_PROTOCOL_OFFSET : NEXT_HEADER_OFFSET)]!;
    const expected = checksumField(protocol);
    // Behind an extension header the transport may be any of them.
    if (expected === NO_FIELD) return CHECKSUM_FIELDS.includes(field);
    return start === headers && field === expected;
  }

  /** Makes the checksum of a packet that is no superpacket, which isChecksumInPlace(). */
  finishChecksum(offset: number, length: number): void {
    const bytes = this.#bytes;
    if ((readVirtioFlags(bytes, offset) & NEEDS_CHECKSUM) === 0) return;
    const start = readChecksumStart(bytes, offset);
    const field = readChecksumField(bytes, offset);
    const checksum = 0xffff - this.#sums.sum(offset + start, length - start);
    const isUdp = field === UDP_CHECKSUM_OFFSET;
    writeUint16(bytes, offset + start + field, isUdp ? neverZero(checksum) : checksum);
  }
}

/** Where the checksum stands in the header of a transport; NO_FIELD for any other header. */
function checksumField(protocol: number): number {
  if (protocol === IpProtocol.Tcp) return TCP_CHECKSUM_OFFSET;
  if (protocol === IpProtocol.Udp) return UDP_CHECKSUM_OFFSET;
  return protocol === IpProtocol.Icmpv6 ? ICMPV6_CHECKSUM_OFFSET : NO_FIELD;
}

/** UDP has 0 for "no checksum" (RFC 768). */
function neverZero(checksum: number): number {
  return checksum === 0 ? 0xffff : checksum;
}

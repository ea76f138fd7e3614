// Merges segments of one flow, as they come in order, into superpackets for a TUN. Only what the
// kernel would cut into the very same packets again is merged, and only where each checksum is
// right; all else goes as it is. No packet of a flow overtakes another one.
//
//   packets     A1 B1 A2 C1 A3 B2(short) A4 B3
//   groups      [A1 A2 A3 A4] [B1 B2] [C1] [B3]      written in the order in which they began
//
// Payloads are not copied: the TUN gathers them from where they stand.

import type { Slab } from '../../base/slab.ts';
import { finishChecksum, foldSum, sumBytes } from '../../ip/checksum.ts';
import {
  IPV6_HEADER_BYTES,
  PAYLOAD_LENGTH_OFFSET,
  readUint16,
  readUint32,
  writeUint16,
} from '../../ip/header.ts';
import {
  IPV4_CHECKSUM_OFFSET,
  IPV4_HEADER_BYTES,
  IPV4_TOTAL_LENGTH_OFFSET,
} from '../../ip/ipv4-header.ts';
import type { SummedSlab } from '../../ip/slab-sums.ts';
import {
  TCP_CHECKSUM_OFFSET,
  TCP_FLAGS_OFFSET,
  TcpFlag,
  UDP_CHECKSUM_OFFSET,
  UDP_LENGTH_OFFSET,
} from '../../ip/transport.ts';
import { PIECES_MAX } from '../../os/tun.ts';
import { NEEDS_CHECKSUM, SuperpacketKind, writeVirtioHeader } from '../../os/virtio-header.ts';
import { Candidate, Shape } from './candidate.ts';
import { isNextTcp, isSameIpv4, isSameIpv6, isSamePorts } from './same-flow.ts';

/** Where merged packets go. */
export interface MergedWriter {
  /** Whether superpackets may be given to a TUN. */
  merges(tun: number, isTcp: boolean): boolean;
  write(tun: number, slab: Slab, offset: number, length: number): void;
  /**
   * A superpacket in `count` pieces, with its virtio header in front of the first. False when the
   * TUN does not take it: nothing was written.
   */
  writePieces(
    tun: number,
    slab: Slab,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
    isTcp: boolean,
  ): boolean;
}

const NONE = -1;
/** Flows that are open at a time; one that falls on another's place closes it. */
const FLOW_SLOTS = 256;
const LENGTH_MAX = 0xffff;
const HASH_FACTOR = 0x9e37_79b1;

export class Merger {
  readonly #slab: Slab;
  readonly #candidate: Candidate;
  /** Of each packet; those of one group are linked in order. */
  readonly #offsets: Uint32Array;
  readonly #lengths: Uint32Array;
  readonly #links: Int32Array;
  #packets = 0;
  /** Of each group: packets that go out together, or a single one. */
  readonly #tuns: Uint32Array;
  readonly #firsts: Uint32Array;
  readonly #lasts: Uint32Array;
  readonly #counts: Uint32Array;
  /** Bytes of the whole, with the headers of the first packet alone. */
  readonly #totals: Uint32Array;
  readonly #headers: Uint32Array;
  /** 1 where the first packet has been found sound; the others are before they join. */
  readonly #isSound: Uint8Array;
  #groups = 0;
  readonly #open = new Int32Array(FLOW_SLOTS).fill(NONE);
  #openGroups = 0;
  readonly #pieceOffsets = new Uint32Array(PIECES_MAX);
  readonly #pieceLengths = new Uint32Array(PIECES_MAX);

  /** For up to `capacity` packets, which stand in the slab, between two calls of flush(). */
  constructor(summed: SummedSlab, capacity: number) {
    this.#slab = summed.slab;
    this.#candidate = new Candidate(summed);
    this.#offsets = new Uint32Array(capacity);
    this.#lengths = new Uint32Array(capacity);
    this.#links = new Int32Array(capacity);
    this.#tuns = new Uint32Array(capacity);
    this.#firsts = new Uint32Array(capacity);
    this.#lasts = new Uint32Array(capacity);
    this.#counts = new Uint32Array(capacity);
    this.#totals = new Uint32Array(capacity);
    this.#headers = new Uint32Array(capacity);
    this.#isSound = new Uint8Array(capacity);
  }

  /** Takes an IP packet of exactly `length` bytes for `tun`. */
  add(tun: number, offset: number, length: number): void {
    const candidate = this.#candidate;
    const shape = candidate.read(offset, length);
    if (shape === Shape.Other) {
      this.#closeAll();
      this.#begin(tun, offset, length);
      return;
    }
    const slot = this.#slot(tun, offset);
    const group = this.#open[slot]!;
    if (shape === Shape.Segment && group !== NONE && this.#joins(group, tun, offset, length)) {
      this.#append(group, slot, offset, length);
      return;
    }
    const begun = this.#begin(tun, offset, length);
    const mayGrow = shape === Shape.Segment && !candidate.isPushed;
    this.#open[slot] = mayGrow ? begun : NONE;
    this.#openGroups += 1;
  }

  /** Gives all packets to `writer`. */
  flush(writer: MergedWriter): void {
    for (let group = 0; group < this.#groups; group++) {
      if (this.#counts[group] === 1 || !this.#writeMerged(group, writer)) {
        this.#writeSingly(group, writer);
      }
    }
    this.#packets = 0;
    this.#groups = 0;
    this.#closeAll();
  }

  #closeAll(): void {
    if (this.#openGroups > 0) this.#open.fill(NONE);
    this.#openGroups = 0;
  }

  /** By the ends of both addresses and the ports. */
  #slot(tun: number, offset: number): number {
    const { bytes } = this.#slab;
    const { transport, isIpv4 } = this.#candidate;
    const ports = readUint32(bytes, offset + transport);
    const destination = readUint32(bytes, offset + transport - 4);
    const source = readUint32(bytes, offset + transport - (isIpv4 ? 8 : 20));
    const ends = Math.imul(destination ^ tun, HASH_FACTOR) ^ source;
    return Math.imul(ports ^ ends, HASH_FACTOR) >>> 24;
  }

  #begin(tun: number, offset: number, length: number): number {
    const packet = this.#addPacket(offset, length);
    const group = this.#groups++;
    this.#tuns[group] = tun;
    this.#firsts[group] = packet;
    this.#lasts[group] = packet;
    this.#counts[group] = 1;
    this.#totals[group] = length;
    this.#headers[group] = this.#candidate.headers;
    this.#isSound[group] = 0;
    return group;
  }

  #addPacket(offset: number, length: number): number {
    const packet = this.#packets++;
    this.#offsets[packet] = offset;
    this.#lengths[packet] = length;
    this.#links[packet] = NONE;
    return packet;
  }

  /** The group stays open while its segments are full and none is pushed. */
  #append(group: number, slot: number, offset: number, length: number): void {
    const { headers, isPushed } = this.#candidate;
    const packet = this.#addPacket(offset, length);
    this.#links[this.#lasts[group]!] = packet;
    this.#lasts[group] = packet;
    this.#counts[group]! += 1;
    this.#totals[group]! += length - headers;
    const isShort = length < this.#lengths[this.#firsts[group]!]!;
    if (isShort || isPushed) this.#open[slot] = NONE;
  }

  /** Whether the candidate continues the group. */
  #joins(group: number, tun: number, offset: number, length: number): boolean {
    const { headers } = this.#candidate;
    const first = this.#firsts[group]!;
    const firstLength = this.#lengths[first]!;
    const total = this.#totals[group]!;
    const isAlike =
      this.#tuns[group] === tun &&
      this.#headers[group] === headers &&
      length <= firstLength &&
      this.#counts[group]! < PIECES_MAX &&
      total + length - headers <= LENGTH_MAX;
    if (!(isAlike && this.#continues(group, offset))) return false;
    if (this.#isSound[group] === 0) {
      // The first packet is of the same kind, so the candidate's fields hold for it too.
      if (!this.#candidate.isSound(this.#offsets[first]!, firstLength)) return false;
      this.#isSound[group] = 1;
    }
    return this.#candidate.isSound(offset, length);
  }

  /** Whether headers of the same length say that one packet follows the others. */
  #continues(group: number, offset: number): boolean {
    const { view } = this.#slab;
    const { isIpv4, isTcp, transport, headers } = this.#candidate;
    const start = this.#offsets[this.#firsts[group]!]!;
    const isSameNetwork = isIpv4
      ? isSameIpv4(view, start, offset, this.#counts[group]!)
      : isSameIpv6(view, start, offset);
    if (!isSameNetwork) return false;
    const [a, b] = [start + transport, offset + transport];
    if (!isTcp) return isSamePorts(view, a, b);
    return isNextTcp(view, a, b, headers - transport, this.#totals[group]! - headers);
  }

  #writeSingly(group: number, writer: MergedWriter): void {
    const tun = this.#tuns[group]!;
    for (let i = this.#firsts[group]!; i !== NONE; i = this.#links[i]!) {
      writer.write(tun, this.#slab, this.#offsets[i]!, this.#lengths[i]!);
    }
  }

  /** The first packet's headers become the whole's; they are put back when it is refused. */
  #writeMerged(group: number, writer: MergedWriter): boolean {
    const { bytes } = this.#slab;
    const first = this.#firsts[group]!;
    const offset = this.#offsets[first]!;
    const candidate = this.#candidate;
    candidate.read(offset, this.#lengths[first]!);
    const { isTcp } = candidate;
    const tun = this.#tuns[group]!;
    if (!writer.merges(tun, isTcp)) return false;
    const transport = offset + candidate.transport;
    const field = transport + (isTcp ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET);
    const flags = bytes[transport + TCP_FLAGS_OFFSET]!;
    const checksum = readUint16(bytes, field);
    this.#writeHeaders(group, offset);
    const count = this.#gather(group);
    const [offsets, lengths] = [this.#pieceOffsets, this.#pieceLengths];
    if (writer.writePieces(tun, this.#slab, offsets, lengths, count, isTcp)) return true;
    if (isTcp) bytes[transport + TCP_FLAGS_OFFSET] = flags;
    this.#writeLengths(offset, this.#lengths[first]!);
    writeUint16(bytes, field, checksum);
    return false;
  }

  /** Makes the headers of the whole from those of its first packet, which the candidate is. */
  #writeHeaders(group: number, offset: number): void {
    const { bytes } = this.#slab;
    const { isIpv4, isTcp, transport, headers } = this.#candidate;
    const total = this.#totals[group]!;
    if (isTcp) {
      const last = this.#offsets[this.#lasts[group]!]!;
      const pushed = bytes[last + transport + TCP_FLAGS_OFFSET]! & TcpFlag.Psh;
      bytes[offset + transport + TCP_FLAGS_OFFSET]! |= pushed;
    }
    this.#writeLengths(offset, total);
    const field = isTcp ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET;
    const pseudo = foldSum(this.#candidate.sumPseudoHeader(offset, total - transport));
    writeUint16(bytes, offset + transport + field, pseudo);
    const tcp = isIpv4 ? SuperpacketKind.Tcp4 : SuperpacketKind.Tcp6;
    const kind = isTcp ? tcp : SuperpacketKind.Udp;
    const segment = this.#lengths[this.#firsts[group]!]! - headers;
    writeVirtioHeader(bytes, offset, NEEDS_CHECKSUM, kind, headers, segment, transport, field);
  }

  /** The length of the packet, and the checksum of an IPv4 header; the length of UDP. */
  #writeLengths(offset: number, length: number): void {
    const { bytes } = this.#slab;
    const { isIpv4, isTcp, transport } = this.#candidate;
    if (isIpv4) {
      writeUint16(bytes, offset + IPV4_TOTAL_LENGTH_OFFSET, length);
      writeUint16(bytes, offset + IPV4_CHECKSUM_OFFSET, 0);
      const checksum = finishChecksum(sumBytes(bytes, offset, IPV4_HEADER_BYTES));
      writeUint16(bytes, offset + IPV4_CHECKSUM_OFFSET, checksum);
    } else {
      writeUint16(bytes, offset + PAYLOAD_LENGTH_OFFSET, length - IPV6_HEADER_BYTES);
    }
    if (!isTcp) writeUint16(bytes, offset + transport + UDP_LENGTH_OFFSET, length - transport);
  }

  #gather(group: number): number {
    const headers = this.#headers[group]!;
    const first = this.#firsts[group]!;
    let count = 0;
    for (let i = first; i !== NONE; i = this.#links[i]!) {
      const skipped = i === first ? 0 : headers;
      this.#pieceOffsets[count] = this.#offsets[i]! + skipped;
      this.#pieceLengths[count] = this.#lengths[i]! - skipped;
      count += 1;
    }
    return count;
  }
}

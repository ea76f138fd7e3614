// A TUN in memory: what the test puts in is read by the data plane, what the data plane writes is
// kept for the test.

import type { PacketBatch } from '../../src/base/packet-batch.ts';
import type { Slab } from '../../src/base/slab.ts';
import type { PacketPlaces, Tun, TunOptions } from '../../src/os/tun.ts';
import { VIRTIO_HEADER_BYTES } from '../../src/os/virtio-header.ts';

export class MemoryTun implements Tun {
  readonly name: string;
  readonly options: TunOptions;
  readonly descriptor: number;
  /** Packets that this host's programs have sent and nobody has read yet. */
  readonly waiting: Uint8Array[] = [];
  /** Packets that came out to this host's programs. */
  readonly delivered: Uint8Array[] = [];
  /** What write() returns instead of taking the packet. */
  writeError = 0;
  /** What is returned instead of taking a packet with its header. */
  superpacketError = 0;
  /** What read() returns when nothing waits. */
  readError = 0;
  /** When it is true, packets that wait have a header in front. */
  hasHeaders = false;
  readonly merges: { tcp: boolean; udp: boolean } = { tcp: false, udp: false };
  /** What came with a header in front, as it was written. */
  readonly superpackets: Uint8Array[] = [];
  isClosed = false;
  /** Whether a persistent one is gone as well. */
  isRemoved = false;
  /** Called with each packet that came out. */
  onPacket: (packet: Uint8Array) => void = () => undefined;

  constructor(options: TunOptions, descriptor = -1) {
    this.name = options.name;
    this.options = options;
    this.descriptor = descriptor;
  }

  read(packets: PacketBatch, places: PacketPlaces, origin: number): number {
    while (packets.count < packets.capacity) {
      const packet = this.waiting.shift()?.subarray(0, places.lengthMax);
      if (packet === undefined) return this.readError;
      const offset = places.firstOffset + packets.count * places.stride;
      if (this.hasHeaders) {
        packets.slab.bytes.set(packet, offset - VIRTIO_HEADER_BYTES);
        packets.push(offset, packet.length - VIRTIO_HEADER_BYTES, origin);
        continue;
      }
      packets.slab.bytes.set(packet, offset);
      packets.push(offset, packet.length, origin);
    }
    return 0;
  }

  write(slab: Slab, offset: number, length: number): number {
    if (this.writeError !== 0) return this.writeError;
    const packet = slab.bytes.slice(offset, offset + length);
    this.delivered.push(packet);
    this.onPacket(packet);
    return 0;
  }

  writeWithHeader(slab: Slab, offset: number, length: number): number {
    if (this.superpacketError !== 0) return this.superpacketError;
    this.superpackets.push(slab.bytes.slice(offset - VIRTIO_HEADER_BYTES, offset + length));
    return 0;
  }

  writePieces(
    slab: Slab,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
    _isTcp: boolean,
  ): number {
    if (this.superpacketError !== 0) return this.superpacketError;
    const pieces = Array.from({ length: count }, (_, i) => {
      const offset = offsets[i]!;
      const start = i === 0 ? offset - VIRTIO_HEADER_BYTES : offset;
      return slab.bytes.slice(start, offset + lengths[i]!);
    });
    this.superpackets.push(Buffer.concat(pieces));
    return 0;
  }

  close(): void {
    this.isClosed = true;
  }

  remove(): void {
    this.isClosed = true;
    this.isRemoved = true;
  }
}

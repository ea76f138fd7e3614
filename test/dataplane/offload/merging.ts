// Packets through a Merger to a writer that remembers, and what it wrote cut again.

import assert from 'node:assert/strict';
import type { Slab } from '../../../src/base/slab.ts';
import { type MergedWriter, Merger } from '../../../src/dataplane/offload/merger.ts';
import { Segmenter } from '../../../src/dataplane/offload/segmenter.ts';
import { plainSummedSlab } from '../../../src/ip/slab-sums.ts';

const STRIDE = 2048;

export interface Written {
  readonly tun: number;
  readonly header: Uint8Array | undefined;
  readonly packet: Uint8Array;
}

export interface Circumstances {
  /** Superpackets are refused as they are written. */
  readonly refuses?: boolean;
  /** Whether superpackets of TCP, or of UDP, may be written at all; both when absent. */
  readonly takes?: (isTcp: boolean) => boolean;
  /** Which TUN the packet of an index goes to; one for all when absent. */
  readonly tunOf?: (index: number) => number;
}

class Writer implements MergedWriter {
  readonly written: Written[] = [];
  readonly #circumstances: Circumstances;

  constructor(circumstances: Circumstances) {
    this.#circumstances = circumstances;
  }

  merges(_tun: number, isTcp: boolean): boolean {
    return this.#circumstances.takes?.(isTcp) ?? true;
  }

  write(tun: number, slab: Slab, offset: number, length: number): void {
    const packet = slab.bytes.slice(offset, offset + length);
    this.written.push({ tun, header: undefined, packet });
    slab.bytes.fill(0, offset - 10, offset);
  }

  writePieces(
    tun: number,
    slab: Slab,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
  ): boolean {
    if (this.#circumstances.refuses === true) return false;
    const pieces = Array.from({ length: count }, (_, i) =>
      slab.bytes.slice(offsets[i], offsets[i]! + lengths[i]!),
    );
    const start = offsets[0]!;
    const header = slab.bytes.slice(start - 10, start);
    this.written.push({ tun, header, packet: new Uint8Array(Buffer.concat(pieces)) });
    return true;
  }
}

/** All packets in one batch. */
export function run(packets: readonly Uint8Array[], circumstances: Circumstances = {}): Written[] {
  const summed = plainSummedSlab(packets.length * STRIDE);
  const { slab } = summed;
  const merger = new Merger(summed, packets.length);
  const writer = new Writer(circumstances);
  for (const [i, packet] of packets.entries()) {
    slab.bytes.set(packet, i * STRIDE + 16);
    merger.add(circumstances.tunOf?.(i) ?? 0, i * STRIDE + 16, packet.length);
  }
  merger.flush(writer);
  return writer.written;
}

/** What a kernel makes of it. */
export function cutAll(written: readonly Written[]): Uint8Array[] {
  const summed = plainSummedSlab(2 * 70_016);
  const { slab } = summed;
  const segmenter = new Segmenter(summed);
  return written.flatMap(({ header, packet }) => {
    if (header === undefined) return [packet];
    slab.bytes.set(header, 6);
    slab.bytes.set(packet, 16);
    assert.ok(segmenter.begin(16, packet.length));
    const segments: Uint8Array[] = [];
    for (let n = segmenter.next(70_016); n > 0; n = segmenter.next(70_016)) {
      segments.push(slab.bytes.slice(70_016, 70_016 + n));
    }
    return segments;
  });
}

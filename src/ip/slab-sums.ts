// Sums for the internet checksum (RFC 1071) over payloads of packets in a slab, and a copy in the
// same pass. What is here is the plain way, which every implementation is compared with.

import { plainSlab, type Slab } from '../base/slab.ts';
import { foldSum, sumBytes } from './checksum.ts';

/** Sums are of big-endian 16-bit words, folded to 16 bits; an odd last byte is a high one. */
export interface SlabSums {
  /** The sum of `length` bytes at `offset`, at most 65,535. */
  sum(offset: number, length: number): number;
  /** Copies `length` bytes, at most 65,535, to a place apart from theirs, and returns their sum. */
  copy(source: number, target: number, length: number): number;
}

/** A slab whose payloads are summed and copied. */
export interface SummedSlab {
  readonly slab: Slab;
  readonly sums: SlabSums;
}

export function plainSums({ bytes }: Slab): SlabSums {
  return {
    sum: (offset, length) => foldSum(sumBytes(bytes, offset, length)),
    copy: (source, target, length) => {
      bytes.copyWithin(target, source, source + length);
      return foldSum(sumBytes(bytes, target, length));
    },
  };
}

/** Ordinary memory, for code that makes no native call. */
export function plainSummedSlab(length: number): SummedSlab {
  const slab = plainSlab(length);
  return { slab, sums: plainSums(slab) };
}

/** A folded sum of bytes that begin at an odd place of the whole. */
export function swapSum(sum: number): number {
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

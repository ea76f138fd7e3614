// Sums by WebAssembly over memory that native code and JavaScript use too.

import { type SlabSums, swapSum } from '../ip/slab-sums.ts';
import { simdModule } from './simd-module.ts';

/** What is used of the global of this name; Node.js's types leave it to those of browsers. */
declare const WebAssembly: {
  Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface SimdExports {
  readonly sum: (at: number, length: number) => number;
  readonly copy: (source: number, at: number, length: number) => number;
}

const PAGE_BYTES = 65_536;

export interface SimdMemory {
  /** Zeroed, and not touched before it is used. */
  readonly buffer: ArrayBuffer;
  readonly sums: SlabSums;
}

/** Memory of at least `length` bytes; undefined where the machine or Node.js has no vectors. */
export function simdMemory(length: number): SimdMemory | undefined {
  try {
    const pages = Math.ceil(length / PAGE_BYTES);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const module = new WebAssembly.Module(simdModule());
    const { exports } = new WebAssembly.Instance(module, { slab: { memory } });
    return { buffer: memory.buffer, sums: sumsOf(exports as SimdExports) };
  } catch {
    return undefined;
  }
}

/** The sum of little-endian words is that of big-endian ones with its bytes swapped. */
function sumsOf({ sum, copy }: SimdExports): SlabSums {
  return {
    sum: (offset, length) => swapSum(foldWords(sum(offset, length))),
    copy: (source, target, length) => swapSum(foldWords(copy(source, target, length))),
  };
}

/** 32 bits to 16, which takes two turns at most. */
function foldWords(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return (once >>> 16) + (once & 0xffff);
}

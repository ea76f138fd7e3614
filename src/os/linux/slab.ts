// Slabs with addresses that the kernel and native ciphers can use.

import type { Slab } from '../../base/slab.ts';
import { plainSums, type SummedSlab } from '../../ip/slab-sums.ts';
import { simdMemory } from '../simd-sums.ts';
import { addressOf, nativeMemory } from './ffi.ts';

/** A zeroed slab of `length` bytes at a fixed address. */
export function nativeSlab(length: number): Slab {
  return slabOf(nativeMemory(length));
}

/** The same with the fastest sums over it that the machine has. */
export function nativeSummedSlab(length: number): SummedSlab {
  const memory = simdMemory(length);
  if (memory !== undefined) {
    return { slab: slabOf(Buffer.from(memory.buffer, 0, length)), sums: memory.sums };
  }
  const slab = nativeSlab(length);
  return { slab, sums: plainSums(slab) };
}

function slabOf(memory: Buffer): Slab {
  const { buffer, byteOffset, length } = memory;
  // Not the Buffer itself: its slice() would share memory, which users of a Uint8Array do not
  // expect.
  const bytes = new Uint8Array(buffer, byteOffset, length);
  return { bytes, view: new DataView(buffer, byteOffset, length), address: addressOf(memory) };
}

// Slabs with addresses that the kernel and native ciphers can use.

import type { Slab } from '../../base/slab.ts';
import { plainSums, type SummedSlab } from '../../ip/slab-sums.ts';
import { simdMemory } from '../simd-sums.ts';
import { addressOf, nativeMemory } from './ffi.ts';
import { lastingMemory, lowAlias } from './low-memory.ts';

/** A zeroed slab of `length` bytes at a fixed address. */
export function nativeSlab(length: number): Slab {
  return slabOf(nativeMemory(length));
}

/**
 * The same with the fastest sums over it that the machine has, and with addresses that are small
 * integers where that can be had. Never freed.
 */
export function nativeSummedSlab(length: number): SummedSlab {
  return lowSummedSlab(length) ?? summedSlab(length);
}

/** V8 has chosen the place of memory with fast sums: a second one is for native code. */
function lowSummedSlab(length: number): SummedSlab | undefined {
  const memory = simdMemory(length);
  if (memory === undefined) return undefined;
  const bytes = Buffer.from(memory.buffer);
  const address = lowAlias(addressOf(bytes), bytes.length);
  if (address === undefined) return undefined;
  return { slab: slabOf(bytes.subarray(0, length), address), sums: memory.sums };
}

function summedSlab(length: number): SummedSlab {
  const memory = simdMemory(length);
  if (memory !== undefined) {
    return { slab: slabOf(Buffer.from(memory.buffer, 0, length)), sums: memory.sums };
  }
  const slab = slabOf(lastingMemory(length));
  return { slab, sums: plainSums(slab) };
}

function slabOf(memory: Buffer, address: number = addressOf(memory)): Slab {
  const { buffer, byteOffset, length } = memory;
  // Not the Buffer itself: its slice() would share memory, which users of a Uint8Array do not
  // expect.
  const bytes = new Uint8Array(buffer, byteOffset, length);
  return { bytes, view: new DataView(buffer, byteOffset, length), address };
}

// Slabs with addresses that the kernel and native ciphers can use.

import type { Slab } from '../../base/slab.ts';
import { addressOf, nativeMemory } from './ffi.ts';

/** A zeroed slab of `length` bytes at a fixed address. */
export function nativeSlab(length: number): Slab {
  const memory = nativeMemory(length);
  const { buffer, byteOffset } = memory;
  // Not the Buffer itself: its slice() would share memory, which users of a Uint8Array do not
  // expect.
  const bytes = new Uint8Array(buffer, byteOffset, length);
  return { bytes, view: new DataView(buffer, byteOffset, length), address: addressOf(memory) };
}

// Memory whose addresses are small integers. V8 keeps a number below 2^31 in the reference itself
// and makes a box of 16 bytes for any larger one, each time that one is reckoned or read from a
// field: so what the packet path hands to native code with every packet stands below. Where the
// kernel has no room there, all works with boxes.

import { randomInt } from 'node:crypto';
import { memoryAt, nativeMemory } from './ffi.ts';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
  PROT_WRITE,
} from './layouts.ts';
import { mmap, mremap, munmap } from './syscalls.ts';

const END: number = 2 ** 31;
/** The heap begins up to a gibibyte behind the program, and grows upwards. */
const FIRST: number = 1.5 * 2 ** 30;
/** Places that are asked for: one that is taken already is answered with another one, far up. */
const TRIES_MAX = 16;

/** Zeroed memory that is never freed: for what a thread makes once. */
export function lastingMemory(length: number): Buffer {
  const address = mapLow(length, MAP_PRIVATE);
  return address === undefined ? nativeMemory(length) : memoryAt(address, length);
}

/**
 * Maps `length` zeroed bytes to `address`, over whole pages that are nobody else's, and returns a
 * second address of them; both are never freed. Undefined where the kernel refuses: what stood at
 * `address` is then not to be used any more.
 */
export function lowAlias(address: number, length: number): number | undefined {
  const low = mapLow(length, MAP_SHARED);
  if (low === undefined) return undefined;
  // None of the bytes of a shared mapping are moved: they appear at a second place.
  if (mremap(low, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED, address) === address) return low;
  munmap(low, length);
  return undefined;
}

/** A random place, so that nobody can know it before. */
function mapLow(length: number, kind: number): number | undefined {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const hint = randomInt(FIRST, END - length);
    const address = mmap(hint, length, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
    if (address < 0) return undefined;
    if (address + length <= END) return address;
    munmap(address, length);
  }
  return undefined;
}

// Slabs as a port: whoever needs memory that the kernel or a native cipher works on is given a
// function that makes it.

import type { Slab } from '../base/slab.ts';

/**
 * Makes a zeroed slab of `length` bytes. Called at start only. The memory lives as long as the Slab
 * object is reachable.
 */
export type AllocateSlab = (length: number) => Slab;

// Slabs as a port: whoever needs memory that the kernel or a native cipher works on is given a
// function that makes it.

import type { Slab } from '../base/slab.ts';
import type { SummedSlab } from '../ip/slab-sums.ts';

/**
 * Makes a zeroed slab of `length` bytes. Called at start only. The memory lives as long as the Slab
 * object is reachable.
 */
export type AllocateSlab = (length: number) => Slab;

/** The same for a slab whose payloads are summed; its memory may live as long as the process. */
export type AllocateSummedSlab = (length: number) => SummedSlab;

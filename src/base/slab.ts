// Memory that both JavaScript and the kernel or a native cipher work on. Packets live in slabs from
// the read to the write and are named by offset and length, so the packet path makes no objects.

/**
 * One block of memory at a fixed place.
 *
 * Whoever uses `address` must keep the Slab object itself reachable: the memory belongs to `bytes`,
 * and a number does not keep it alive.
 */
export interface Slab {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The address of `bytes[0]` for native code; 0 for memory that no native code uses. */
  readonly address: number;
}

/** A slab of ordinary memory for code that makes no native call: tests and the reference crypto. */
export function plainSlab(length: number): Slab {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer), address: 0 };
}

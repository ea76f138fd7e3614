// How places of which there are only so many are shared among sources that may be greedy.

/** A source may hold at most this part of the places that are free: one is left for who comes. */
const FREE_PLACES_PART = 1 / 4;

/**
 * Whether a source that holds `held` places of something may have one more while `free` are left.
 * However many are greedy, each next one gets less, and a source that holds none gets its first.
 */
export function mayHoldMore(held: number, heldMax: number, free: number): boolean {
  return held < Math.min(heldMax, free * FREE_PLACES_PART);
}

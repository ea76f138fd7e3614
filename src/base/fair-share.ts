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

/** So many places, shared by who holds them as mayHoldMore() has it. */
export class FairPlaces {
  readonly #places: number;
  readonly #heldMax: number;
  readonly #held = new Map<unknown, number>();
  #taken = 0;

  constructor(places: number, heldMax: number = places) {
    this.#places = places;
    this.#heldMax = heldMax;
  }

  /** What gives the place back, to be called once; undefined where there is none for `holder`. */
  take(holder: unknown): (() => void) | undefined {
    const held = this.#held.get(holder) ?? 0;
    if (!mayHoldMore(held, this.#heldMax, this.#places - this.#taken)) return undefined;
    this.#taken += 1;
    this.#held.set(holder, held + 1);
    return () => {
      this.#taken -= 1;
      const left = (this.#held.get(holder) ?? 1) - 1;
      if (left > 0) this.#held.set(holder, left);
      else this.#held.delete(holder);
    };
  }
}

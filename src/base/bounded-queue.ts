// A first-in first-out ring with a fixed number of places. What does not fit pushes out the oldest,
// and the caller is told so that it can count the loss.

import { assert } from './assert.ts';

export class BoundedQueue<T> {
  readonly #places: (T | undefined)[];
  #head = 0;
  #length = 0;

  constructor(lengthMax: number) {
    assert(
      Number.isInteger(lengthMax) && lengthMax > 0,
      'BoundedQueue: lengthMax must be positive',
    );
    this.#places = new Array<T | undefined>(lengthMax);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends `item`; returns the oldest item when it had to give way. */
  push(item: T): T | undefined {
    const dropped = this.#length === this.#places.length ? this.shift() : undefined;
    this.#places[(this.#head + this.#length) % this.#places.length] = item;
    this.#length += 1;
    return dropped;
  }

  /** Removes and returns the oldest item, or undefined when there is none. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#places[this.#head];
    this.#places[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#places.length;
    this.#length -= 1;
    return item;
  }
}

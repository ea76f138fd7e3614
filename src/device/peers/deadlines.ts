// Which peer's timers are due first: a binary heap of peer indices, smallest deadline on top. A
// deadline that moves away is left where it is and corrected when it comes up, so the many events
// that only postpone a timer cost nothing.

import { type Millis, NEVER } from '../../base/clock.ts';

const NOWHERE = -1;
const CAPACITY_MIN = 64;

export class Deadlines {
  #heap = new Int32Array(CAPACITY_MIN);
  #count = 0;
  /** By peer index: the deadline in the heap, and the place there. */
  #at = new Float64Array(CAPACITY_MIN).fill(NEVER);
  #place = new Int32Array(CAPACITY_MIN).fill(NOWHERE);

  /** The earliest deadline, or an earlier moment; NEVER when there is none. */
  get next(): Millis {
    return this.#count === 0 ? NEVER : (this.#at[this.#heap[0]!] as Millis);
  }

  /**
   * A peer whose deadline may have come, or undefined. It stays where it is until set() moves it.
   */
  due(now: Millis): number | undefined {
    return this.#count > 0 && this.next <= now ? this.#heap[0] : undefined;
  }

  /** A peer's deadline may be sooner than before. */
  advance(peer: number, at: Millis): void {
    this.#reserve(peer);
    if (at < this.#at[peer]!) this.set(peer, at);
  }

  /** A peer's deadline, whatever it was before; NEVER for none. */
  set(peer: number, at: Millis): void {
    this.#reserve(peer);
    if (at === NEVER) {
      this.forget(peer);
      return;
    }
    this.#at[peer] = at;
    if (this.#place[peer] === NOWHERE) this.#put(this.#count++, peer);
    this.#settle(this.#place[peer]!);
  }

  /** The peer has no deadline. */
  forget(peer: number): void {
    this.#reserve(peer);
    const place = this.#place[peer]!;
    this.#at[peer] = NEVER;
    if (place === NOWHERE) return;
    this.#place[peer] = NOWHERE;
    const last = this.#heap[--this.#count]!;
    if (last === peer) return;
    this.#put(place, last);
    this.#settle(place);
  }

  /** Moves what stands at `place` up or down to where it belongs. */
  #settle(place: number): void {
    const peer = this.#heap[place]!;
    const at = this.#at[peer]!;
    let hole = place;
    while (hole > 0 && this.#atPlace((hole - 1) >> 1) > at) {
      this.#put(hole, this.#heap[(hole - 1) >> 1]!);
      hole = (hole - 1) >> 1;
    }
    for (let child = this.#lesserChild(hole); child < this.#count; ) {
      if (this.#atPlace(child) >= at) break;
      this.#put(hole, this.#heap[child]!);
      hole = child;
      child = this.#lesserChild(hole);
    }
    this.#put(hole, peer);
  }

  #lesserChild(place: number): number {
    const left = 2 * place + 1;
    const right = left + 1;
    return right < this.#count && this.#atPlace(right) < this.#atPlace(left) ? right : left;
  }

  #atPlace(place: number): number {
    return this.#at[this.#heap[place]!]!;
  }

  #put(place: number, peer: number): void {
    this.#heap[place] = peer;
    this.#place[peer] = place;
  }

  #reserve(peer: number): void {
    const { length } = this.#heap;
    if (peer < length) return;
    const capacity = Math.max(2 * length, peer + 1);
    const heap = new Int32Array(capacity);
    const at = new Float64Array(capacity).fill(NEVER);
    const place = new Int32Array(capacity).fill(NOWHERE);
    heap.set(this.#heap);
    at.set(this.#at);
    place.set(this.#place);
    this.#heap = heap;
    this.#at = at;
    this.#place = place;
  }
}

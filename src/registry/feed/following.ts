// What one follower is told, chunk by chunk. It is an iterator by hand: what is told first comes
// from a generator, but what follows is told so often, and to so many, that a chunk costs no more
// than a call for those who let it be handed over, and a promise for others.

import { CompactedError } from '../store.ts';

/** A follower that has been told all that there was. */
export interface Live {
  /** Whether nobody reads any more. */
  readonly hasLeft: boolean;
  /** Called once there may be something to take; replaced at will. */
  wake: () => void;
  /** What is to be told; undefined for nothing. Throws CompactedError where that is not known. */
  take(): Uint8Array | undefined;
  leave(): void;
}

/** Tells everything from the beginning on; returns the follower, or nothing when it has left. */
export type Beginning = AsyncGenerator<Uint8Array, Live | undefined, undefined>;

/** Takes a chunk; what it returns is waited for before the next one. */
export type TakeChunk = (chunk: Uint8Array) => Promise<void> | undefined;

type Told = IteratorResult<Uint8Array, undefined>;

export class Following implements AsyncIterableIterator<Uint8Array> {
  readonly #beginAnew: () => Beginning;
  #beginning: Beginning | undefined;
  #live: Live | undefined;

  /** `beginAnew` is for one that has missed something. */
  constructor(beginning: Beginning, beginAnew: () => Beginning) {
    this.#beginning = beginning;
    this.#beginAnew = beginAnew;
  }

  next(): Promise<Told> {
    const live = this.#live;
    if (live === undefined) return this.#begin();
    if (live.hasLeft) return this.return();
    try {
      const value = live.take();
      if (value !== undefined) return Promise.resolve({ done: false, value });
    } catch (error) {
      return this.#lost(live, error);
    }
    return new Promise((resolve) => {
      live.wake = () => resolve(this.next());
    });
  }

  /** Hands over every chunk as soon as it is there; resolves at the end. In place of next(). */
  async each(take: TakeChunk): Promise<void> {
    try {
      for (;;) {
        const live = this.#live;
        const told = await (live === undefined ? this.next() : this.#handOver(live, take));
        if (told.done === true) return;
        await take(told.value);
      }
    } finally {
      await this.return();
    }
  }

  async return(): Promise<Told> {
    this.#live?.leave();
    this.#live = undefined;
    const beginning = this.#beginning;
    this.#beginning = undefined;
    await beginning?.return(undefined);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #begin(): Promise<Told> {
    if (this.#beginning === undefined) return { done: true, value: undefined };
    const told = await this.#beginning.next();
    if (told.done !== true) return told;
    this.#beginning = undefined;
    this.#live = told.value;
    return await this.next();
  }

  async #handOver(live: Live, take: TakeChunk): Promise<Told> {
    try {
      await handOver(live, take);
    } catch (error) {
      return await this.#lost(live, error);
    }
    return await this.return();
  }

  #lost(live: Live, error: unknown): Promise<Told> {
    live.leave();
    this.#live = undefined;
    if (!(error instanceof CompactedError)) return Promise.reject(error);
    this.#beginning = this.#beginAnew();
    return this.#begin();
  }
}

/** Resolves when the follower has left; rejects as its take() throws. */
function handOver(live: Live, take: TakeChunk): Promise<void> {
  return new Promise((resolve, reject) => {
    const step = (): void => {
      live.wake = () => undefined;
      try {
        while (!live.hasLeft) {
          const chunk = live.take();
          if (chunk === undefined) {
            live.wake = step;
            return;
          }
          const taken = take(chunk);
          if (taken === undefined) continue;
          taken.then(step, reject);
          return;
        }
        resolve();
      } catch (error) {
        reject(error);
      }
    };
    step();
  });
}

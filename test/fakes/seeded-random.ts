// Random bytes that come again from the same seed (xorshift128), for tests that print their seed.

import type { Random } from '../../src/base/random.ts';

export class SeededRandom implements Random {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.#state = Uint32Array.of(seed, seed ^ 0x9e37_79b9, 0x85eb_ca6b, 0xc2b2_ae35);
    for (let i = 0; i < 16; i++) this.#next();
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#next() >>> 24;
  }

  #next(): number {
    const [x = 0, y = 0, z = 0, w = 0] = this.#state;
    const t = x ^ (x << 11);
    const next = (w ^ (w >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    this.#state.set([y, z, w, next]);
    return next;
  }
}

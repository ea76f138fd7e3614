// Randomness from the kernel itself, without an object for each draw: those of node:crypto have
// finalizers, which the collection of new objects waits for. It is nobody's copy either: a clone of
// this machine draws other bytes at once.

import { assert } from '../../base/assert.ts';
import type { Random } from '../../base/random.ts';
import { addressOf } from './ffi.ts';
import { lastingMemory } from './low-memory.ts';
import { getrandom } from './syscalls.ts';

/** So many are given at once, whatever signals come. */
const DRAW_BYTES_MAX = 256;

/** For the calling thread. */
export class LinuxRandom implements Random {
  readonly #memory = lastingMemory(DRAW_BYTES_MAX);
  readonly #address = addressOf(this.#memory);

  fill(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += DRAW_BYTES_MAX) {
      const length = Math.min(DRAW_BYTES_MAX, bytes.length - from);
      const drawn = getrandom(this.#address, length, 0);
      assert(drawn === length, 'LinuxRandom: the kernel gave too few bytes');
      for (let i = 0; i < length; i++) bytes[from + i] = this.#memory[i]!;
      this.#memory.fill(0, 0, length);
    }
  }
}

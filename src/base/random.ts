// Randomness as an argument, so that a simulation replays from its seed.

import { assert } from './assert.ts';

export interface Random {
  /** Fills `bytes` with unpredictable bytes. */
  fill(bytes: Uint8Array): void;
}

/** A fresh array of `length` random bytes. */
export function randomBytes(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}

/** A uniform 32-bit unsigned integer. */
export function randomUint32(random: Random): number {
  const bytes = randomBytes(random, 4);
  return new DataView(bytes.buffer).getUint32(0);
}

/**
 * A uniform integer from `min` to `max`, both included and at most 2^32 apart (rejection sampling).
 */
export function randomInteger(random: Random, min: number, max: number): number {
  const span = max - min + 1;
  assert(span >= 1 && span <= 2 ** 32, 'randomInteger: the span must be 1 to 2^32');
  const limit = 2 ** 32 - (2 ** 32 % span);
  for (;;) {
    const draw = randomUint32(random);
    if (draw < limit) return min + (draw % span);
  }
}

// Whether handshakes take more of the device's time than they may. The measure is the work itself
// and not a queue's length: a queue is long only after the harm is done.

import { after, type Millis } from '../../base/clock.ts';

/** The past that counts. */
export const LOAD_WINDOW_MS = 100;
/** Handshake work in the window above which a device is under load. */
export const LOAD_WORK_MS_MAX: number = LOAD_WINDOW_MS / 4;
/** It stays so for this long, or senders with a cookie would meet those without. */
export const LOAD_HOLD_MS = 1_000;

const SLICES = 10;
const SLICE_MS: number = LOAD_WINDOW_MS / SLICES;

export class LoadGate {
  /** Work of the last slices of time, a ring by slice number. */
  readonly #slices = new Float64Array(SLICES);
  /** Their sum. */
  #work = 0;
  #newestSlice = 0;
  #heldUntil: Millis | undefined;

  /** Adds `workMs` milliseconds of handshake work. */
  charge(workMs: number, now: Millis): void {
    this.#advance(now);
    this.#slices[this.#newestSlice % SLICES]! += workMs;
    this.#work += workMs;
    if (this.#work > LOAD_WORK_MS_MAX) this.#heldUntil = after(now, LOAD_HOLD_MS);
  }

  isUnderLoad(now: Millis): boolean {
    return this.#heldUntil !== undefined && now < this.#heldUntil;
  }

  #advance(now: Millis): void {
    const slice = Math.floor(now / SLICE_MS);
    const passed = Math.min(SLICES, Math.max(0, slice - this.#newestSlice));
    if (passed === 0) return;
    for (let i = 0; i < passed; i++) this.#slices[(slice - i) % SLICES] = 0;
    this.#newestSlice = slice;
    // Summed anew: differences would gather rounding errors.
    this.#work = this.#slices.reduce((sum, work) => sum + work, 0);
  }
}

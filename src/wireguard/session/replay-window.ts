// Which counters of a session were received, after RFC 6479: a ring of bits that moves with the
// greatest counter, so that nothing is shifted. Counters are 64-bit and come as two halves.
//
//   greatest - 8128          greatest
//        |<---- window ---------->|
//   ...0 1 1 0 1 1 1 1 1 ... 1 1 1 [ bits of the word ahead, zero ]
//   bit of counter n: word (n / 32) mod 256, bit n mod 32

import { REPLAY_RING_BITS, REPLAY_WINDOW } from '../constants.ts';

const WORD_BITS = 32;
const WORDS = REPLAY_RING_BITS / WORD_BITS;
const WORD_MASK: number = WORDS - 1;
const HALF = 2 ** 32;
/** Windows of a kibibyte that wait for the sessions to come. */
const SPARE_WINDOWS_MAX = 256;

export class ReplayWindow {
  readonly #words = new Uint32Array(WORDS);
  #greatestLow = 0;
  #greatestHigh = 0;

  /**
   * Remembers a counter, which must have been authenticated. False when it was received before, or
   * is too far behind the greatest one to be known.
   */
  accept(low: number, high: number): boolean {
    // Exact where it matters: near the window the difference of the halves is 0 or 1.
    const ahead = (high - this.#greatestHigh) * HALF + (low - this.#greatestLow);
    if (ahead < -REPLAY_WINDOW) return false;
    if (ahead > 0) this.#advance(low, high, ahead);
    const word = (low >>> 5) & WORD_MASK;
    const bit = 1 << (low & (WORD_BITS - 1));
    if ((this.#words[word]! & bit) !== 0) return false;
    this.#words[word]! |= bit;
    return true;
  }

  /** Forgets all that was received, for another session. */
  clear(): void {
    this.#words.fill(0);
    this.#greatestLow = 0;
    this.#greatestHigh = 0;
  }

  #advance(low: number, high: number, ahead: number): void {
    const from = this.#greatestLow >>> 5;
    const bitsIntoWord = this.#greatestLow & (WORD_BITS - 1);
    const words = Math.min(WORDS, Math.floor((bitsIntoWord + ahead) / WORD_BITS));
    for (let i = 1; i <= words; i++) this.#words[(from + i) & WORD_MASK] = 0;
    this.#greatestLow = low;
    this.#greatestHigh = high;
  }
}

/**
 * The windows of a device's sessions, each used again when its session has ended: memory of its own
 * for every handshake would be collected while the packets of others wait.
 */
export class ReplayWindows {
  readonly #spare: ReplayWindow[] = [];

  take(): ReplayWindow {
    return this.#spare.pop() ?? new ReplayWindow();
  }

  /** The window of a session that receives nothing from here on. */
  giveBack(window: ReplayWindow): void {
    if (this.#spare.length === SPARE_WINDOWS_MAX) return;
    window.clear();
    this.#spare.push(window);
  }
}

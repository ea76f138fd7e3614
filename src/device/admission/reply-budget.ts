// How many cookie replies a device writes under load to where it knows no peer. A reply costs
// several times what it costs to see that a message proves nothing, so without a limit a flood from
// forged addresses would be dearest just where it is turned away.

import type { Millis } from '../../base/clock.ts';

/** Who gets none asks again after 5 s. */
export const REPLIES_PER_SECOND = 50;
export const REPLY_BURST = 200;

const REPLIES_PER_MS: number = REPLIES_PER_SECOND / 1_000;

export class ReplyBudget {
  #left = REPLY_BURST;
  #at: Millis | undefined;

  /** Takes one reply; false when there is none left. */
  take(now: Millis): boolean {
    const passed = this.#at === undefined ? 0 : Math.max(0, now - this.#at);
    this.#at = now;
    this.#left = Math.min(REPLY_BURST, this.#left + passed * REPLIES_PER_MS);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

// The counter of a session's sending direction. It is the nonce, so no value is given out twice,
// and none beyond the protocol's limit.

import {
  REJECT_AFTER_MESSAGES_HIGH,
  REJECT_AFTER_MESSAGES_LOW,
  REKEY_AFTER_MESSAGES_HIGH,
} from '../constants.ts';

/** Whether a counter is at REJECT_AFTER_MESSAGES or beyond, where no message may be. */
export function isCounterRejected(low: number, high: number): boolean {
  return high === REJECT_AFTER_MESSAGES_HIGH && low >= REJECT_AFTER_MESSAGES_LOW;
}

export class SendCounter {
  /** The halves of the next value. */
  low: number;
  high: number;

  constructor(low = 0, high = 0) {
    this.low = low;
    this.high = high;
  }

  /** Whether the next value must not be used. */
  get isExhausted(): boolean {
    return isCounterRejected(this.low, this.high);
  }

  /** Whether more than REKEY_AFTER_MESSAGES messages were sent. */
  get isRekeyDue(): boolean {
    const beyond = this.high > REKEY_AFTER_MESSAGES_HIGH;
    return beyond || (this.high === REKEY_AFTER_MESSAGES_HIGH && this.low > 0);
  }

  /** Moves on from the value that was used. */
  advance(): void {
    this.low = (this.low + 1) >>> 0;
    if (this.low === 0) this.high += 1;
  }
}

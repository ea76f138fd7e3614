// One session: the keys of both directions that a handshake made, with the counter of what was sent
// and the window of what was received. Data messages are sealed and opened in place.

import { assert } from '../../base/assert.ts';
import type { Millis } from '../../base/clock.ts';
import type { Slab } from '../../base/slab.ts';
import { REJECT_AFTER_MS, REKEY_AFTER_MS, REKEY_ON_RECEIVE_AFTER_MS } from '../constants.ts';
import { AEAD_TAG_BYTES, type SessionCipher } from '../crypto/crypto.ts';
import {
  DATA_COUNTER_HIGH_OFFSET,
  DATA_COUNTER_LOW_OFFSET,
  DATA_HEADER_BYTES,
  DATA_RECEIVER_OFFSET,
  MessageType,
} from '../messages.ts';
import type { ReplayWindow, ReplayWindows } from './replay-window.ts';
import { isCounterRejected, SendCounter } from './send-counter.ts';

declare const receiverIndexBrand: unique symbol;
/** By which a receiver finds the handshake or session of a message: 32 random bits. */
export type ReceiverIndex = number & { readonly [receiverIndexBrand]: true };

/** How opening a data message ended. */
export const OpenOutcome = { Opened: 0, Expired: 1, WrongTag: 2, Replayed: 3 } as const;
export type OpenOutcome = (typeof OpenOutcome)[keyof typeof OpenOutcome];

export interface SessionOptions {
  readonly isInitiator: boolean;
  readonly localIndex: ReceiverIndex;
  readonly remoteIndex: ReceiverIndex;
  readonly createdAt: Millis;
  readonly sendCipher: SessionCipher;
  readonly receiveCipher: SessionCipher;
  readonly windows: ReplayWindows;
  readonly sendCounter?: SendCounter;
  /** Less than REKEY_AFTER_MS, which is its value when absent. */
  readonly rekeyAfterMs?: number | undefined;
}

export class Session {
  readonly isInitiator: boolean;
  /** Stands in the messages that we receive. */
  readonly localIndex: ReceiverIndex;
  readonly remoteIndex: ReceiverIndex;
  readonly createdAt: Millis;
  readonly #rekeyAfterMs: number;
  readonly #sendCipher: SessionCipher;
  readonly #receiveCipher: SessionCipher;
  readonly #sendCounter: SendCounter;
  readonly #windows: ReplayWindows;
  readonly #received: ReplayWindow;
  #sendingRevoked = false;
  #isDisposed = false;

  constructor(options: SessionOptions) {
    this.isInitiator = options.isInitiator;
    this.localIndex = options.localIndex;
    this.remoteIndex = options.remoteIndex;
    this.createdAt = options.createdAt;
    this.#rekeyAfterMs = Math.min(options.rekeyAfterMs ?? REKEY_AFTER_MS, REKEY_AFTER_MS);
    this.#sendCipher = options.sendCipher;
    this.#receiveCipher = options.receiveCipher;
    this.#sendCounter = options.sendCounter ?? new SendCounter();
    this.#windows = options.windows;
    this.#received = options.windows.take();
  }

  /** Whether seal() may be called. */
  canSend(now: Millis): boolean {
    const isYoung = now - this.createdAt < REJECT_AFTER_MS;
    const isUsable = !(this.#sendingRevoked || this.#isDisposed);
    return isYoung && isUsable && !this.#sendCounter.isExhausted;
  }

  /** Whether the next session should be begun because this one was used for sending. */
  isRekeyDueOnSend(now: Millis): boolean {
    const isOld = this.isInitiator && now - this.createdAt >= this.#rekeyAfterMs;
    return isOld || this.#sendCounter.isRekeyDue;
  }

  /** Whether the next session should be begun because this one, close to its end, received. */
  isRekeyDueOnReceive(now: Millis): boolean {
    return this.isInitiator && now - this.createdAt >= REKEY_ON_RECEIVE_AFTER_MS;
  }

  /**
   * Makes a data message of the packet of `length` bytes at `offset`, in place: its header stands
   * in the DATA_HEADER_BYTES before, zeros pad the packet to `paddedLength`, and the tag follows.
   * Returns the message's length. Only while canSend().
   */
  seal(slab: Slab, offset: number, length: number, paddedLength: number): number {
    // The ciphers of a session that has ended may be another's.
    assert(!this.#isDisposed, 'Session.seal: the session has ended');
    const { bytes, view } = slab;
    const { low, high } = this.#sendCounter;
    const start = offset - DATA_HEADER_BYTES;
    view.setUint32(start, MessageType.Data, true);
    view.setUint32(start + DATA_RECEIVER_OFFSET, this.remoteIndex, true);
    view.setUint32(start + DATA_COUNTER_LOW_OFFSET, low, true);
    view.setUint32(start + DATA_COUNTER_HIGH_OFFSET, high, true);
    for (let i = offset + length; i < offset + paddedLength; i++) bytes[i] = 0;
    this.#sendCounter.advance();
    this.#sendCipher.seal(slab, offset, paddedLength, low, high);
    return DATA_HEADER_BYTES + paddedLength + AEAD_TAG_BYTES;
  }

  /**
   * Opens the data message of `length` bytes (at least KEEPALIVE_BYTES) at `offset` in place; the
   * padded packet then stands DATA_HEADER_BYTES behind `offset`.
   */
  open(slab: Slab, offset: number, length: number, now: Millis): OpenOutcome {
    const low = slab.view.getUint32(offset + DATA_COUNTER_LOW_OFFSET, true);
    const high = slab.view.getUint32(offset + DATA_COUNTER_HIGH_OFFSET, true);
    if (this.#isDisposed || now - this.createdAt >= REJECT_AFTER_MS) return OpenOutcome.Expired;
    if (isCounterRejected(low, high)) return OpenOutcome.Expired;
    const start = offset + DATA_HEADER_BYTES;
    if (!this.#receiveCipher.open(slab, start, length - DATA_HEADER_BYTES, low, high)) {
      return OpenOutcome.WrongTag;
    }
    return this.#received.accept(low, high) ? OpenOutcome.Opened : OpenOutcome.Replayed;
  }

  /** Keeps the session for receiving only: its key may be known to a copy of this machine. */
  revokeSending(): void {
    this.#sendingRevoked = true;
  }

  /** Zeroes the keys. A second call does nothing. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#sendCipher.dispose();
    this.#receiveCipher.dispose();
    this.#windows.giveBack(this.#received);
  }
}

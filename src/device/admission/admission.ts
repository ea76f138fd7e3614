// Whether a handshake message may cost curve multiplications: the checks in order of their cost.
//
//   mac1 -> [under load: mac2 -> rate limit] -> admitted
//              | unproved: a cookie reply, as far as the budget reaches. Where a peer is known to
//                be has a budget of its own: sessions are renewed while a flood lasts.

import type { Millis } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { CookieChecker, hasMac2 } from '../../wireguard/cookies.ts';
import type { Crypto, PublicKey } from '../../wireguard/crypto/crypto.ts';
import { cookieSource, type Endpoint, type RateBlock, rateBlock } from '../peers/endpoint.ts';
import { LoadGate } from './load-gate.ts';
import { RateLimiter } from './rate-limiter.ts';
import { ReplyBudget } from './reply-budget.ts';

/** Work of one handshake where it is not measured: three or four curve multiplications. */
export const HANDSHAKE_WORK_MS = 0.4;

export const Admission = {
  Admitted: 0,
  /** The sender does not know our public key. */
  WrongMac1: 1,
  /** The sender has yet to prove its address: it gets a cookie. */
  Unproved: 2,
  /** The same, but too many got cookies a moment ago. */
  Unanswered: 3,
  RateLimited: 4,
} as const;
export type Admission = (typeof Admission)[keyof typeof Admission];

export interface AdmissionsDependencies {
  readonly crypto: Crypto;
  readonly random: Random;
  /** Whether some peer is there, by rateBlock(). */
  readonly isPlaceOfPeer: (block: RateBlock) => boolean;
}

export class Admissions {
  readonly #dependencies: AdmissionsDependencies;
  readonly #loadGate = new LoadGate();
  readonly #rateLimiter = new RateLimiter();
  readonly #replyBudget = new ReplyBudget();
  /** Of replies to where peers are. */
  readonly #peerReplies = new RateLimiter();
  #cookies: CookieChecker;

  constructor(dependencies: AdmissionsDependencies, own: PublicKey) {
    this.#dependencies = dependencies;
    this.#cookies = new CookieChecker(dependencies.crypto, dependencies.random, own);
  }

  /** Our own key has changed; cookies that were given out are void. */
  setOwnKey(own: PublicKey): void {
    this.#cookies.wipe();
    this.#cookies = new CookieChecker(this.#dependencies.crypto, this.#dependencies.random, own);
  }

  /** Judges an initiation or a response that came from `source`. */
  judge(message: Uint8Array, source: Endpoint, now: Millis): Admission {
    if (!this.#cookies.checkMac1(message)) return Admission.WrongMac1;
    if (!this.#loadGate.isUnderLoad(now)) return Admission.Admitted;
    if (!(hasMac2(message) && this.#cookies.checkMac2(message, cookieSource(source), now))) {
      // What would have been work counts as load, or a flood would be let in again every second.
      this.#loadGate.charge(HANDSHAKE_WORK_MS, now);
      return this.#takeReply(rateBlock(source), now) ? Admission.Unproved : Admission.Unanswered;
    }
    const isWithinRate = this.#rateLimiter.allows(rateBlock(source), now);
    return isWithinRate ? Admission.Admitted : Admission.RateLimited;
  }

  /** What an admitted message cost in the end. */
  charge(workMs: number, now: Millis): void {
    this.#loadGate.charge(workMs, now);
  }

  /** Writes the reply with the cookie of `source` to `message`, over `target`. */
  writeReply(target: Uint8Array, message: Uint8Array, source: Endpoint, now: Millis): void {
    this.#cookies.writeReply(target, message, cookieSource(source), now);
  }

  #takeReply(block: RateBlock, now: Millis): boolean {
    const isPeers = this.#dependencies.isPlaceOfPeer(block);
    return isPeers ? this.#peerReplies.allows(block, now) : this.#replyBudget.take(now);
  }

  /** Zeroes the secret of cookies. */
  wipe(): void {
    this.#cookies.wipe();
  }
}

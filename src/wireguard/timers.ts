// The five timers of a peer (the paper, section 6), as deadlines, and a sixth that tells of a peer
// that does not answer: each packet for it lets the paper's begin to count anew. Events come in by
// the name of what happened; expire() says what is to be done. Nothing here knows messages or
// sessions.
//
//  timer                 armed by                        disarmed by
//  retransmit handshake  initiation sent: 5 s + jitter   handshake completed
//                        (or put off, or planned)
//  send keepalive        data received: 10 s             authenticated message sent
//  new handshake         data sent: 15 s + jitter        authenticated message received
//  zero key material     new session: 540 s              -
//  persistent keepalive  any authenticated message       -
//  attempt               first initiation sent: 90 s     handshake completed or given up

import { after, type Millis, NEVER } from '../base/clock.ts';
import { type Random, randomInteger } from '../base/random.ts';
import {
  HANDSHAKE_RETRIES_MAX,
  KEEPALIVE_TIMEOUT_MS,
  NEW_HANDSHAKE_MS,
  REKEY_ATTEMPT_MS,
  REKEY_JITTER_MS_MAX,
  REKEY_TIMEOUT_MS,
  ZERO_KEY_MATERIAL_MS,
} from './constants.ts';

/** What is to be done when timers expire; a set of bits. */
export const TimerAction = {
  RetransmitHandshake: 1,
  GiveUpHandshake: 2,
  SendKeepalive: 4,
  NewHandshake: 8,
  ZeroKeyMaterial: 16,
  TellSilence: 32,
} as const;

export class Timers {
  readonly #random: Random;
  #retransmitHandshakeAt: Millis = NEVER;
  #sendKeepaliveAt: Millis = NEVER;
  #newHandshakeAt: Millis = NEVER;
  #zeroKeyMaterialAt: Millis = NEVER;
  #persistentKeepaliveAt: Millis = NEVER;
  #attemptEndsAt: Millis = NEVER;
  #persistentKeepaliveMs = 0;
  #isAnotherKeepaliveDue = false;
  #retries = 0;
  /** Drawn once for each session, since the timer is armed for each packet that is answered. */
  #newHandshakeJitterMs: number;

  constructor(random: Random) {
    this.#random = random;
    this.#newHandshakeJitterMs = this.#jitter();
  }

  /** When expire() is due; NEVER when no timer is armed. */
  nextDeadline(): Millis {
    return Math.min(
      this.#retransmitHandshakeAt,
      this.#sendKeepaliveAt,
      this.#newHandshakeAt,
      this.#zeroKeyMaterialAt,
      this.#persistentKeepaliveAt,
      this.#attemptEndsAt,
    ) as Millis;
  }

  /** Milliseconds between persistent keepalives; 0 for none. */
  get persistentKeepaliveMs(): number {
    return this.#persistentKeepaliveMs;
  }

  setPersistentKeepalive(intervalMs: number, now: Millis): void {
    this.#persistentKeepaliveMs = intervalMs;
    this.#persistentKeepaliveAt = NEVER;
    this.#armPersistentKeepalive(now);
  }

  /** Nothing is due any more until something happens again. */
  disarm(): void {
    this.#retransmitHandshakeAt = NEVER;
    this.#sendKeepaliveAt = NEVER;
    this.#newHandshakeAt = NEVER;
    this.#zeroKeyMaterialAt = NEVER;
    this.#persistentKeepaliveAt = NEVER;
    this.#attemptEndsAt = NEVER;
    this.#isAnotherKeepaliveDue = false;
    this.#retries = 0;
  }

  /** After disarm(): a peer is kept alive as if it had just been heard of. */
  restarted(now: Millis): void {
    this.#armPersistentKeepalive(now);
  }

  /** A handshake was asked for by something else than a retransmission. */
  handshakeBegun(): void {
    this.#retries = 0;
  }

  initiationSent(now: Millis): void {
    this.authenticatedMessageSent(now);
    this.#retransmitHandshakeAt = after(now, REKEY_TIMEOUT_MS + this.#jitter());
    if (this.#attemptEndsAt === NEVER) this.#attemptEndsAt = after(now, REKEY_ATTEMPT_MS);
  }

  /** An initiation must wait for the time after the last handshake message: it is tried again. */
  initiationDeferred(now: Millis): void {
    this.initiationPlanned(after(now, REKEY_TIMEOUT_MS + this.#jitter()));
  }

  /** An initiation is to be tried at `at`, unless one is due anyway or a handshake completes. */
  initiationPlanned(at: Millis): void {
    if (this.#retransmitHandshakeAt === NEVER) this.#retransmitHandshakeAt = at;
  }

  /** A handshake made a session, in either role. */
  sessionDerived(now: Millis): void {
    this.#zeroKeyMaterialAt = after(now, ZERO_KEY_MATERIAL_MS);
  }

  /** Both sides have proved the session. */
  handshakeCompleted(): void {
    this.#newHandshakeJitterMs = this.#jitter();
    this.#retransmitHandshakeAt = NEVER;
    this.#attemptEndsAt = NEVER;
    this.#retries = 0;
  }

  /** A handshake message or data message was sent; keepalives count. */
  authenticatedMessageSent(now: Millis): void {
    this.#sendKeepaliveAt = NEVER;
    this.#isAnotherKeepaliveDue = false;
    this.#armPersistentKeepalive(now);
  }

  /** A handshake message or data message was received and found true; keepalives count. */
  authenticatedMessageReceived(now: Millis): void {
    this.#newHandshakeAt = NEVER;
    this.#armPersistentKeepalive(now);
  }

  /** Data was sent, and an answer of any kind is expected. Keepalives do not count. */
  dataSent(now: Millis): void {
    if (this.#newHandshakeAt === NEVER) {
      this.#newHandshakeAt = after(now, NEW_HANDSHAKE_MS + this.#newHandshakeJitterMs);
    }
  }

  /** Data was received, so the peer expects an answer of any kind. Keepalives do not count. */
  dataReceived(now: Millis): void {
    if (this.#sendKeepaliveAt === NEVER) this.#sendKeepaliveAt = after(now, KEEPALIVE_TIMEOUT_MS);
    else this.#isAnotherKeepaliveDue = true;
  }

  /** Disarms what is due and says what to do about it: bits of TimerAction. */
  expire(now: Millis): number {
    let actions = 0;
    if (this.#attemptEndsAt <= now) {
      this.#attemptEndsAt = NEVER;
      actions |= TimerAction.TellSilence;
    }
    if (this.#retransmitHandshakeAt <= now) actions |= this.#expireRetransmission(now);
    if (this.#sendKeepaliveAt <= now) {
      this.#sendKeepaliveAt = this.#isAnotherKeepaliveDue
        ? after(now, KEEPALIVE_TIMEOUT_MS)
        : NEVER;
      this.#isAnotherKeepaliveDue = false;
      actions |= TimerAction.SendKeepalive;
    }
    if (this.#newHandshakeAt <= now) {
      this.#newHandshakeAt = NEVER;
      actions |= TimerAction.NewHandshake;
    }
    if (this.#zeroKeyMaterialAt <= now) {
      this.#zeroKeyMaterialAt = NEVER;
      actions |= TimerAction.ZeroKeyMaterial;
    }
    if (this.#persistentKeepaliveAt <= now) {
      this.#armPersistentKeepalive(now);
      actions |= TimerAction.SendKeepalive;
    }
    return actions;
  }

  #expireRetransmission(now: Millis): number {
    this.#retransmitHandshakeAt = NEVER;
    if (this.#retries <= HANDSHAKE_RETRIES_MAX) {
      this.#retries += 1;
      return TimerAction.RetransmitHandshake;
    }
    this.#attemptEndsAt = NEVER;
    this.#sendKeepaliveAt = NEVER;
    this.#isAnotherKeepaliveDue = false;
    if (this.#zeroKeyMaterialAt === NEVER) {
      this.#zeroKeyMaterialAt = after(now, ZERO_KEY_MATERIAL_MS);
    }
    return TimerAction.GiveUpHandshake;
  }

  #armPersistentKeepalive(now: Millis): void {
    if (this.#persistentKeepaliveMs > 0) {
      this.#persistentKeepaliveAt = after(now, this.#persistentKeepaliveMs);
    }
  }

  #jitter(): number {
    return randomInteger(this.#random, 0, REKEY_JITTER_MS_MAX);
  }
}

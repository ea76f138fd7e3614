// The sessions of a peer (the paper, sections 6.1 and 6.3): receiving goes on with all of them,
// sending with the current one.
//
//   initiator: a response was accepted          responder: a response was sent
//     new -> current -> past                      new -> next
//     (an unconfirmed next is past too)         responder: the initiator used the next
//                                                 next -> current -> past
//
// The paper knows one past session, the previous one, and its responder lets go of that for next.
// When both peers begin at once, each sends by the session that it began itself; at their next
// handshakes, at once again, two sessions come at each before it hears the peer use one of them.
// What the peer sent until then is not lost where the three before are kept.

import type { Millis } from '../../base/clock.ts';
import { REJECT_AFTER_MS } from '../constants.ts';
import type { Session } from './session.ts';

const PAST_SESSIONS_MAX = 3;

export class Keypairs {
  /** Told of each session that is out of use, which it disposes of. */
  readonly #retire: (session: Session) => void;
  /** The newest first. */
  readonly #past: Session[] = [];
  #current: Session | undefined;
  #next: Session | undefined;

  constructor(retire: (session: Session) => void) {
    this.#retire = retire;
  }

  /** The session to send with, if one may be used. */
  get current(): Session | undefined {
    return this.#current;
  }

  /** A session whose responder has proved itself by its response. */
  addInitiated(session: Session): void {
    this.#keep(this.#current);
    this.#keep(this.#next);
    this.#next = undefined;
    this.#current = session;
    this.#dropExpired(session.createdAt);
  }

  /** A session that its initiator has yet to use, which proves that our response arrived. */
  addResponded(session: Session): void {
    this.#drop(this.#next);
    this.#next = session;
    this.#dropExpired(session.createdAt);
  }

  /**
   * Takes note that an authenticated message came by `session`. True when that made it the current
   * one.
   */
  confirm(session: Session): boolean {
    if (session !== this.#next) return false;
    this.#keep(this.#current);
    this.#current = session;
    this.#next = undefined;
    return true;
  }

  /** Keeps all sessions for receiving only. */
  revokeSending(): void {
    this.#current?.revokeSending();
    this.#next?.revokeSending();
  }

  clear(): void {
    for (const session of this.#past.splice(0)) this.#retire(session);
    this.#drop(this.#current);
    this.#drop(this.#next);
    this.#current = undefined;
    this.#next = undefined;
  }

  #keep(session: Session | undefined): void {
    if (session === undefined) return;
    if (this.#past.length === PAST_SESSIONS_MAX) this.#drop(this.#past.pop());
    this.#past.unshift(session);
  }

  /** Nothing is received any more by sessions of a certain age, so their keys are zeroed. */
  #dropExpired(now: Millis): void {
    for (let last = this.#past.at(-1); last !== undefined; last = this.#past.at(-1)) {
      if (now - last.createdAt < REJECT_AFTER_MS) return;
      this.#drop(this.#past.pop());
    }
  }

  #drop(session: Session | undefined): void {
    if (session !== undefined) this.#retire(session);
  }
}

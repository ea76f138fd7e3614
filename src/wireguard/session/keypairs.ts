// The up to three sessions of a peer (the paper, section 6.1 and 6.3): receiving goes on with all
// of them, sending with the current one.
//
//   initiator: a response was accepted          responder: a response was sent
//     new -> current -> previous -> gone          new -> next
//     (an unconfirmed next becomes previous)    responder: the initiator used the next
//                                                 next -> current -> previous -> gone

import type { Session } from './session.ts';

export class Keypairs {
  /** Told of each session that is out of use, which it disposes of. */
  readonly #retire: (session: Session) => void;
  #previous: Session | undefined;
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
    this.#drop(this.#previous);
    if (this.#next === undefined) {
      this.#previous = this.#current;
    } else {
      this.#drop(this.#current);
      this.#previous = this.#next;
      this.#next = undefined;
    }
    this.#current = session;
  }

  /** A session that its initiator has yet to use, which proves that our response arrived. */
  addResponded(session: Session): void {
    this.#drop(this.#next);
    this.#drop(this.#previous);
    this.#previous = undefined;
    this.#next = session;
  }

  /**
   * Takes note that an authenticated message came by `session`. True when that made it the current
   * one.
   */
  confirm(session: Session): boolean {
    if (session !== this.#next) return false;
    this.#drop(this.#previous);
    this.#previous = this.#current;
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
    this.#drop(this.#previous);
    this.#drop(this.#current);
    this.#drop(this.#next);
    this.#previous = undefined;
    this.#current = undefined;
    this.#next = undefined;
  }

  #drop(session: Session | undefined): void {
    if (session !== undefined) this.#retire(session);
  }
}

// The tunnel to one peer: handshakes in both roles, the sessions they make, cookies, and timers. It
// writes and reads messages and knows no address, no queue and no other peer.
//
// A handshake in progress as initiator and one as responder stand side by side: when both peers
// begin at once, both of their handshakes come to an end, and neither side waits for a retry.

import { wipe } from '../base/bytes.ts';
import type { Millis, WallMillis } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { INITIATION_INTERVAL_MS, REKEY_TIMEOUT_MS } from './constants.ts';
import { CookieGenerator } from './cookies.ts';
import type { Crypto, PublicKey, SymmetricKey } from './crypto/crypto.ts';
import { drawKeyPair, type KeyPair, wipeKeyPair } from './identity.ts';
import { LongTermKeys } from './long-term-keys.ts';
import {
  INITIATION_MAC1_OFFSET,
  INITIATION_SENDER_OFFSET,
  INITIATION_TIMESTAMP_OFFSET,
  MessageType,
  RESPONSE_EPHEMERAL_OFFSET,
  RESPONSE_MAC1_OFFSET,
  RESPONSE_NOTHING_OFFSET,
  RESPONSE_RECEIVER_OFFSET,
  RESPONSE_SENDER_OFFSET,
  readUint32,
  writeUint32,
} from './messages.ts';
import { type OpenedInitiation, openInitiationPayload, respond } from './noise/responder.ts';
import type { SymmetricState } from './noise/symmetric-state.ts';
import { OwnInitiation } from './own-initiation.ts';
import { Keypairs } from './session/keypairs.ts';
import type { ReplayWindows } from './session/replay-window.ts';
import { type ReceiverIndex, Session } from './session/session.ts';
import { compareTai64n, nextTai64n, TAI64N_BYTES } from './tai64n.ts';
import { Timers } from './timers.ts';

/** Where a tunnel gets its receiver indices from; handshakes and sessions share one space. */
export interface IndexSpace {
  /** A fresh index for a handshake. */
  claim(): ReceiverIndex;
  /** The handshake of this index has become a session. */
  bind(index: ReceiverIndex, session: Session): void;
  release(index: ReceiverIndex): void;
}

export interface TunnelDependencies {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly indices: IndexSpace;
  /** Of all tunnels of a device. */
  readonly windows: ReplayWindows;
}

export interface TunnelOptions {
  readonly local: KeyPair;
  readonly remote: PublicKey;
  /** Absent for none, which is the key of zeros. */
  readonly presharedKey: SymmetricKey | undefined;
  /** After how long our sessions are renewed: sooner than the paper says, or its time if absent. */
  readonly rekeyAfterMs?: number | undefined;
}

/** How an initiation ended. All but `accepted` leave the tunnel as it was. */
export type InitiationVerdict = 'accepted' | 'invalid' | 'replayed' | 'flooding';

const EMPTY = new Uint8Array(0);

export class Tunnel {
  readonly timers: Timers;
  readonly #crypto: Crypto;
  readonly #random: Random;
  readonly #indices: IndexSpace;
  readonly #windows: ReplayWindows;
  readonly #cookies: CookieGenerator;
  readonly #keypairs: Keypairs;
  readonly #rekeyAfterMs: number | undefined;
  readonly #keys: LongTermKeys;
  #initiation: OwnInitiation | undefined;
  /** When the last initiation or response was sent. */
  #handshakeSentAt: Millis | undefined;
  #lastSentTimestamp: Uint8Array | undefined;
  /** Survives sessions and keys, or old initiations could be replayed. */
  #lastReceivedTimestamp: Uint8Array | undefined;
  #initiationAcceptedAt: Millis | undefined;
  #hasRekeyedOnReceive = false;

  constructor(dependencies: TunnelDependencies, options: TunnelOptions) {
    this.#crypto = dependencies.crypto;
    this.#random = dependencies.random;
    this.#indices = dependencies.indices;
    this.#windows = dependencies.windows;
    this.#keys = new LongTermKeys(dependencies.crypto, options.local, options.remote);
    this.#keys.setPresharedKey(options.presharedKey);
    this.timers = new Timers(dependencies.random);
    this.#cookies = new CookieGenerator(dependencies.crypto, this.#keys.remote);
    this.#keypairs = new Keypairs((session) => this.#retire(session));
    this.#rekeyAfterMs = options.rekeyAfterMs;
  }

  get remote(): PublicKey {
    return this.#keys.remote;
  }

  /** Takes effect with the next handshake. */
  setPresharedKey(presharedKey: SymmetricKey | undefined): void {
    this.#keys.setPresharedKey(presharedKey);
  }

  /** Our own key has changed: handshakes begin anew, sessions are kept for receiving only. */
  setLocal(local: KeyPair): void {
    this.#keys.setLocal(local);
    this.#abandonInitiation();
    this.#keypairs.revokeSending();
    this.#handshakeSentAt = undefined;
  }

  /** Whether there is a session, even one too old to send with. */
  get hasSession(): boolean {
    return this.#keypairs.current !== undefined;
  }

  /** The session to send with, or undefined when a handshake must come first. */
  sendingSession(now: Millis): Session | undefined {
    const session = this.#keypairs.current;
    return session?.canSend(now) === true ? session : undefined;
  }

  /**
   * Whether the time since the last handshake message allows another initiation; if not, one is
   * tried later. Unless it is a retransmission, asking begins the count of retries anew.
   */
  mayInitiate(now: Millis, isRetransmission: boolean): boolean {
    if (!isRetransmission) this.timers.handshakeBegun();
    const last = this.#handshakeSentAt;
    if (last === undefined || now - last >= REKEY_TIMEOUT_MS) return true;
    this.timers.initiationDeferred(now);
    return false;
  }

  /**
   * Writes an initiation over `message` (INITIATION_BYTES) and waits for its response in place of
   * any earlier one's. False when the peer's key allows none, and nothing is to be sent.
   */
  initiate(message: Uint8Array, wallNow: WallMillis, now: Millis): boolean {
    this.#handshakeSentAt = now;
    this.#abandonInitiation();
    const timestamp = nextTai64n(wallNow, this.#lastSentTimestamp);
    const ephemeral = drawKeyPair(this.#crypto, this.#random);
    const claimIndex = () => this.#indices.claim();
    const options = { ephemeral, timestamp, claimIndex };
    this.#initiation = OwnInitiation.begin(this.#crypto, this.#keys, options, message);
    if (this.#initiation === undefined) return false;
    this.#lastSentTimestamp = timestamp;
    this.#cookies.addMacs(message, now);
    this.timers.initiationSent(now);
    return true;
  }

  /**
   * Takes an initiation of this peer that has been opened as far as its sender, and writes the
   * response over `response` (RESPONSE_BYTES), which is to be sent exactly when the verdict is
   * `accepted`.
   */
  acceptInitiation(
    opened: OpenedInitiation,
    message: Uint8Array,
    response: Uint8Array,
    now: Millis,
  ): InitiationVerdict {
    const staticStatic = this.#keys.staticStatic();
    if (staticStatic === undefined) return 'invalid';
    const sealed = message.subarray(INITIATION_TIMESTAMP_OFFSET, INITIATION_MAC1_OFFSET);
    const timestamp = new Uint8Array(TAI64N_BYTES);
    if (!openInitiationPayload(opened, staticStatic, timestamp, sealed)) return 'invalid';
    const last = this.#lastReceivedTimestamp;
    if (last !== undefined && compareTai64n(timestamp, last) <= 0) return 'replayed';
    const lastAt = this.#initiationAcceptedAt;
    if (lastAt !== undefined && now - lastAt < INITIATION_INTERVAL_MS) return 'flooding';
    const remoteIndex = readUint32(message, INITIATION_SENDER_OFFSET) as ReceiverIndex;
    if (!this.#respond(opened, remoteIndex, response, now)) return 'invalid';
    this.#lastReceivedTimestamp ??= new Uint8Array(TAI64N_BYTES);
    this.#lastReceivedTimestamp.set(timestamp);
    this.#initiationAcceptedAt = now;
    this.timers.authenticatedMessageReceived(now);
    this.timers.authenticatedMessageSent(now);
    return 'accepted';
  }

  /**
   * Takes the response to our initiation: a session to send with begins. False, and nothing is
   * changed, when it is not a true one.
   */
  acceptResponse(message: Uint8Array, now: Millis): boolean {
    const initiation = this.#initiation;
    if (initiation === undefined) return false;
    if (readUint32(message, RESPONSE_RECEIVER_OFFSET) !== initiation.index) return false;
    const state = initiation.finish(this.#keys, message);
    if (state === undefined) return false;
    const remoteIndex = readUint32(message, RESPONSE_SENDER_OFFSET) as ReceiverIndex;
    const session = this.#deriveSession(state, true, initiation.index, remoteIndex, now);
    this.#forgetInitiation();
    this.#keypairs.addInitiated(session);
    this.timers.authenticatedMessageReceived(now);
    this.#handshakeCompleted();
    return true;
  }

  /** Takes a cookie; the next initiation or response carries its proof. */
  acceptCookieReply(message: Uint8Array, now: Millis): boolean {
    return this.#cookies.takeReply(message, now);
  }

  /**
   * Takes note of an authenticated data message. True when it completed the handshake: it is the
   * first of the initiator by this session.
   */
  confirm(session: Session): boolean {
    if (!this.#keypairs.confirm(session)) return false;
    this.#abandonInitiation();
    this.#handshakeCompleted();
    return true;
  }

  /**
   * Takes note of data messages sent since the last call. True when a new handshake should follow.
   */
  messagesSent(session: Session, hasData: boolean, now: Millis): boolean {
    this.timers.authenticatedMessageSent(now);
    if (hasData) this.timers.dataSent(now);
    return session.isRekeyDueOnSend(now);
  }

  /**
   * Takes note of data messages received since the last call. True when a new handshake should
   * follow.
   */
  messagesReceived(hasData: boolean, now: Millis): boolean {
    this.timers.authenticatedMessageReceived(now);
    if (hasData) this.timers.dataReceived(now);
    const session = this.#keypairs.current;
    if (this.#hasRekeyedOnReceive || session?.isRekeyDueOnReceive(now) !== true) return false;
    this.#hasRekeyedOnReceive = true;
    return true;
  }

  /** Zeroes all sessions and any handshake in progress. Timestamps are kept. */
  clear(): void {
    this.#abandonInitiation();
    this.#keypairs.clear();
  }

  /** As after a start: no sessions, no timers, and the next handshake at once. */
  restart(): void {
    this.clear();
    this.timers.disarm();
    this.#handshakeSentAt = undefined;
    this.#hasRekeyedOnReceive = false;
  }

  /** Zeroes everything; the tunnel is not used afterwards. */
  dispose(): void {
    this.clear();
    this.#keys.wipe();
    this.#cookies.wipe();
  }

  #respond(
    opened: OpenedInitiation,
    remoteIndex: ReceiverIndex,
    message: Uint8Array,
    now: Millis,
  ): boolean {
    const ephemeral = drawKeyPair(this.#crypto, this.#random);
    const sealed = message.subarray(RESPONSE_NOTHING_OFFSET, RESPONSE_MAC1_OFFSET);
    const isAnswered = respond(opened, ephemeral, this.#keys.presharedKey, sealed, EMPTY);
    wipeKeyPair(ephemeral);
    if (!isAnswered) return false;
    const index = this.#indices.claim();
    writeUint32(message, 0, MessageType.Response);
    writeUint32(message, RESPONSE_SENDER_OFFSET, index);
    writeUint32(message, RESPONSE_RECEIVER_OFFSET, remoteIndex);
    message.set(ephemeral.publicKey, RESPONSE_EPHEMERAL_OFFSET);
    this.#cookies.addMacs(message, now);
    this.#keypairs.addResponded(this.#deriveSession(opened.state, false, index, remoteIndex, now));
    this.#handshakeSentAt = now;
    return true;
  }

  #deriveSession(
    state: SymmetricState,
    isInitiator: boolean,
    localIndex: ReceiverIndex,
    remoteIndex: ReceiverIndex,
    now: Millis,
  ): Session {
    const [ofInitiator, ofResponder] = state.split();
    state.wipe();
    const session = new Session({
      isInitiator,
      localIndex,
      remoteIndex,
      createdAt: now,
      rekeyAfterMs: this.#rekeyAfterMs,
      sendCipher: this.#crypto.sessionCipher(isInitiator ? ofInitiator : ofResponder),
      receiveCipher: this.#crypto.sessionCipher(isInitiator ? ofResponder : ofInitiator),
      windows: this.#windows,
    });
    wipe(ofInitiator, ofResponder);
    this.#indices.bind(localIndex, session);
    this.timers.sessionDerived(now);
    return session;
  }

  #handshakeCompleted(): void {
    this.timers.handshakeCompleted();
    this.#hasRekeyedOnReceive = false;
  }

  /** Ends our handshake without a session. */
  #abandonInitiation(): void {
    if (this.#initiation !== undefined) this.#indices.release(this.#initiation.index);
    this.#forgetInitiation();
  }

  #forgetInitiation(): void {
    this.#initiation?.wipe();
    this.#initiation = undefined;
  }

  #retire(session: Session): void {
    this.#indices.release(session.localIndex);
    session.dispose();
  }
}

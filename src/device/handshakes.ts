// Handshake messages and cookie replies as they arrive, after the checks that turn a flood away.
//
//   length and type -> admission -> who is it -> handshake

import { wipe } from '../base/bytes.ts';
import type { Millis } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { type Crypto, KEY_BYTES, type PublicKey } from '../wireguard/crypto/crypto.ts';
import { type KeyPair, startHandshake } from '../wireguard/identity.ts';
import {
  COOKIE_REPLY_BYTES,
  COOKIE_REPLY_RECEIVER_OFFSET,
  INITIATION_EPHEMERAL_OFFSET,
  INITIATION_MAC1_OFFSET,
  INITIATION_STATIC_OFFSET,
  INITIATION_TIMESTAMP_OFFSET,
  MessageType,
  RESPONSE_BYTES,
  RESPONSE_RECEIVER_OFFSET,
  readUint32,
} from '../wireguard/messages.ts';
import {
  type OpenedInitiation,
  openInitiation,
  openInitiationPayload,
} from '../wireguard/noise/responder.ts';
import type { SymmetricState } from '../wireguard/noise/symmetric-state.ts';
import { TAI64N_BYTES } from '../wireguard/tai64n.ts';
import type { InitiationVerdict } from '../wireguard/tunnel.ts';
import { Admission, Admissions, HANDSHAKE_WORK_MS } from './admission/admission.ts';
import { UnknownKeys } from './admission/unknown-keys.ts';
import { DeviceCounter } from './counters.ts';
import type { Endpoint, RateBlock } from './peers/endpoint.ts';
import type { IndexTable } from './peers/index-table.ts';
import type { Peer, PeerTable } from './peers/peer.ts';
import type { Transmitter } from './transmitter.ts';

const REFUSAL_COUNTERS: Readonly<
  Record<Exclude<Admission, typeof Admission.Admitted>, DeviceCounter>
> = {
  [Admission.WrongMac1]: DeviceCounter.DropMac1,
  [Admission.Unproved]: DeviceCounter.DropUnderLoad,
  [Admission.Unanswered]: DeviceCounter.DropUnderLoad,
  [Admission.RateLimited]: DeviceCounter.DropRateLimited,
};
const VERDICT_COUNTERS: Readonly<Record<InitiationVerdict, DeviceCounter>> = {
  accepted: DeviceCounter.ReceivedInitiation,
  invalid: DeviceCounter.DropInitiationInvalid,
  replayed: DeviceCounter.DropInitiationReplayed,
  flooding: DeviceCounter.DropInitiationFlood,
};

export interface HandshakesDependencies {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly peers: PeerTable;
  readonly indices: IndexTable<Peer>;
  readonly transmitter: Transmitter;
  readonly workNow: (() => Millis) | undefined;
  /** An authenticated message came from there. */
  readonly heardFrom: (peer: Peer, endpoint: Endpoint) => void;
  readonly handshakeCompleted: (peer: Peer) => void;
}

export class Handshakes {
  readonly #dependencies: HandshakesDependencies;
  readonly #admissions: Admissions;
  readonly #unknownKeys = new UnknownKeys();
  #local: KeyPair;
  /** Of every handshake that others begin; nothing in it is secret. */
  #start: SymmetricState;
  /** Of the one at hand; zero between two. */
  readonly #answering: SymmetricState;

  constructor(dependencies: HandshakesDependencies, local: KeyPair) {
    this.#dependencies = dependencies;
    this.#local = local;
    const { crypto, random, peers } = dependencies;
    this.#start = startHandshake(crypto, local.publicKey);
    this.#answering = this.#start.copy();
    const isPlaceOfPeer = (block: RateBlock) => peers.isPlaceOfPeer(block);
    this.#admissions = new Admissions({ crypto, random, isPlaceOfPeer }, local.publicKey);
  }

  setLocal(local: KeyPair): void {
    this.#local = local;
    this.#start = startHandshake(this.#dependencies.crypto, local.publicKey);
    this.#admissions.setOwnKey(local.publicKey);
  }

  /** Zeroes the secrets that are kept here. */
  wipe(): void {
    this.#admissions.wipe();
  }

  /** Where a peer that is being installed tried to reach us from in the last seconds. */
  takeUnknownKey(key: PublicKey, now: Millis): Endpoint | undefined {
    return this.#unknownKeys.take(key, now);
  }

  /**
   * Takes a message of type 1, 2 or 3 that came from `source`; returns the counter in which it
   * ends.
   */
  receive(type: MessageType, message: Uint8Array, source: Endpoint, now: Millis): DeviceCounter {
    if (type === MessageType.CookieReply) return this.#receiveCookieReply(message, now);
    const admission = this.#admissions.judge(message, source, now);
    if (admission === Admission.Unproved) this.#sendCookieReply(message, source, now);
    if (admission !== Admission.Admitted) return REFUSAL_COUNTERS[admission];
    const { workNow } = this.#dependencies;
    const startedAt = workNow?.();
    const counter =
      type === MessageType.Initiation
        ? this.#receiveInitiation(message, source, now)
        : this.#receiveResponse(message, source, now);
    const workMs =
      startedAt === undefined || workNow === undefined ? HANDSHAKE_WORK_MS : workNow() - startedAt;
    if (counter !== DeviceCounter.DropUnknownIndex) this.#admissions.charge(workMs, now);
    return counter;
  }

  #receiveInitiation(message: Uint8Array, source: Endpoint, now: Millis): DeviceCounter {
    const { peers } = this.#dependencies;
    this.#answering.become(this.#start);
    const opened = openInitiation(
      this.#answering,
      this.#local,
      message.subarray(INITIATION_EPHEMERAL_OFFSET, INITIATION_STATIC_OFFSET) as PublicKey,
      message.subarray(INITIATION_STATIC_OFFSET, INITIATION_TIMESTAMP_OFFSET),
    );
    if (opened === undefined) return DeviceCounter.DropInitiationInvalid;
    const peer = peers.find(opened.remote);
    const counter =
      peer === undefined
        ? this.#meetUnknown(opened, message, source, now)
        : this.#answer(peer, opened, message, source, now);
    opened.state.wipe();
    return counter;
  }

  #answer(
    peer: Peer,
    opened: OpenedInitiation,
    message: Uint8Array,
    source: Endpoint,
    now: Millis,
  ): DeviceCounter {
    const { transmitter, heardFrom } = this.#dependencies;
    const start = transmitter.reserve(RESPONSE_BYTES);
    const response = transmitter.reserved(start, RESPONSE_BYTES);
    const verdict = peer.tunnel.acceptInitiation(opened, message, response, now);
    if (verdict === 'accepted') {
      heardFrom(peer, source);
      peer.receivedBytes += message.length;
      peer.sentBytes += RESPONSE_BYTES;
      transmitter.pushHandshake(start, RESPONSE_BYTES, source, DeviceCounter.SentResponse);
      transmitter.touch(peer);
    }
    return VERDICT_COUNTERS[verdict];
  }

  /** Remembers a key that no peer has, once its owner has proved that it is theirs. */
  #meetUnknown(
    opened: OpenedInitiation,
    message: Uint8Array,
    source: Endpoint,
    now: Millis,
  ): DeviceCounter {
    const { crypto } = this.#dependencies;
    const secret = new Uint8Array(KEY_BYTES);
    const timestamp = new Uint8Array(TAI64N_BYTES);
    const sealed = message.subarray(INITIATION_TIMESTAMP_OFFSET, INITIATION_MAC1_OFFSET);
    const isProved =
      crypto.diffieHellman(secret, this.#local.privateKey, opened.remote) &&
      openInitiationPayload(opened, secret, timestamp, sealed);
    wipe(secret);
    if (!isProved) return DeviceCounter.DropInitiationInvalid;
    this.#unknownKeys.remember(opened.remote, source, now);
    return DeviceCounter.DropUnknownPeer;
  }

  #receiveResponse(message: Uint8Array, source: Endpoint, now: Millis): DeviceCounter {
    const { indices, transmitter, heardFrom, handshakeCompleted } = this.#dependencies;
    const entry = indices.get(readUint32(message, RESPONSE_RECEIVER_OFFSET));
    if (entry === undefined || entry.session !== undefined) return DeviceCounter.DropUnknownIndex;
    const peer = entry.owner;
    if (!peer.tunnel.acceptResponse(message, now)) return DeviceCounter.DropResponseInvalid;
    heardFrom(peer, source);
    peer.receivedBytes += message.length;
    handshakeCompleted(peer);
    // Whatever goes out first proves to the responder that we have the keys.
    if (peer.staging.length > 0) transmitter.sendStaged(peer, now);
    else transmitter.sendKeepalive(peer, now);
    transmitter.touch(peer);
    return DeviceCounter.ReceivedResponse;
  }

  /** Neither roams nor answers: a cookie reply proves nothing but that our message was seen. */
  #receiveCookieReply(message: Uint8Array, now: Millis): DeviceCounter {
    const entry = this.#dependencies.indices.get(readUint32(message, COOKIE_REPLY_RECEIVER_OFFSET));
    if (entry === undefined) return DeviceCounter.DropUnknownIndex;
    return entry.owner.tunnel.acceptCookieReply(message, now)
      ? DeviceCounter.ReceivedCookieReply
      : DeviceCounter.DropCookieReplyInvalid;
  }

  #sendCookieReply(message: Uint8Array, source: Endpoint, now: Millis): void {
    const { transmitter } = this.#dependencies;
    const start = transmitter.reserve(COOKIE_REPLY_BYTES);
    const reply = transmitter.reserved(start, COOKIE_REPLY_BYTES);
    this.#admissions.writeReply(reply, message, source, now);
    transmitter.pushHandshake(start, COOKIE_REPLY_BYTES, source, DeviceCounter.SentCookieReply);
  }
}

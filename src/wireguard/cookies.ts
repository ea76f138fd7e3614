// Proofs against floods (the paper, section 5.4.4 and 5.4.7). mac1 proves that the sender knows the
// receiver's public key. Under load a receiver answers with a cookie, which only reaches the true
// owner of the source address, and mac2 in the next try proves that it did.

import { equalConstantTime, wipe } from '../base/bytes.ts';
import type { Millis } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { COOKIE_LATENCY_MS, COOKIE_SECRET_MS } from './constants.ts';
import {
  type Crypto,
  HASH_BYTES,
  MAC_BYTES,
  type PublicKey,
  XNONCE_BYTES,
} from './crypto/crypto.ts';
import { cookieKey, mac1Key } from './identity.ts';
import {
  COOKIE_REPLY_BYTES,
  COOKIE_REPLY_COOKIE_OFFSET,
  COOKIE_REPLY_NONCE_OFFSET,
  COOKIE_REPLY_RECEIVER_OFFSET,
  FIRST_INDEX_OFFSET,
  MessageType,
  readUint32,
  writeUint32,
} from './messages.ts';

const NONCES_DRAWN = 64;

/** Whether the sender of `message` says that it has a cookie, which is no secret. */
export function hasMac2(message: Uint8Array): boolean {
  for (let i = message.length - MAC_BYTES; i < message.length; i++) {
    if (message[i] !== 0) return true;
  }
  return false;
}

/** The receiver's side, one for a device. Messages are initiations and responses. */
export class CookieChecker {
  readonly #crypto: Crypto;
  readonly #random: Random;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  readonly #secret: Uint8Array = new Uint8Array(HASH_BYTES);
  /** Of the message at hand. */
  readonly #mac: Uint8Array = new Uint8Array(MAC_BYTES);
  readonly #cookie: Uint8Array = new Uint8Array(MAC_BYTES);
  #secretAt: Millis | undefined;
  readonly #nonces = new Uint8Array(NONCES_DRAWN * XNONCE_BYTES);
  #noncesLeft = 0;

  constructor(crypto: Crypto, random: Random, own: PublicKey) {
    this.#crypto = crypto;
    this.#random = random;
    this.#mac1Key = mac1Key(crypto, own);
    this.#cookieKey = cookieKey(crypto, own);
  }

  /** Whether the sender of `message` knows our public key. */
  checkMac1(message: Uint8Array): boolean {
    const end = message.length - 2 * MAC_BYTES;
    this.#crypto.mac(this.#mac, this.#mac1Key, message.subarray(0, end));
    return equalConstantTime(this.#mac, message.subarray(end, end + MAC_BYTES));
  }

  /**
   * Whether the sender of `message` has the cookie that we gave to `source`: address (4 or 16
   * bytes) and port (2 bytes, big-endian).
   */
  checkMac2(message: Uint8Array, source: Uint8Array, now: Millis): boolean {
    const end = message.length - MAC_BYTES;
    this.#crypto.mac(this.#mac, this.#cookieOf(source, now), message.subarray(0, end));
    return equalConstantTime(this.#mac, message.subarray(end));
  }

  /** Writes the reply with the cookie of `source`, COOKIE_REPLY_BYTES, over `target`. */
  writeReply(target: Uint8Array, message: Uint8Array, source: Uint8Array, now: Millis): void {
    const nonce = this.#drawNonce();
    const mac1 = message.subarray(message.length - 2 * MAC_BYTES, message.length - MAC_BYTES);
    const cookie = this.#cookieOf(source, now);
    writeUint32(target, 0, MessageType.CookieReply);
    writeUint32(target, COOKIE_REPLY_RECEIVER_OFFSET, readUint32(message, FIRST_INDEX_OFFSET));
    target.set(nonce, COOKIE_REPLY_NONCE_OFFSET);
    const sealed = target.subarray(COOKIE_REPLY_COOKIE_OFFSET, COOKIE_REPLY_BYTES);
    this.#crypto.xaeadSeal(sealed, this.#cookieKey, nonce, cookie, mac1);
  }

  /** A random nonce of its own. Drawing many at once costs what drawing one does. */
  #drawNonce(): Uint8Array {
    if (this.#noncesLeft === 0) {
      this.#random.fill(this.#nonces);
      this.#noncesLeft = NONCES_DRAWN;
    }
    this.#noncesLeft -= 1;
    const start = this.#noncesLeft * XNONCE_BYTES;
    return this.#nonces.slice(start, start + XNONCE_BYTES);
  }

  /** Zeroes the secret; the checker is not used afterwards. */
  wipe(): void {
    wipe(this.#secret, this.#cookie);
  }

  #cookieOf(source: Uint8Array, now: Millis): Uint8Array {
    if (this.#secretAt === undefined || now - this.#secretAt >= COOKIE_SECRET_MS) {
      this.#random.fill(this.#secret);
      this.#secretAt = now;
    }
    this.#crypto.mac(this.#cookie, this.#secret, source);
    return this.#cookie;
  }
}

/** The sender's side, one for a peer. */
export class CookieGenerator {
  readonly #crypto: Crypto;
  readonly #remote: PublicKey;
  /** Both made when they are first needed: most peers of a large mesh never speak. */
  #mac1Key: Uint8Array | undefined;
  #cookieKey: Uint8Array | undefined;
  #cookie: Uint8Array | undefined;
  #cookieAt: Millis | undefined;
  /** Of the last message, made with the first one. */
  #lastMac1: Uint8Array | undefined;
  /** The first reply that is accepted ends it. */
  #awaitsReply = false;

  constructor(crypto: Crypto, remote: PublicKey) {
    this.#crypto = crypto;
    this.#remote = remote;
  }

  /** Writes mac1 and mac2 at the end of `message`; mac2 is zero without a fresh cookie. */
  addMacs(message: Uint8Array, now: Millis): void {
    const mac1Offset = message.length - 2 * MAC_BYTES;
    const mac2Offset = message.length - MAC_BYTES;
    this.#mac1Key ??= mac1Key(this.#crypto, this.#remote);
    this.#lastMac1 ??= new Uint8Array(MAC_BYTES);
    this.#crypto.mac(this.#lastMac1, this.#mac1Key, message.subarray(0, mac1Offset));
    this.#awaitsReply = true;
    message.set(this.#lastMac1, mac1Offset);
    const mac2 = message.subarray(mac2Offset);
    const cookie = this.#freshCookie(now);
    if (cookie === undefined) mac2.fill(0);
    else this.#crypto.mac(mac2, cookie, message.subarray(0, mac2Offset));
  }

  /**
   * Takes the cookie out of a reply to the last message. False, and nothing is changed, when there
   * was no message or the reply is not for it.
   */
  takeReply(reply: Uint8Array, now: Millis): boolean {
    if (this.#lastMac1 === undefined || !this.#awaitsReply) return false;
    const nonce = reply.subarray(COOKIE_REPLY_NONCE_OFFSET, COOKIE_REPLY_COOKIE_OFFSET);
    const sealed = reply.subarray(COOKIE_REPLY_COOKIE_OFFSET);
    this.#cookieKey ??= cookieKey(this.#crypto, this.#remote);
    const cookie = new Uint8Array(MAC_BYTES);
    const isOurs = this.#crypto.xaeadOpen(cookie, this.#cookieKey, nonce, sealed, this.#lastMac1);
    if (!isOurs) return false;
    this.wipe();
    this.#cookie = cookie;
    this.#cookieAt = now;
    this.#awaitsReply = false;
    return true;
  }

  /** Zeroes the cookie. */
  wipe(): void {
    if (this.#cookie !== undefined) wipe(this.#cookie);
    this.#cookie = undefined;
  }

  #freshCookie(now: Millis): Uint8Array | undefined {
    const expired =
      this.#cookieAt === undefined || now - this.#cookieAt >= COOKIE_SECRET_MS - COOKIE_LATENCY_MS;
    return expired ? undefined : this.#cookie;
  }
}

// The handshake in both roles and how it is misused: what fails must leave everything as it was.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase64 } from '../../src/base/bytes.ts';
import type { Millis } from '../../src/base/clock.ts';
import { plainSlab } from '../../src/base/slab.ts';
import { CookieChecker, hasMac2 } from '../../src/wireguard/cookies.ts';
import type { PublicKey, SymmetricKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { keyPair } from '../../src/wireguard/identity.ts';
import {
  COOKIE_REPLY_BYTES,
  INITIATION_BYTES,
  INITIATION_EPHEMERAL_OFFSET,
  RESPONSE_EPHEMERAL_OFFSET,
  RESPONSE_MAC1_OFFSET,
  RESPONSE_RECEIVER_OFFSET,
} from '../../src/wireguard/messages.ts';
import { OpenOutcome, type Session } from '../../src/wireguard/session/session.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { answerTo, initiationOf, shakeHands, tunnelPair } from './tunnel-pair.ts';

/** Points of low order: their shared secret with any key is all zero. */
const LOW_ORDER_POINTS = [
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  '4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=',
  'X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=',
  '7P///////////////////////////////////////38=',
  '7f///////////////////////////////////////38=',
  '7v///////////////////////////////////////38=',
].map((text) => fromBase64(text) as PublicKey);
const ZERO_KEY = new Uint8Array(32) as PublicKey;

test('Tunnel makes sessions that carry packets in both directions', () => {
  const { a, b } = tunnelPair();
  const { ofA, ofB } = shakeHands(a, b, 0);
  assert.ok(carries(ofA, ofB, 1));
  assert.ok(carries(ofB, ofA, 1));
  assert.equal(ofA.remoteIndex, ofB.localIndex);
  assert.equal(ofB.remoteIndex, ofA.localIndex);
});

test('Tunnel makes sessions with a preshared key, and none with different ones', () => {
  const key = (byte: number) => new Uint8Array(32).fill(byte) as SymmetricKey;
  const same = tunnelPair({ presharedKeys: [key(5), key(5)] });
  shakeHands(same.a, same.b, 0);
  for (const theirs of [undefined, key(6)]) {
    const { a, b } = tunnelPair({ presharedKeys: [key(5), theirs] });
    const { response } = answerTo(b, initiationOf(a, 0)!, 0);
    assert.ok(!a.tunnel.acceptResponse(response, 0 as Millis));
  }
});

test('Tunnel takes a new preshared key with the next handshake and keeps the session', () => {
  const { a, b } = tunnelPair();
  const { ofA, ofB } = shakeHands(a, b, 0);
  const key = new Uint8Array(32).fill(1) as SymmetricKey;
  a.tunnel.setPresharedKey(key);
  assert.ok(carries(ofA, ofB, 1));
  const { response } = answerTo(b, initiationOf(a, 6_000)!, 6_000);
  assert.ok(!a.tunnel.acceptResponse(response, 6_000 as Millis));
  b.tunnel.setPresharedKey(key);
  shakeHands(a, b, 12_000);
});

test('Tunnel refuses a response with any changed byte and then takes the true one', () => {
  const { a, b } = tunnelPair();
  const { response } = answerTo(b, initiationOf(a, 0)!, 0);
  for (let i = RESPONSE_RECEIVER_OFFSET; i < RESPONSE_MAC1_OFFSET; i += 1) {
    const spoofed = Uint8Array.from(response);
    spoofed[i]! ^= 1;
    assert.ok(!a.tunnel.acceptResponse(spoofed, 0 as Millis), `byte ${i}`);
  }
  assert.ok(a.tunnel.acceptResponse(response, 0 as Millis));
});

test('Tunnel takes a response once', () => {
  const { a, b } = tunnelPair();
  const { response } = answerTo(b, initiationOf(a, 0)!, 0);
  assert.ok(a.tunnel.acceptResponse(response, 0 as Millis));
  assert.ok(!a.tunnel.acceptResponse(response, 0 as Millis));
});

test('Tunnel takes no response to an initiation that it has sent anew', () => {
  const { a, b } = tunnelPair();
  const { response } = answerTo(b, initiationOf(a, 0)!, 0);
  assert.ok(initiationOf(a, 5_000));
  assert.ok(!a.tunnel.acceptResponse(response, 5_000 as Millis));
  assert.equal(a.indices.sessions.size, 1, 'the first index was released');
});

test('Tunnel refuses an initiation that it has seen, and older ones', () => {
  const { a, b } = tunnelPair();
  const older = initiationOf(a, 0)!;
  const newer = initiationOf(a, 10_000)!;
  assert.equal(answerTo(b, newer, 10_000).verdict, 'accepted');
  assert.equal(answerTo(b, newer, 20_000).verdict, 'replayed');
  assert.equal(answerTo(b, older, 20_000).verdict, 'replayed');
});

test('Tunnel remembers the last timestamp after its sessions are gone', () => {
  const { a, b } = tunnelPair();
  const initiation = initiationOf(a, 0)!;
  answerTo(b, initiation, 0);
  b.tunnel.clear();
  assert.equal(answerTo(b, initiation, 600_000).verdict, 'replayed');
});

test('Tunnel drops an initiation within 20 ms of the last one', () => {
  const { a, b } = tunnelPair();
  assert.equal(answerTo(b, initiationOf(a, 0)!, 0).verdict, 'accepted');
  const next = initiationOf(a, 5_000)!;
  assert.equal(answerTo(b, next, 19).verdict, 'flooding');
  assert.equal(answerTo(b, next, 20).verdict, 'accepted', 'a flooding one leaves no trace');
});

test('Tunnel sends later timestamps although the clock is set back', () => {
  const { a, b } = tunnelPair();
  assert.equal(answerTo(b, initiationOf(a, 3_600_000)!, 0).verdict, 'accepted');
  assert.equal(answerTo(b, initiationOf(a, 1_000)!, 6_000).verdict, 'accepted');
  assert.equal(answerTo(b, initiationOf(a, 1_000)!, 12_000).verdict, 'accepted');
});

test('Tunnel refuses an initiation with any changed field and stays as it was', () => {
  const { a, b } = tunnelPair();
  const { ofA, ofB } = shakeHands(a, b, 0);
  const pending = initiationOf(b, 6_000)!;
  const initiation = initiationOf(a, 6_000)!;
  for (const i of [8, 20, 38, 40, 70, 87, 88, 100, 115]) {
    const changed = Uint8Array.from(initiation);
    changed[i]! ^= 1;
    assert.equal(answerTo(b, changed, 6_000).verdict, 'invalid', `byte ${i}`);
  }
  assert.ok(carries(ofA, ofB, 1), 'the session goes on');
  const { response } = answerTo(a, pending, 6_000);
  assert.ok(b.tunnel.acceptResponse(response, 6_000 as Millis), 'so does the handshake');
  assert.equal(answerTo(b, initiation, 6_000).verdict, 'accepted', 'its timestamp was not taken');
});

test('Tunnel makes no initiation to a peer whose key has low order', () => {
  for (const remoteOfA of LOW_ORDER_POINTS) {
    const { a } = tunnelPair({ remoteOfA });
    assert.equal(initiationOf(a, 0), undefined);
    assert.equal(a.indices.sessions.size, 0);
  }
});

test('Tunnel refuses initiations and responses whose ephemeral key has low order', () => {
  const { a, b } = tunnelPair();
  for (const point of LOW_ORDER_POINTS) {
    const initiation = initiationOf(a, 0)!;
    initiation.set(point, INITIATION_EPHEMERAL_OFFSET);
    assert.equal(answerTo(b, initiation, 0).verdict, 'invalid');
  }
  const { response } = answerTo(b, initiationOf(a, 0)!, 0);
  for (const point of LOW_ORDER_POINTS) {
    const spoofed = Uint8Array.from(response);
    spoofed.set(point, RESPONSE_EPHEMERAL_OFFSET);
    assert.ok(!a.tunnel.acceptResponse(spoofed, 0 as Millis));
  }
  assert.ok(a.tunnel.acceptResponse(response, 0 as Millis));
});

test('Tunnel answers no initiation from a static key of low order', () => {
  const { a, b } = tunnelPair({ remoteOfA: ZERO_KEY });
  assert.equal(answerTo(a, initiationOf(b, 0)!, 0).verdict, 'invalid');
});

test('Tunnel as responder does not send before the initiator has used the session', () => {
  const { a, b } = tunnelPair();
  const { ofA, ofB } = shakeHands(a, b, 0);
  assert.equal(a.tunnel.sendingSession(0 as Millis), ofA);
  assert.equal(b.tunnel.sendingSession(0 as Millis), undefined);
  assert.ok(b.tunnel.confirm(ofB));
  assert.equal(b.tunnel.sendingSession(0 as Millis), ofB);
  assert.ok(!b.tunnel.confirm(ofB), 'only the first message confirms');
});

test('Tunnel of both sides finishes when both have begun at once', () => {
  const { a, b } = tunnelPair();
  const [fromA, fromB] = [initiationOf(a, 0)!, initiationOf(b, 0)!];
  const toA = answerTo(b, fromA, 0).response;
  const toB = answerTo(a, fromB, 0).response;
  assert.ok(a.tunnel.acceptResponse(toA, 0 as Millis));
  assert.ok(b.tunnel.acceptResponse(toB, 0 as Millis));
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const sending = from.tunnel.sendingSession(0 as Millis)!;
    const receiving = to.indices.sessions.get(sending.remoteIndex)!;
    assert.ok(carries(sending, receiving, 0), 'each side still has the session that it needs');
  }
});

test('Tunnel ends its own handshake when the one of the other side completes', () => {
  const { a, b } = tunnelPair();
  const { response } = answerTo(a, initiationOf(b, 0)!, 0);
  const fromA = initiationOf(a, 0)!;
  const late = answerTo(b, fromA, 0).response;
  assert.ok(b.tunnel.acceptResponse(response, 0 as Millis));
  assert.ok(a.tunnel.confirm([...a.indices.sessions.values()][0]!));
  assert.equal(a.indices.sessions.size, 1, 'the index of its initiation was released');
  assert.ok(!a.tunnel.acceptResponse(late, 0 as Millis));
});

test('Tunnel keeps at most three past sessions and releases the indices of the others', () => {
  const { a, b } = tunnelPair();
  for (let n = 0; n < 9; n++) shakeHands(a, b, n * 10_000);
  assert.equal(a.indices.sessions.size, 4, 'current and three before');
  assert.equal(b.indices.sessions.size, 1, 'next only: nothing was confirmed');
});

test('Tunnel allows an initiation 5 s after the last handshake message, not sooner', () => {
  const { a, b } = tunnelPair();
  const initiation = initiationOf(a, 1_000)!;
  assert.ok(!a.tunnel.mayInitiate(5_999 as Millis, false));
  assert.ok(a.tunnel.mayInitiate(6_000 as Millis, false));
  answerTo(b, initiation, 2_000);
  assert.ok(!b.tunnel.mayInitiate(6_999 as Millis, false), 'a response counts');
  assert.ok(b.tunnel.mayInitiate(7_000 as Millis, false));
});

test('Tunnel asks for a new handshake when sending after 120 s, as initiator only', () => {
  const { a, b } = tunnelPair();
  const { ofA, ofB } = shakeHands(a, b, 0);
  b.tunnel.confirm(ofB);
  assert.ok(!a.tunnel.messagesSent(ofA, true, 119_999 as Millis));
  assert.ok(a.tunnel.messagesSent(ofA, true, 120_000 as Millis));
  assert.ok(!b.tunnel.messagesSent(ofB, true, 179_000 as Millis));
});

test('Tunnel asks for a new handshake when receiving after 165 s, as initiator and once', () => {
  const { a, b } = tunnelPair();
  const { ofB } = shakeHands(a, b, 0);
  b.tunnel.confirm(ofB);
  assert.ok(!a.tunnel.messagesReceived(true, 164_999 as Millis));
  assert.ok(a.tunnel.messagesReceived(true, 165_000 as Millis));
  assert.ok(!a.tunnel.messagesReceived(true, 166_000 as Millis));
  assert.ok(!b.tunnel.messagesReceived(true, 166_000 as Millis));
  shakeHands(a, b, 170_000);
  assert.ok(a.tunnel.messagesReceived(true, 335_000 as Millis), 'the next session has its turn');
});

test('Tunnel with another own key begins anew and keeps sessions for receiving', () => {
  const { a, b } = tunnelPair();
  const { ofA, ofB } = shakeHands(a, b, 0);
  b.tunnel.confirm(ofB);
  a.tunnel.setLocal(keyPair(NOBLE_CRYPTO, new Uint8Array(32).fill(9)));
  assert.equal(a.tunnel.sendingSession(1 as Millis), undefined);
  assert.ok(a.tunnel.mayInitiate(1 as Millis, false), 'at once');
  assert.ok(carries(ofB, ofA, 1));
});

test('Tunnel.clear() zeroes sessions and handshakes and releases their indices', () => {
  const { a, b } = tunnelPair();
  const { ofA, ofB } = shakeHands(a, b, 0);
  initiationOf(a, 6_000);
  a.tunnel.clear();
  assert.equal(a.indices.sessions.size, 0);
  assert.equal(a.tunnel.sendingSession(0 as Millis), undefined);
  assert.ok(!carries(ofB, ofA, 0));
});

test('Tunnel writes initiations of a fixed length with fresh ephemeral keys', () => {
  const { a } = tunnelPair();
  const [first, second] = [initiationOf(a, 0)!, initiationOf(a, 6_000)!];
  assert.equal(first.length, INITIATION_BYTES);
  assert.notDeepEqual(first.subarray(8, 40), second.subarray(8, 40));
});

test('Tunnel takes a cookie for its last message only, and proves it in the next', () => {
  const { a, b } = tunnelPair();
  const source = Uint8Array.of(192, 0, 2, 1, 0xca, 0x6c);
  const checker = new CookieChecker(NOBLE_CRYPTO, new SeededRandom(5), b.keys.publicKey);
  const replyTo = (message: Uint8Array): Uint8Array => {
    const reply = new Uint8Array(COOKIE_REPLY_BYTES);
    checker.writeReply(reply, message, source, 0 as Millis);
    return reply;
  };
  const first = initiationOf(a, 0)!;
  assert.ok(!hasMac2(first));
  const early = replyTo(first);
  const second = initiationOf(a, 6_000)!;
  assert.ok(!a.tunnel.acceptCookieReply(early, 6_000 as Millis), 'it is for another message');
  const reply = replyTo(second);
  assert.ok(a.tunnel.acceptCookieReply(reply, 6_000 as Millis));
  assert.ok(!a.tunnel.acceptCookieReply(reply, 6_000 as Millis), 'one cookie for a message');
  const third = initiationOf(a, 12_000)!;
  assert.ok(checker.checkMac2(third, source, 12_000 as Millis));
});

test('Tunnel as responder proves its address by a cookie too', () => {
  const { a, b } = tunnelPair();
  const source = Uint8Array.of(192, 0, 2, 2, 0xca, 0x6c);
  const checker = new CookieChecker(NOBLE_CRYPTO, new SeededRandom(6), a.keys.publicKey);
  const { response } = answerTo(b, initiationOf(a, 0)!, 0);
  const reply = new Uint8Array(COOKIE_REPLY_BYTES);
  checker.writeReply(reply, response, source, 0 as Millis);
  assert.ok(b.tunnel.acceptCookieReply(reply, 0 as Millis));
  const { response: next } = answerTo(b, initiationOf(a, 6_000)!, 6_000);
  assert.ok(checker.checkMac2(next, source, 6_000 as Millis));
});

/** Whether a packet that one session seals is opened by the other. */
function carries(from: Session, to: Session, ms: number): boolean {
  const slab = plainSlab(256);
  const length = from.seal(slab, 16, 40, 48);
  return to.open(slab, 0, length, ms as Millis) === OpenOutcome.Opened;
}

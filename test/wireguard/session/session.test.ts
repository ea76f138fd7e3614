// A session's limits of time and number, and the bytes of a data message.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError } from '../../../src/base/assert.ts';
import type { Millis } from '../../../src/base/clock.ts';
import { plainSlab } from '../../../src/base/slab.ts';
import type { SymmetricKey } from '../../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../../src/wireguard/crypto/noble.ts';
import { ReplayWindows } from '../../../src/wireguard/session/replay-window.ts';
import { SendCounter } from '../../../src/wireguard/session/send-counter.ts';
import {
  OpenOutcome,
  type ReceiverIndex,
  Session,
} from '../../../src/wireguard/session/session.ts';

const HEADER = 16;

test('Session.seal() writes type, receiver index, counter, padding and tag', () => {
  const { from } = sessions(new SendCounter(0x0403_0201, 0x0807_0605));
  const slab = plainSlab(256);
  slab.bytes.fill(0xee);
  slab.bytes.fill(1, 32, 32 + 20);
  assert.equal(from.seal(slab, 32, 20, 32), HEADER + 32 + 16);
  const header = [4, 0, 0, 0, 0x0d, 0xf0, 0xad, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8];
  assert.deepEqual([...slab.bytes.subarray(16, 32)], header);
  assert.equal(slab.bytes[15], 0xee);
  assert.equal(slab.bytes[32 + 32 + 16], 0xee);
});

test('Session.open() gives back the packet with zeros for padding', () => {
  const { from, to } = sessions();
  const slab = plainSlab(256);
  slab.bytes.fill(7, 16, 36);
  const length = from.seal(slab, 16, 20, 32);
  assert.equal(to.open(slab, 0, length, 0 as Millis), OpenOutcome.Opened);
  assert.deepEqual([...slab.bytes.subarray(16, 48)], [...Array(20).fill(7), ...Array(12).fill(0)]);
});

test('Session.seal() uses each counter once', () => {
  const { from } = sessions();
  const slab = plainSlab(64);
  const counters = Array.from({ length: 3 }, () => {
    from.seal(slab, 16, 0, 0);
    return slab.bytes[8];
  });
  assert.deepEqual(counters, [0, 1, 2]);
});

test('Session.open() refuses a repeated counter after the tag, and a wrong tag before', () => {
  const { from, to } = sessions();
  const slab = plainSlab(64);
  const length = from.seal(slab, 16, 0, 0);
  const message = slab.bytes.slice(0, length);
  message[31]! ^= 1;
  assert.equal(opened(to, message), OpenOutcome.WrongTag);
  message[31]! ^= 1;
  assert.equal(opened(to, message), OpenOutcome.Opened, 'a false message leaves no trace');
  assert.equal(opened(to, message), OpenOutcome.Replayed);
});

test('Session sends and receives for 180 s', () => {
  const { from, to } = sessions();
  assert.ok(from.canSend(179_999 as Millis));
  assert.ok(!from.canSend(180_000 as Millis));
  const slab = plainSlab(64);
  const length = from.seal(slab, 16, 0, 0);
  const message = slab.bytes.slice(0, length);
  assert.equal(opened(to, message, 180_000), OpenOutcome.Expired);
  assert.equal(opened(to, message, 179_999), OpenOutcome.Opened);
});

test('Session neither sends nor receives the counters above the limit', () => {
  const { from, to } = sessions(new SendCounter(0xffff_dffe, 0xffff_ffff));
  assert.ok(from.canSend(0 as Millis));
  const slab = plainSlab(64);
  const length = from.seal(slab, 16, 0, 0);
  assert.equal(opened(to, slab.bytes.slice(0, length)), OpenOutcome.Opened);
  assert.ok(!from.canSend(0 as Millis));
  from.seal(slab, 16, 0, 0);
  assert.equal(opened(to, slab.bytes.slice(0, length)), OpenOutcome.Expired);
});

test('Session is renewed above 2^60 messages, in either role', () => {
  const due = (session: Session): boolean => session.isRekeyDueOnSend(0 as Millis);
  const before = sessions(new SendCounter(0, 0x1000_0000));
  const beyond = sessions(new SendCounter(1, 0x1000_0000));
  assert.ok(!due(before.from) && !due(before.to));
  assert.ok(due(beyond.from) && due(beyond.to));
});

test('Session whose sending is revoked goes on receiving', () => {
  const { from, to } = sessions();
  to.revokeSending();
  assert.ok(!to.canSend(0 as Millis));
  const slab = plainSlab(64);
  const length = from.seal(slab, 16, 0, 0);
  assert.equal(opened(to, slab.bytes.slice(0, length)), OpenOutcome.Opened);
});

test('Session.dispose() ends sending and receiving', () => {
  const { from, to } = sessions();
  const slab = plainSlab(64);
  const length = from.seal(slab, 16, 0, 0);
  to.dispose();
  to.dispose();
  assert.ok(!to.canSend(0 as Millis));
  assert.equal(opened(to, slab.bytes.slice(0, length)), OpenOutcome.Expired);
});

test('Session.dispose() lets go of its window once: no two sessions share one', () => {
  const windows = new ReplayWindows();
  const { from } = sessions(undefined, windows);
  from.dispose();
  from.dispose();
  assert.notEqual(windows.take(), windows.take());
  assert.throws(() => from.seal(plainSlab(64), 16, 0, 0), AssertionError);
});

/** Two sessions of which the second opens what the first seals. */
function sessions(
  sendCounter?: SendCounter,
  windows: ReplayWindows = new ReplayWindows(),
): { from: Session; to: Session } {
  const [one, other] = [1, 2].map((byte) => new Uint8Array(32).fill(byte) as SymmetricKey);
  const make = (isInitiator: boolean) =>
    new Session({
      isInitiator,
      localIndex: 1 as ReceiverIndex,
      remoteIndex: 0x8bad_f00d as ReceiverIndex,
      createdAt: 0 as Millis,
      sendCipher: NOBLE_CRYPTO.sessionCipher(isInitiator ? one! : other!),
      receiveCipher: NOBLE_CRYPTO.sessionCipher(isInitiator ? other! : one!),
      windows,
      ...(sendCounter !== undefined && { sendCounter }),
    });
  return { from: make(true), to: make(false) };
}

function opened(session: Session, message: Uint8Array, ms = 0): OpenOutcome {
  const slab = plainSlab(message.length);
  slab.bytes.set(message);
  return session.open(slab, 0, message.length, ms as Millis);
}

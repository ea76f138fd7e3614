// Each rule of the timers by itself, on a clock that the test moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Millis, NEVER } from '../../src/base/clock.ts';
import { TimerAction, Timers } from '../../src/wireguard/timers.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const JITTER_MAX = 333;
const { RetransmitHandshake, GiveUpHandshake, SendKeepalive, NewHandshake } = TimerAction;
const { TellSilence, ZeroKeyMaterial } = TimerAction;

test('Timers have no deadline before anything happens', () => {
  assert.equal(timers().nextDeadline(), NEVER);
  assert.equal(timers().expire(1e9 as Millis), 0);
});

test('Timers retransmit an initiation after 5 s and a jitter of at most 333 ms', () => {
  const delays = new Set<number>();
  const one = timers();
  for (let n = 0; n < 100; n++) {
    one.initiationSent(0 as Millis);
    const at = one.nextDeadline();
    assert.ok(at >= 5_000 && at <= 5_000 + JITTER_MAX, `${at}`);
    delays.add(at);
  }
  assert.ok(delays.size > 20, 'the jitter is drawn');
});

test('Timers retransmit 19 times, give up after 90 s and zero the keys 540 s later', () => {
  const one = timers();
  one.handshakeBegun();
  const seen: number[] = [RetransmitHandshake];
  let now = 0 as Millis;
  while (seen.at(-1) !== GiveUpHandshake) {
    if (seen.at(-1) === RetransmitHandshake) one.initiationSent(now);
    now = one.nextDeadline();
    seen.push(one.expire(now));
  }
  assert.equal(seen.filter((actions) => actions === RetransmitHandshake).length, 1 + 19);
  assert.equal(seen.filter((actions) => actions === TellSilence).length, 1);
  assert.ok(now >= 90_000);
  assert.equal(one.nextDeadline(), now + 540_000);
  assert.equal(one.expire(one.nextDeadline()), ZeroKeyMaterial);
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers tell of silence every 90 s, also while packets begin handshakes anew', () => {
  const one = timers();
  const told: number[] = [];
  for (let now = 0; now < 300_000; now += 5_000) {
    if ((one.expire(now as Millis) & TellSilence) !== 0) told.push(now);
    one.handshakeBegun();
    one.initiationSent(now as Millis);
  }
  assert.deepEqual(told, [90_000, 180_000, 270_000]);
  one.handshakeCompleted();
  assert.equal(one.nextDeadline(), NEVER);
  one.initiationSent(300_000 as Millis);
  one.disarm();
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers that give up send no keepalive', () => {
  const one = timers();
  one.initiationSent(0 as Millis);
  for (let n = 0; n < 19; ) {
    if (one.expire(one.nextDeadline()) === TellSilence) continue;
    one.initiationSent((n * 5_000) as Millis);
    n += 1;
  }
  one.dataReceived(95_000 as Millis);
  assert.equal(one.expire(one.nextDeadline()), GiveUpHandshake);
  assert.ok(one.nextDeadline() > 500_000);
});

test('Timers count retries anew for a handshake that something else begins', () => {
  const one = timers();
  for (let n = 0; n < 50; n++) {
    one.handshakeBegun();
    one.initiationSent(0 as Millis);
    assert.equal(one.expire(6_000 as Millis), RetransmitHandshake);
  }
});

test('Timers do not retransmit once the handshake is complete', () => {
  const one = timers();
  one.initiationSent(0 as Millis);
  one.handshakeCompleted();
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers try a deferred initiation after 5 s, unless one is waiting anyway', () => {
  const one = timers();
  one.initiationDeferred(0 as Millis);
  const at = one.nextDeadline();
  assert.ok(at >= 5_000 && at <= 5_000 + JITTER_MAX);
  one.initiationDeferred(3_000 as Millis);
  assert.equal(one.nextDeadline(), at);
  assert.equal(one.expire(at), RetransmitHandshake);
});

test('Timers try a planned initiation at its time, unless a handshake completes before', () => {
  const one = timers();
  one.initiationPlanned(700 as Millis);
  assert.equal(one.nextDeadline(), 700);
  assert.equal(one.expire(700 as Millis), RetransmitHandshake);
  one.initiationPlanned(900 as Millis);
  one.handshakeCompleted();
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers answer data with a keepalive after 10 s of silence', () => {
  const one = timers();
  one.dataReceived(1_000 as Millis);
  assert.equal(one.nextDeadline(), 11_000);
  assert.equal(one.expire(10_999 as Millis), 0);
  assert.equal(one.expire(11_000 as Millis), SendKeepalive);
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers send one more keepalive for data that came while one was waiting', () => {
  const one = timers();
  one.dataReceived(0 as Millis);
  one.dataReceived(5_000 as Millis);
  assert.equal(one.nextDeadline(), 10_000, 'later data does not postpone it');
  assert.equal(one.expire(10_000 as Millis), SendKeepalive);
  assert.equal(one.nextDeadline(), 20_000);
  assert.equal(one.expire(20_000 as Millis), SendKeepalive);
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers send no keepalive after anything authenticated was sent', () => {
  const one = timers();
  one.dataReceived(0 as Millis);
  one.authenticatedMessageSent(1 as Millis);
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers do not answer keepalives: only data arms a keepalive', () => {
  const one = timers();
  one.authenticatedMessageReceived(0 as Millis);
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers begin a new handshake 15 s after data that nobody answered', () => {
  const one = timers();
  one.dataSent(0 as Millis);
  one.dataSent(9_000 as Millis);
  const at = one.nextDeadline();
  assert.ok(at >= 15_000 && at <= 15_000 + JITTER_MAX, 'counted from the first');
  assert.equal(one.expire(at), NewHandshake);
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers begin no new handshake after anything authenticated was received', () => {
  const one = timers();
  one.dataSent(0 as Millis);
  one.authenticatedMessageReceived(1 as Millis);
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers do not wait for an answer to keepalives', () => {
  const one = timers();
  one.authenticatedMessageSent(0 as Millis);
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers zero the keys 540 s after the last new session', () => {
  const one = timers();
  one.sessionDerived(0 as Millis);
  one.sessionDerived(100_000 as Millis);
  assert.equal(one.nextDeadline(), 640_000);
  assert.equal(one.expire(640_000 as Millis), ZeroKeyMaterial);
});

test('Timers send persistent keepalives, counted from anything authenticated', () => {
  const one = timers();
  one.setPersistentKeepalive(25_000, 0 as Millis);
  assert.equal(one.nextDeadline(), 25_000);
  one.authenticatedMessageReceived(5_000 as Millis);
  assert.equal(one.nextDeadline(), 30_000);
  one.authenticatedMessageSent(6_000 as Millis);
  assert.equal(one.nextDeadline(), 31_000);
  assert.equal(one.expire(31_000 as Millis), SendKeepalive);
  assert.equal(one.nextDeadline(), 56_000, 'again, also when nothing could be sent');
  one.setPersistentKeepalive(0, 40_000 as Millis);
  assert.equal(one.nextDeadline(), NEVER);
});

test('Timers name all actions that are due at once', () => {
  const one = timers();
  one.dataReceived(0 as Millis);
  one.dataSent(0 as Millis);
  assert.equal(one.expire(20_000 as Millis), SendKeepalive | NewHandshake);
});

function timers(): Timers {
  return new Timers(new SeededRandom(7));
}

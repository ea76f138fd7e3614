// Macs and cookies: who may make the responder work, and from where.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Millis } from '../../src/base/clock.ts';
import { CookieChecker, CookieGenerator } from '../../src/wireguard/cookies.ts';
import type { PublicKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { COOKIE_REPLY_BYTES, messageType } from '../../src/wireguard/messages.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const OWN = new Uint8Array(32).fill(1) as PublicKey;
const OTHER = new Uint8Array(32).fill(2) as PublicKey;
const SOURCE = Uint8Array.of(192, 0, 2, 1, 0xca, 0x6c);
const OTHER_PORT = Uint8Array.of(192, 0, 2, 1, 0xca, 0x6d);
const MACS = 32;

test('CookieChecker.checkMac1() asks for our public key and covers all that is before', () => {
  const checker = new CookieChecker(NOBLE_CRYPTO, new SeededRandom(1), OWN);
  const message = sent(new CookieGenerator(NOBLE_CRYPTO, OWN), 0);
  assert.ok(checker.checkMac1(message));
  assert.ok(!checker.checkMac1(sent(new CookieGenerator(NOBLE_CRYPTO, OTHER), 0)));
  for (let i = 0; i < message.length - 16; i++) {
    const changed = Uint8Array.from(message);
    changed[i]! ^= 1;
    assert.ok(!checker.checkMac1(changed), `byte ${i}`);
  }
});

test('CookieGenerator.addMacs() leaves mac2 zero without a cookie', () => {
  const message = sent(new CookieGenerator(NOBLE_CRYPTO, OWN), 0);
  assert.ok(message.subarray(-16).every((byte) => byte === 0));
});

test('CookieGenerator proves its address by the cookie of a reply', () => {
  const { checker, generator } = afterReply();
  const message = sent(generator, 1_000);
  assert.ok(checker.checkMac1(message));
  assert.ok(checker.checkMac2(message, SOURCE, 1_000 as Millis));
});

test('CookieChecker.checkMac2() binds a cookie to address and port', () => {
  const { checker, generator } = afterReply();
  const message = sent(generator, 1_000);
  assert.ok(!checker.checkMac2(message, OTHER_PORT, 1_000 as Millis));
  assert.ok(!checker.checkMac2(message, Uint8Array.of(192, 0, 2, 2, 0xca, 0x6c), 1_000 as Millis));
});

test('CookieChecker.checkMac2() covers mac1', () => {
  const { checker, generator } = afterReply();
  const message = sent(generator, 1_000);
  message[message.length - MACS]! ^= 1;
  assert.ok(!checker.checkMac2(message, SOURCE, 1_000 as Millis));
});

test('CookieChecker forgets its secret after 120 s', () => {
  const { checker, generator } = afterReply();
  const message = sent(generator, 1_000);
  assert.ok(checker.checkMac2(message, SOURCE, 119_999 as Millis));
  assert.ok(!checker.checkMac2(message, SOURCE, 120_000 as Millis));
});

test('CookieGenerator uses a cookie for 115 s', () => {
  const { generator } = afterReply();
  assert.ok(
    sent(generator, 114_999)
      .subarray(-16)
      .some((byte) => byte !== 0),
  );
  assert.ok(
    sent(generator, 115_000)
      .subarray(-16)
      .every((byte) => byte === 0),
  );
});

test('CookieGenerator.takeReply() takes one reply for one message', () => {
  const { checker, generator } = pair();
  const reply = replyTo(checker, sent(generator, 0));
  assert.ok(generator.takeReply(reply, 0 as Millis));
  assert.ok(!generator.takeReply(reply, 0 as Millis));
});

test('CookieGenerator.takeReply() refuses a reply to an earlier message or by another key', () => {
  const { checker, generator } = pair();
  const old = replyTo(checker, sent(generator, 0));
  const message = sent(generator, 1);
  const forger = new CookieChecker(NOBLE_CRYPTO, new SeededRandom(2), OTHER);
  assert.ok(!generator.takeReply(old, 1 as Millis));
  assert.ok(!generator.takeReply(replyTo(forger, message), 1 as Millis));
  assert.ok(generator.takeReply(replyTo(checker, message), 1 as Millis), 'the true one is taken');
});

test('CookieChecker.writeReply() writes a message to the index of the sender', () => {
  const { checker, generator } = pair();
  const reply = replyTo(checker, sent(generator, 0));
  assert.equal(messageType(reply, 0, reply.length), 3);
  assert.deepEqual([...reply.subarray(4, 8)], [1, 2, 3, 4]);
});

function pair(): { checker: CookieChecker; generator: CookieGenerator } {
  return {
    checker: new CookieChecker(NOBLE_CRYPTO, new SeededRandom(1), OWN),
    generator: new CookieGenerator(NOBLE_CRYPTO, OWN),
  };
}

function afterReply(): { checker: CookieChecker; generator: CookieGenerator } {
  const both = pair();
  const reply = replyTo(both.checker, sent(both.generator, 0));
  assert.ok(both.generator.takeReply(reply, 0 as Millis));
  return both;
}

/** A message that differs by the time it was made, with its macs. */
function sent(generator: CookieGenerator, ms: number): Uint8Array {
  const message = new Uint8Array(92).fill(ms & 0xff);
  message.set([2, 0, 0, 0, 1, 2, 3, 4]);
  generator.addMacs(message, ms as Millis);
  return message;
}

function replyTo(checker: CookieChecker, message: Uint8Array): Uint8Array {
  const reply = new Uint8Array(COOKIE_REPLY_BYTES);
  checker.writeReply(reply, message, SOURCE, 0 as Millis);
  return reply;
}

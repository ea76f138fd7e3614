// The sending counter at its limits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCounterRejected, SendCounter } from '../../../src/wireguard/session/send-counter.ts';

test('SendCounter carries from the lower half to the upper one', () => {
  const counter = new SendCounter(0xffff_ffff, 6);
  counter.advance();
  assert.deepEqual([counter.low, counter.high], [0, 7]);
});

test('SendCounter asks for a new session above 2^60 messages', () => {
  assert.ok(!new SendCounter(0, 0x1000_0000).isRekeyDue);
  assert.ok(new SendCounter(1, 0x1000_0000).isRekeyDue);
  assert.ok(new SendCounter(0, 0x1000_0001).isRekeyDue);
  assert.ok(!new SendCounter(0xffff_ffff, 0x0fff_ffff).isRekeyDue);
});

test('SendCounter ends at 2^64 - 2^13 - 1', () => {
  const counter = new SendCounter(0xffff_dffe, 0xffff_ffff);
  assert.ok(!counter.isExhausted);
  counter.advance();
  assert.ok(counter.isExhausted);
  assert.ok(isCounterRejected(0xffff_ffff, 0xffff_ffff));
  assert.ok(!isCounterRejected(0xffff_ffff, 0xffff_fffe));
});

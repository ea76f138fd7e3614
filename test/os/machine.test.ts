// The small parts of the machine: clock, randomness, waking, waiting.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LinuxClock } from '../../src/os/linux/clock.ts';
import { LinuxPoller } from '../../src/os/linux/poller.ts';
import { LinuxRandom } from '../../src/os/linux/random.ts';
import { nativeSlab } from '../../src/os/linux/slab.ts';
import { LinuxWake } from '../../src/os/linux/wake.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';

test('LinuxClock.now() is the time since boot and goes forward', () => {
  const clock = new LinuxClock();
  const before = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  const first = clock.now();
  const second = clock.now();
  assert.ok(second >= first);
  assert.ok(first >= before - 10 && first < before + 60_000, `${before} ${first}`);
});

test('LinuxClock.threadNow() goes forward with work and stands still in a wait', () => {
  const clock = new LinuxClock();
  const poller = new LinuxPoller();
  const first = clock.threadNow();
  while (clock.threadNow() === first);
  const [before, workBefore] = [clock.now(), clock.threadNow()];
  poller.wait(20);
  assert.ok(clock.threadNow() - workBefore < clock.now() - before);
  poller.close();
});

test('SYSTEM_RANDOM fills all bytes', () => {
  const bytes = new Uint8Array(4096);
  SYSTEM_RANDOM.fill(bytes);
  assert.equal(new Set(bytes).size, 256);
});

test('LinuxPoller says what is ready until it is read', () => {
  const [one, other] = [new LinuxWake(), new LinuxWake()];
  const poller = new LinuxPoller();
  poller.add(one.descriptor, 7);
  poller.add(other.descriptor, 0xffff_ffff);
  assert.equal(poller.wait(0), 0);
  other.signal();
  for (let i = 0; i < 2; i++) {
    assert.equal(poller.wait(0), 1);
    assert.equal(poller.ready[0], 0xffff_ffff);
  }
  other.clear();
  one.signal();
  assert.equal(poller.wait(0), 1);
  assert.equal(poller.ready[0], 7);
  poller.remove(one.descriptor);
  assert.equal(poller.wait(0), 0);
  for (const part of [poller, one, other]) part.close();
});

test('nativeSlab() is zeroed, and its view and bytes are one memory', () => {
  const slab = nativeSlab(64);
  assert.ok(slab.address > 0);
  assert.ok(slab.bytes.every((byte) => byte === 0));
  slab.view.setUint32(60, 0x0102_0304);
  assert.equal(slab.bytes[63], 4);
});

test('LinuxRandom.fill() fills arrays of any length, each time with others', () => {
  const random = new LinuxRandom();
  const seen = new Set<string>();
  for (const length of [16, 255, 256, 257, 1000]) {
    for (let n = 0; n < 4; n++) {
      const bytes = new Uint8Array(length);
      random.fill(bytes);
      seen.add(Buffer.from(bytes.subarray(-16)).toString('hex'));
    }
  }
  assert.equal(seen.size, 20);
});

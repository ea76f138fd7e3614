// The replay window at its edges, and against a set that remembers everything.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { REPLAY_WINDOW } from '../../../src/wireguard/constants.ts';
import { ReplayWindow, ReplayWindows } from '../../../src/wireguard/session/replay-window.ts';

const W = REPLAY_WINDOW;

test('ReplayWindow accepts each counter once, in any order within the window', () => {
  table([
    [0, true],
    [0, false],
    [1, true],
    [1, false],
    [9, true],
    [8, true],
    [7, true],
    [7, false],
    [W, true],
    [W - 1, true],
    [W - 1, false],
    [2, true],
    [2, false],
    [W + 17, true],
    [3, false],
    [17, true],
    [16, false],
    [W + 17, false],
  ]);
});

test('ReplayWindow reaches back exactly 8,128 counters', () => {
  assert.equal(W, 8128);
  for (const greatest of [W, W + 1, W + 31, W + 32, W + 63, W + 64, 4 * W + 5, 100_000]) {
    table([
      [greatest, true],
      [greatest - W, true],
      [greatest - W, false],
    ]);
  }
  for (const greatest of [W + 1, W + 32, W + 64, 4 * W + 5]) {
    table([
      [greatest, true],
      [greatest - W - 1, false],
    ]);
  }
});

test('ReplayWindow forgets what it leaves behind when it leaps', () => {
  table([
    [5, true],
    [8192 + 5, true],
    [8192 + 4, true],
    [5, false],
    [1_000_000, true],
    [1_000_000 - 8100, true],
    [8192 + 4, false],
  ]);
});

test('ReplayWindow accepts a full window forwards and backwards, each once', () => {
  for (const order of [(n: number) => n, (n: number) => W - n]) {
    const window = new ReplayWindow();
    for (let n = 0; n <= W; n++) assert.ok(window.accept(order(n), 0), `counter ${order(n)}`);
    for (let n = 0; n <= W; n++) assert.ok(!window.accept(order(n), 0), `counter ${order(n)}`);
  }
});

test('ReplayWindow goes on across 2^32 and near 2^64', () => {
  const window = new ReplayWindow();
  assert.ok(window.accept(0xffff_ffff, 0));
  assert.ok(window.accept(0, 1));
  assert.ok(window.accept(5, 1));
  assert.ok(window.accept(0xffff_fff0, 0));
  assert.ok(!window.accept(0xffff_fff0, 0));
  assert.ok(!window.accept(0xffff_ffff, 0));
  assert.ok(!window.accept(0xffff_ffff - W, 0));
  assert.ok(window.accept(0xffff_dffe, 0xffff_ffff));
  assert.ok(window.accept(0xffff_dffd, 0xffff_ffff));
  assert.ok(!window.accept(0xffff_dffe, 0xffff_ffff));
  assert.ok(!window.accept(5, 1));
});

test('ReplayWindow agrees with a set that remembers everything', () => {
  const step = fc.oneof(
    fc.integer({ min: -W - 3, max: 3 }),
    fc.integer({ min: 0, max: 100 }),
    fc.integer({ min: 0, max: 3 * 8192 }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.array(step, { maxLength: 200 }), run),
    { numRuns: 300 },
  );

  function run(start: number, steps: readonly number[]): void {
    const window = new ReplayWindow();
    const seen = new Set<number>();
    let greatest = 0;
    for (const counter of [start, ...steps.map((one) => start + one)]) {
      if (counter < 0) continue;
      const fresh = !seen.has(counter) && counter >= greatest - W;
      const accepted = window.accept(counter % 2 ** 32, Math.floor(counter / 2 ** 32));
      assert.equal(accepted, fresh, `counter ${counter}, greatest ${greatest}`);
      seen.add(counter);
      greatest = Math.max(greatest, counter);
    }
  }
});

test('ReplayWindows gives the window of a session that has ended to the next one, empty', () => {
  const windows = new ReplayWindows();
  const first = windows.take();
  assert.ok(first.accept(5, 7));
  windows.giveBack(first);
  const next = windows.take();
  assert.equal(next, first);
  assert.notEqual(windows.take(), first, 'and to that one alone');
  assert.ok(next.accept(5, 7));
  assert.ok(next.accept(0, 7), 'and knows no greater one');
});

function table(rows: readonly (readonly [counter: number, accepted: boolean])[]): void {
  const window = new ReplayWindow();
  for (const [n, [counter, accepted]] of rows.entries()) {
    assert.equal(window.accept(counter, 0), accepted, `row ${n}: counter ${counter}`);
  }
}

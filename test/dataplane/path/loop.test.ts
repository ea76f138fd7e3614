// The order of one turn of the loop.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, type Millis, NEVER, type WallMillis } from '../../../src/base/clock.ts';
import type { Engine } from '../../../src/dataplane/mesh/engine.ts';
import { runLoop } from '../../../src/dataplane/path/loop.ts';
import { NO_TUN } from '../../../src/dataplane/path/tun-table.ts';
import type { Poller } from '../../../src/os/poller.ts';

test('runLoop() tells what happened before it takes requests, timers before both', () => {
  const steps: string[] = [];
  const note = (step: string) => () => void steps.push(step);
  let deadline = 0 as Millis;
  const engine = {
    pipeline: { tuns: { takeWritten: () => NO_TUN } },
    nextDeadline: () => deadline,
    tick: () => {
      steps.push('timers');
      deadline = NEVER;
    },
  } as unknown as Engine;
  const wakeTokens: number[] = [];
  const poller: Poller = {
    ready: new Uint32Array(1),
    add: (_descriptor, token) => void wakeTokens.push(token),
    remove: note('unwatched'),
    wait: () => {
      poller.ready.set(wakeTokens);
      return 1;
    },
    close: note('closed'),
  };
  const wake = {
    descriptor: 3,
    signal: note('signal'),
    clear: note('clear'),
    close: note('close'),
  };
  const clock: Clock = { now: () => 1 as Millis, wallNow: () => 1 as WallMillis };
  runLoop({
    engine,
    poller,
    wake,
    clock,
    onWaited: () => undefined,
    onRound: note('events'),
    onWake: () => {
      steps.push('requests');
      return false;
    },
    onTunFailed: note('failed'),
  });
  assert.deepEqual(steps, ['timers', 'events', 'clear', 'requests', 'unwatched']);
});

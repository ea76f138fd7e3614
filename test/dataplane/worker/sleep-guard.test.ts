// When a machine counts as having slept or been stopped.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  SLEEP_MS_MIN,
  SleepGuard,
  STOP_MS_MIN,
} from '../../../src/dataplane/worker/sleep-guard.ts';

test('SleepGuard sees nothing while time passes', () => {
  const machine = new Machine();
  for (const ms of [0, 1, 500, 60_000, 86_400_000]) {
    machine.run(ms);
    assert.ok(!machine.guard.check(), `${ms}`);
  }
});

test('SleepGuard sees a suspend, once', () => {
  const machine = new Machine();
  machine.suspend(SLEEP_MS_MIN);
  assert.ok(machine.guard.check());
  machine.run(1_000);
  assert.ok(!machine.guard.check());
});

test('SleepGuard sees a machine that was stopped and told the time again, once', () => {
  const machine = new Machine();
  machine.wall += STOP_MS_MIN;
  assert.ok(machine.guard.check());
  machine.run(1_000);
  assert.ok(!machine.guard.check());
});

test('SleepGuard follows a wall clock that is set back or drifts', () => {
  const machine = new Machine();
  machine.wall -= 3_600_000;
  assert.ok(!machine.guard.check());
  for (let n = 0; n < 100; n++) {
    machine.run(1_000);
    machine.wall += STOP_MS_MIN / 2;
    assert.ok(!machine.guard.check());
  }
});

class Machine {
  boot = 5_000;
  awake = 5_000;
  wall = 1_700_000_000_000;
  readonly guard: SleepGuard;

  constructor() {
    this.guard = new SleepGuard({
      now: () => this.boot as never,
      awakeNow: () => this.awake as never,
      wallNow: () => this.wall as never,
    });
  }

  run(ms: number): void {
    this.awake += ms;
    this.suspend(ms);
  }

  suspend(ms: number): void {
    this.boot += ms;
    this.wall += ms;
  }
}

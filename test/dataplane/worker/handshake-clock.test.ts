// The time that initiations tell: never before what was told, over restarts and set clocks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  HandshakeClock,
  HandshakeClockKeeper,
  KEEP_INTERVAL_MS,
  type TimestampStore,
} from '../../../src/dataplane/worker/handshake-clock.ts';

const NOW = 1_700_000_000_000;

test('HandshakeClock tells the wall clock', async () => {
  const machine = new Machine();
  const { clock } = await machine.start();
  assert.equal(clock.now(), NOW);
  machine.pass(1_000);
  assert.equal(clock.now(), NOW + 1_000);
});

test('HandshakeClock goes on after a restart with a clock that was set back', async () => {
  const machine = new Machine();
  const { clock, keeper } = await machine.start();
  const told = clock.now();
  await keeper.stop();
  machine.wall = 0;
  const again = (await machine.start()).clock;
  const first = again.now();
  assert.ok(first > told && first <= told + 2_000, 'the next one, with no more than a little room');
  machine.pass(60_000);
  assert.equal(again.now(), first + 60_000, 'time passes although the clock is behind');
  machine.wall = told + 10 * KEEP_INTERVAL_MS;
  assert.equal(again.now(), machine.wall, 'the true time counts once it is later');
});

test('HandshakeClock leaves room after a crash for what the file has missed', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const machine = new Machine();
  const { clock } = await machine.start();
  clock.now();
  t.mock.timers.tick(KEEP_INTERVAL_MS);
  machine.pass(KEEP_INTERVAL_MS - 1);
  const told = clock.now();
  machine.wall = 0;
  const { clock: again } = await machine.start();
  assert.ok(again.now() > told);
});

test('HandshakeClock does not write when nothing was told', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const machine = new Machine();
  const { clock, keeper } = await machine.start();
  t.mock.timers.tick(3 * KEEP_INTERVAL_MS);
  assert.equal(machine.writes, 0);
  clock.now();
  t.mock.timers.tick(3 * KEEP_INTERVAL_MS);
  assert.equal(machine.writes, 1);
  await keeper.stop();
  assert.equal(machine.writes, 2);
});

test('HandshakeClockKeeper tells of a write that failed and goes on', async () => {
  const failures: unknown[] = [];
  const failing: TimestampStore = {
    read: () => Promise.resolve(undefined),
    write: () => Promise.reject(new Error('full')),
  };
  const keeper = await HandshakeClockKeeper.start(failing, (error) => failures.push(error));
  new HandshakeClock(keeper.memory, new Machine()).now();
  await keeper.stop();
  assert.equal(failures.length, 1);
});

class Machine implements TimestampStore {
  wall = NOW;
  boot = 0;
  writes = 0;
  #kept: number | undefined;

  readonly wallNow = (): never => this.wall as never;
  readonly now = (): never => this.boot as never;

  pass(ms: number): void {
    this.wall += ms;
    this.boot += ms;
  }

  async start(): Promise<{ clock: HandshakeClock; keeper: HandshakeClockKeeper }> {
    const keeper = await HandshakeClockKeeper.start(this, (error) => assert.fail(`${error}`));
    return { clock: new HandshakeClock(keeper.memory, this), keeper };
  }

  read(): Promise<number | undefined> {
    return Promise.resolve(this.#kept);
  }

  write(wallMs: number): Promise<void> {
    this.#kept = wallMs;
    this.writes += 1;
    return Promise.resolve();
  }
}

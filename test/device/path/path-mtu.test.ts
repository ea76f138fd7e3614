// How the limit of a path is found: lengths in, answers and time, the limit out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Millis } from '../../../src/base/clock.ts';
import { NEVER } from '../../../src/base/clock.ts';
import {
  CHECK_INTERVAL_MS,
  NO_PATH_LIMIT,
  PATH_LIMIT_MIN,
  PathMtu,
  PROBE_WAIT_MS,
  RAISE_INTERVAL_MS,
  SHORTEST_PROBE,
} from '../../../src/device/path/path-mtu.ts';

const MTU = 1420;
const RTT_MS = 30;

test('PathMtu asks nothing until a large packet is to be sent', () => {
  const { path } = world(MTU);
  assert.equal(path.deadline, NEVER);
  assert.equal(path.limit, NO_PATH_LIMIT);
});

test('PathMtu of a path that takes all costs one probe', () => {
  const one = world(MTU);
  one.path.wanted(one.now);
  one.runFor(1_000);
  assert.deepEqual(one.sent, [MTU]);
  assert.equal(one.path.limit, MTU);
});

test('PathMtu finds the limit of a narrow path within 16 bytes', () => {
  for (const mtu of [MTU, 8_920]) {
    for (const fits of [PATH_LIMIT_MIN, 1_281, 1_333, 1_400, 1_404, 5_000, 8_919]) {
      if (fits >= mtu) continue;
      const one = world(mtu, fits);
      one.path.wanted(one.now);
      one.runFor(5_000);
      const { limit } = one.path;
      assert.ok(limit <= fits && limit > fits - 16, `${fits}: ${limit}`);
    }
  }
});

test('PathMtu tells no less than 1280, whatever fits', () => {
  const one = world(MTU, 1_200);
  one.path.wanted(one.now);
  one.runFor(5_000);
  assert.equal(one.path.limit, PATH_LIMIT_MIN);
});

test('PathMtu takes what the system knows without a probe of more', () => {
  const one = world(MTU);
  one.ceiling = 1_300;
  one.path.wanted(one.now);
  one.runFor(1_000);
  assert.deepEqual([one.path.limit, one.sent], [1_300, [1_300]]);
  const other = world(MTU);
  other.ceiling = 1_200;
  other.path.wanted(other.now);
  other.runFor(1_000);
  assert.deepEqual([other.path.limit, other.sent], [PATH_LIMIT_MIN, []]);
});

test('PathMtu of a peer that answers no probes is what the system knows', () => {
  const one = world(MTU);
  one.canProbe = false;
  one.ceiling = 1_380;
  one.path.wanted(one.now);
  one.runFor(1_000);
  assert.deepEqual([one.path.limit, one.sent], [1_380, []]);
});

test('PathMtu learns nothing from a peer that is silent', () => {
  const one = world(MTU);
  one.path.wanted(one.now);
  one.runFor(1_000);
  one.fits = 0;
  one.keepWanted(60_000);
  assert.equal(one.path.limit, MTU);
});

test('PathMtu finds that a path has become narrow without a word', () => {
  const one = world(MTU);
  one.keepWanted(30_000);
  assert.equal(one.path.limit, MTU);
  one.fits = 1_350;
  one.keepWanted(CHECK_INTERVAL_MS + 3 * PROBE_WAIT_MS);
  assert.ok(one.path.limit <= 1_350 && one.path.limit > 1_334, `${one.path.limit}`);
});

test('PathMtu finds that a path has become wide again', () => {
  const one = world(MTU, 1_350);
  one.keepWanted(30_000);
  one.fits = MTU;
  one.keepWanted(RAISE_INTERVAL_MS / 2);
  assert.ok(one.path.limit < 1_351);
  one.keepWanted(RAISE_INTERVAL_MS / 2 + CHECK_INTERVAL_MS);
  assert.equal(one.path.limit, MTU);
});

test('PathMtu asks at once where the system knows of a wider path', () => {
  const one = world(MTU);
  one.ceiling = 1_300;
  one.keepWanted(1_000);
  assert.equal(one.path.limit, 1_300);
  one.ceiling = MTU;
  one.keepWanted(2 * CHECK_INTERVAL_MS);
  assert.equal(one.path.limit, MTU);
});

test('PathMtu sends what was lost once more', () => {
  const one = world(MTU, 0);
  one.path.wanted(one.now);
  one.runFor(PROBE_WAIT_MS + 100);
  one.fits = 1_350;
  one.runFor(3 * PROBE_WAIT_MS);
  assert.ok(one.path.limit <= 1_350 && one.path.limit > 1_334, `${one.path.limit}`);
});

test('PathMtu tries again what a silent peer has not answered', () => {
  const one = world(MTU, 1_350);
  one.keepWanted(30_000);
  one.fits = 0;
  one.keepWanted(RAISE_INTERVAL_MS);
  one.fits = MTU;
  one.keepWanted(3 * CHECK_INTERVAL_MS);
  assert.equal(one.path.limit, MTU);
});

test('PathMtu falls silent when no large packets are sent', () => {
  const one = world(MTU);
  one.keepWanted(60_000);
  one.runFor(2 * CHECK_INTERVAL_MS);
  one.sent.length = 0;
  one.runFor(3_600_000);
  assert.deepEqual(one.sent, []);
  assert.equal(one.path.deadline, NEVER);
});

test('PathMtu takes no answer to probes of before', () => {
  const one = world(MTU, 1_300);
  one.path.wanted(one.now);
  one.runFor(100);
  const { number } = one.path;
  one.path.reset();
  one.path.wanted(one.now);
  one.runFor(100);
  one.path.arrived(MTU, number, one.now);
  one.runFor(5_000);
  assert.ok(one.path.limit <= 1_300);
});

test('PathMtu takes no answer to what was not asked', () => {
  // While one probe is out, and while many are.
  for (const ms of [100, PROBE_WAIT_MS + 10]) {
    const one = world(MTU, 1_300);
    one.path.wanted(one.now);
    one.runFor(ms);
    one.path.arrived(MTU + 1, one.path.number, one.now);
    one.runFor(5_000);
    assert.ok(one.path.limit <= 1_300);
  }
});

test('PathMtu knows nothing of a peer that moved, and asks again after new routes', () => {
  const one = world(MTU, 1_350);
  one.keepWanted(20_000);
  const { limit } = one.path;
  one.path.doubt();
  assert.equal(one.path.limit, limit);
  one.fits = MTU;
  one.keepWanted(1_000);
  assert.equal(one.path.limit, MTU);
  one.path.reset();
  assert.equal(one.path.limit, NO_PATH_LIMIT);
});

class World {
  readonly path = new PathMtu();
  readonly sent: number[] = [];
  canProbe = true;
  ceiling: number;
  fits: number;
  #passed = 1_000;
  readonly #answers: { at: number; length: number; number: number }[] = [];

  constructor(mtu: number, fits: number) {
    this.ceiling = mtu;
    this.fits = fits;
  }

  get now(): Millis {
    return this.#passed as Millis;
  }

  /** Large packets are sent all the while. */
  keepWanted(ms: number): void {
    for (let passed = 0; passed < ms; passed += 1_000) {
      this.path.wanted(this.now);
      this.runFor(1_000);
    }
  }

  runFor(ms: number): void {
    const end = this.#passed + ms;
    for (; this.#passed < end; this.#passed += 5) {
      for (const { at, length, number } of this.#answers) {
        if (at === this.#passed) this.path.arrived(length, number, this.now);
      }
      for (const length of this.path.expire(this.now, this.canProbe, () => this.ceiling)) {
        if (length !== SHORTEST_PROBE) this.sent.push(length);
        const at = this.#passed + RTT_MS;
        if (length <= this.fits) this.#answers.push({ at, length, number: this.path.number });
      }
    }
  }
}

function world(mtu: number, fits: number = mtu): World {
  return new World(mtu, fits);
}

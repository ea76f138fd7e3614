// Packets that wait for a handshake: in order, and within their memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  STAGED_BYTES_MAX,
  STAGED_PACKETS_MAX,
  StageOutcome,
  Staging,
  StagingBudget,
} from '../../../src/device/peers/staging.ts';

test('Staging keeps the newest 128 packets in order', () => {
  const staging = new Staging(new StagingBudget());
  for (let n = 0; n < STAGED_PACKETS_MAX; n++) {
    assert.equal(staging.push(Uint8Array.of(0, n, 0), 1, 1), StageOutcome.Staged);
  }
  assert.equal(staging.push(Uint8Array.of(200), 0, 1), StageOutcome.StagedForOldest);
  assert.equal(staging.length, STAGED_PACKETS_MAX);
  assert.deepEqual([...staging.shift()!], [1]);
  assert.equal(staging.clear(), STAGED_PACKETS_MAX - 1);
  assert.equal(staging.shift(), undefined);
});

test('Staging copies packets', () => {
  const staging = new Staging(new StagingBudget());
  const packet = Uint8Array.of(1, 2, 3);
  staging.push(packet, 0, 3);
  packet.fill(9);
  assert.deepEqual([...staging.shift()!], [1, 2, 3]);
});

test('Staging of all peers together stays within its budget, and gives it back', () => {
  const budget = new StagingBudget();
  const queues = Array.from({ length: 30 }, () => new Staging(budget));
  const packet = new Uint8Array(65_535);
  let refused = 0;
  for (const queue of queues) {
    for (let n = 0; n < 20; n++) {
      if (queue.push(packet, 0, packet.length) === StageOutcome.NoMemory) refused += 1;
    }
  }
  assert.ok(refused > 0);
  assert.ok(budget.used <= STAGED_BYTES_MAX);
  for (const queue of queues) queue.clear();
  assert.equal(budget.used, 0);
});

test('Staging gives back the memory of packets that are pushed out', () => {
  const budget = new StagingBudget();
  const staging = new Staging(budget);
  const packet = new Uint8Array(1_000);
  for (let n = 0; n < 10 * STAGED_PACKETS_MAX; n++) staging.push(packet, 0, packet.length);
  assert.ok(budget.used < STAGED_PACKETS_MAX * 1_200);
});

// The flow table by itself: bounded, the oldest gives way, nothing else does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Millis } from '../../../src/base/clock.ts';
import {
  FLOW_WAYS,
  FlowPhase,
  FlowTable,
  NO_FLOW,
  UDP_IDLE_MS,
} from '../../../src/filter/door/flow-table.ts';

const BYTES = Uint8Array.from({ length: 64 }, (_, i) => i);
const LOCAL = 0;
const REMOTE = 16;
const UDP = 17;

function begin(table: FlowTable, ports: number, now: number): void {
  table.begin(BYTES, LOCAL, REMOTE, ports, UDP, FlowPhase.Udp, now as Millis);
}

function find(table: FlowTable, ports: number, now: number): number {
  return table.find(BYTES, LOCAL, REMOTE, ports, UDP, now as Millis);
}

test('FlowTable finds exactly what began', () => {
  const table = new FlowTable(7, 16);
  begin(table, 5, 0);
  assert.notEqual(find(table, 5, 1), NO_FLOW);
  assert.equal(find(table, 6, 1), NO_FLOW);
  assert.equal(table.find(BYTES, LOCAL, REMOTE, 5, 6, 1 as Millis), NO_FLOW);
  for (let i = 1; i < 16; i++) {
    const other = BYTES.slice();
    other[i]! ^= 1;
    assert.equal(table.find(other, LOCAL, REMOTE, 5, UDP, 1 as Millis), NO_FLOW);
    const far = BYTES.slice();
    far[REMOTE + i]! ^= 1;
    assert.equal(table.find(far, LOCAL, REMOTE, 5, UDP, 1 as Millis), NO_FLOW);
  }
  assert.equal(table.find(BYTES, REMOTE, LOCAL, 5, UDP, 1 as Millis), NO_FLOW);
});

test('FlowTable gives up the flow of a full set that was silent longest', () => {
  const table = new FlowTable(0, 1);
  for (let i = 0; i < FLOW_WAYS; i++) begin(table, i, i);
  table.use(find(table, 0, 20), FlowPhase.Udp, 20 as Millis);
  begin(table, 100, 21);
  assert.equal(find(table, 1, 22), NO_FLOW);
  for (const ports of [0, 2, 3, 4, 5, 6, 7, 100]) assert.notEqual(find(table, ports, 22), NO_FLOW);
});

test('FlowTable takes the place of a flow that is over before a live one', () => {
  const table = new FlowTable(0, 1);
  for (let i = 0; i < FLOW_WAYS; i++) begin(table, i, i === 3 ? 0 : 1000);
  begin(table, 100, UDP_IDLE_MS);
  assert.equal(find(table, 3, UDP_IDLE_MS), NO_FLOW);
  for (const ports of [0, 1, 2, 4, 5, 6, 7]) {
    assert.notEqual(find(table, ports, UDP_IDLE_MS), NO_FLOW);
  }
});

test('FlowTable holds what it has room for', () => {
  const sets = 64;
  const table = new FlowTable(0x1234_5678, sets);
  const flows = 100_000;
  for (let i = 0; i < flows; i++) begin(table, i, i / flows);
  let found = 0;
  for (let i = 0; i < flows; i++) if (find(table, i, 2) !== NO_FLOW) found++;
  assert.equal(found, sets * FLOW_WAYS);
});

test('FlowTable spreads flows over its sets, differently for each seed', () => {
  const sets = 64;
  const kept = [1, 2].map((seed) => {
    const table = new FlowTable(seed, sets);
    const flows = (sets * FLOW_WAYS) / 2;
    for (let i = 0; i < flows; i++) begin(table, i * 0x1_0000 + 53, i / flows);
    const left = Array.from({ length: flows }, (_, i) => find(table, i * 0x1_0000 + 53, 2));
    assert.ok(left.filter((flow) => flow !== NO_FLOW).length > flows * 0.9, `seed ${seed}`);
    return left.join();
  });
  assert.notEqual(kept[0], kept[1]);
});

test('FlowTable refuses a number of sets that is no power of two', () => {
  assert.throws(() => new FlowTable(0, 3), /power of two/);
  assert.throws(() => new FlowTable(0, 0), /power of two/);
});

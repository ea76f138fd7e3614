// The blocks of pcapng, read again by a reader of this test's own: lengths, padding, options.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WallMillis } from '../../../src/base/clock.ts';
import { fileStart, packetBlocks, statisticsBlock } from '../../../src/dataplane/capture/pcapng.ts';
import { DropReason } from '../../../src/filter/drop-reason.ts';
import { PassRule } from '../../../src/filter/verdict.ts';
import { readPcapng } from '../../fakes/pcapng.ts';

const PACKET = {
  time: 1_700_000_000_123.456 as WallMillis,
  isInbound: true,
  isPassed: false,
  rule: DropReason.OtherNetwork,
  bytes: Uint8Array.of(0x60, 1, 2, 3, 4),
  originalLength: 1_280,
};

test('a dropped packet stands before the filter alone, with its reason', () => {
  const [section, before, after, packet, ...rest] = readPcapng(
    Buffer.concat([fileStart('p6nd 0.1.0', 96), packetBlocks(PACKET)]),
  );
  assert.deepEqual(rest, []);
  assert.equal(section?.type, 0x0a0d_0d0a);
  assert.equal(section.options.get(4)?.toString(), 'p6nd 0.1.0');
  for (const [one, name] of [
    [before, 'before'],
    [after, 'after'],
  ] as const) {
    assert.equal(one?.body.readUInt16LE(0), 229);
    assert.equal(one.body.readUInt32LE(4), 96);
    assert.equal(one.options.get(2)?.toString(), name);
  }
  assert.equal(packet?.type, 6);
  assert.equal(packet.body.readUInt32LE(0), 0);
  const micros = packet.body.readUInt32LE(4) * 2 ** 32 + packet.body.readUInt32LE(8);
  assert.equal(micros, 1_700_000_000_123_456);
  assert.equal(packet.body.readUInt32LE(12), 5);
  assert.equal(packet.body.readUInt32LE(16), 1_280);
  assert.deepEqual([...packet.body.subarray(20, 25)], [0x60, 1, 2, 3, 4]);
  assert.equal(packet.options.get(2)?.readUInt32LE(0), 1);
  assert.equal(packet.options.get(1)?.toString(), 'drop: other-network');
});

test('a packet that passed stands behind the filter too', () => {
  const passed = { ...PACKET, isInbound: false, isPassed: true, rule: PassRule.Instance };
  const [, , , before, after] = readPcapng(
    Buffer.concat([fileStart('p6nd', 96), packetBlocks(passed)]),
  );
  assert.equal(before?.options.get(1)?.toString(), 'pass: instance');
  assert.equal(before.options.get(2)?.readUInt32LE(0), 2);
  assert.equal(after?.body.readUInt32LE(0), 1);
  assert.equal(after.options.get(1), undefined);
});

test('the statistics say how many there were and how many were lost', () => {
  const [, , , statistics] = readPcapng(
    Buffer.concat([
      fileStart('p6nd', 96),
      statisticsBlock(PACKET.time, { received: 9, dropped: 2 }),
    ]),
  );
  assert.equal(statistics?.type, 5);
  assert.equal(statistics.options.get(4)?.readBigUInt64LE(0), 9n);
  assert.equal(statistics.options.get(5)?.readBigUInt64LE(0), 2n);
});

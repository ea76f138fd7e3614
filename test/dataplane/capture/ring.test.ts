// The ring of captured packets: what goes in comes out in order and whole, what finds no room is
// counted, and the writer never waits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomUint32 } from '../../../src/base/random.ts';
import {
  RING_BYTES,
  RingReader,
  RingWriter,
  ringMemory,
} from '../../../src/dataplane/capture/ring.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';

function put(writer: RingWriter, fill: number, length: number, captured = length): boolean {
  const bytes = new Uint8Array(length + 8).fill(fill);
  return writer.write(1.5, true, false, 26, bytes, 8, length, captured);
}

test('a packet comes out as it went in', () => {
  const memory = ringMemory();
  const reader = new RingReader(memory);
  assert.equal(reader.read(), undefined);
  assert.equal(put(new RingWriter(memory), 7, 100, 64), true);
  assert.deepEqual(reader.read(), {
    ...{ time: 1.5, isInbound: true, isPassed: false, rule: 26, originalLength: 100 },
    bytes: new Uint8Array(64).fill(7),
  });
  assert.equal(reader.read(), undefined);
  assert.equal(reader.dropped, 0);
});

test('what finds no room is counted and lost, and nothing that is there', () => {
  const memory = ringMemory();
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  let written = 0;
  while (put(writer, written % 251, 60_000)) written += 1;
  assert.ok(written > (0.9 * RING_BYTES) / 60_024, `${written} packets`);
  for (let i = 0; i < 9; i++) put(writer, 0, 60_000);
  assert.equal(reader.dropped, 10);
  for (let i = 0; i < written; i++) assert.equal(reader.read()?.bytes[59_999], i % 251);
  assert.equal(reader.read(), undefined);
  assert.equal(put(writer, 1, 60_000), true);
  assert.equal(reader.read()?.bytes.length, 60_000);
});

test('records of all lengths go round and round', () => {
  const memory = ringMemory();
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  const random = new SeededRandom(7);
  const next = (): number => randomUint32(random) / 2 ** 32;
  const expected: { fill: number; length: number }[] = [];
  for (let i = 0; i < 3_000; i++) {
    const length = Math.floor(next() * 9_000);
    const fill = i % 256;
    if (put(writer, fill, length)) expected.push({ fill, length });
    while (expected.length > 0 && next() < 0.52) {
      const { fill: old, length: bytes } = expected.shift() ?? { fill: 0, length: 0 };
      const packet = reader.read();
      assert.equal(packet?.bytes.length, bytes);
      assert.ok(packet.bytes.every((byte) => byte === old));
    }
  }
  for (const { length } of expected) assert.equal(reader.read()?.bytes.length, length);
  assert.equal(reader.read(), undefined);
});

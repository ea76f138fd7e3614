// Types and exact lengths of messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  COOKIE_REPLY_BYTES,
  INITIATION_BYTES,
  INITIATION_MAC1_OFFSET,
  messageType,
  NO_MESSAGE,
  RESPONSE_BYTES,
  RESPONSE_MAC1_OFFSET,
  readUint32,
  writeUint32,
} from '../../src/wireguard/messages.ts';

test('Message lengths and offsets are those of the paper', () => {
  assert.deepEqual([INITIATION_BYTES, RESPONSE_BYTES, COOKIE_REPLY_BYTES], [148, 92, 64]);
  assert.deepEqual([INITIATION_MAC1_OFFSET, RESPONSE_MAC1_OFFSET], [116, 60]);
});

for (const [type, exact] of [
  [1, 148],
  [2, 92],
  [3, 64],
] as const) {
  test(`messageType() takes type ${type} with exactly ${exact} bytes`, () => {
    assert.equal(messageType(message(type), 0, exact), type);
    assert.equal(messageType(message(type), 0, exact - 1), NO_MESSAGE);
    assert.equal(messageType(message(type), 0, exact + 1), NO_MESSAGE);
  });
}

test('messageType() takes type 4 with 32 bytes or more', () => {
  assert.equal(messageType(message(4), 0, 32), 4);
  assert.equal(messageType(message(4), 0, 200), 4);
  assert.equal(messageType(message(4), 0, 31), NO_MESSAGE);
});

test('messageType() refuses other types and reserved bytes that are not zero', () => {
  for (const length of [32, 64, 92, 148]) {
    assert.equal(messageType(message(0), 0, length), NO_MESSAGE);
    assert.equal(messageType(message(5), 0, length), NO_MESSAGE);
  }
  for (const reserved of [1, 2, 3]) {
    const bytes = message(4);
    bytes[reserved] = 1;
    assert.equal(messageType(bytes, 0, 200), NO_MESSAGE);
  }
});

test('readUint32() reads what writeUint32() wrote, at any offset', () => {
  const value = fc.integer({ min: 0, max: 0xffff_ffff });
  fc.assert(
    fc.property(value, fc.integer({ min: 0, max: 4 }), (number, offset) => {
      const bytes = new Uint8Array(8);
      writeUint32(bytes, offset, number);
      assert.equal(readUint32(bytes, offset), number);
      assert.equal(new DataView(bytes.buffer).getUint32(offset, true), number);
    }),
  );
});

function message(type: number): Uint8Array {
  const bytes = new Uint8Array(200);
  bytes[0] = type;
  return bytes;
}

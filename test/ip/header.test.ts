// The fixed header is read and written where RFC 8200 has it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytesEqual,
  readHopLimit,
  readNextHeader,
  readPayloadLength,
  readTrafficClass,
  readUint16,
  readUint32,
  readVersion,
  writeIpv6Header,
  writeUint16,
  writeUint32,
} from '../../src/ip/header.ts';

/** Version 6, traffic class 0xb9, flow label 0xfedcb, 0x1234 bytes of UDP, hop limit 63. */
const HEADER = Uint8Array.of(0xff, 0x6b, 0x9f, 0xed, 0xcb, 0x12, 0x34, 17, 63);

test('fields are read at their places', () => {
  assert.equal(readVersion(HEADER, 1), 6);
  assert.equal(readTrafficClass(HEADER, 1), 0xb9);
  assert.equal(readPayloadLength(HEADER, 1), 0x1234);
  assert.equal(readNextHeader(HEADER, 1), 17);
  assert.equal(readHopLimit(HEADER, 1), 63);
});

test('writeIpv6Header() writes what is read', () => {
  const bytes = new Uint8Array(50).fill(0xff);
  writeIpv6Header(bytes, 2, 0xabcd, 58, 64);
  assert.equal(readVersion(bytes, 2), 6);
  assert.equal(readTrafficClass(bytes, 2), 0);
  assert.equal(readUint32(bytes, 2), 0x6000_0000);
  assert.equal(readPayloadLength(bytes, 2), 0xabcd);
  assert.equal(readNextHeader(bytes, 2), 58);
  assert.equal(readHopLimit(bytes, 2), 64);
  assert.deepEqual([bytes[1], bytes[10]], [0xff, 0xff]);
});

test('numbers are big-endian and unsigned', () => {
  const bytes = new Uint8Array(8);
  writeUint32(bytes, 1, 0xfedc_ba98);
  assert.deepEqual([...bytes], [0, 0xfe, 0xdc, 0xba, 0x98, 0, 0, 0]);
  assert.equal(readUint32(bytes, 1), 0xfedc_ba98);
  writeUint16(bytes, 6, 0x8001);
  assert.equal(readUint16(bytes, 6), 0x8001);
});

test('bytesEqual() compares exactly the bytes that it is given', () => {
  const a = Uint8Array.of(1, 2, 3, 4);
  const b = Uint8Array.of(9, 2, 3, 9);
  assert.ok(bytesEqual(a, 1, b, 1, 2));
  assert.ok(!bytesEqual(a, 0, b, 0, 2));
  assert.ok(!bytesEqual(a, 1, b, 1, 3));
});

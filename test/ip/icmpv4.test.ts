// ICMP errors of IPv4: their bytes, and what they are never about.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finishChecksum, sumBytes } from '../../src/ip/checksum.ts';
import {
  ICMPV4_ERROR_BYTES_MAX,
  ipv4DestinationAt,
  mayAnswerWithIpv4Error,
  writeFragmentationNeeded,
  writeHostUnreachable,
} from '../../src/ip/icmpv4.ts';
import { mayBeFragmented } from '../../src/ip/ipv4-header.ts';

const AT = 2;
const UDP = 17;
const ICMP = 1;

test('writeHostUnreachable() writes type, code, addresses, quote and both checksums', () => {
  for (const payloadBytes of [8, 2000]) {
    const about = packet({ payloadBytes });
    const target = new Uint8Array(AT + ICMPV4_ERROR_BYTES_MAX).fill(0xee);
    const source = ipv4DestinationAt(0);
    const length = writeHostUnreachable(about, source, about, 0, about.length, target, AT);
    assert.equal(length, Math.min(28 + about.length, ICMPV4_ERROR_BYTES_MAX));
    const error = target.subarray(AT, AT + length);
    assert.deepEqual([...error.subarray(0, 4)], [0x45, 0, length >> 8, length & 0xff]);
    assert.deepEqual([...error.subarray(8, 10)], [64, ICMP]);
    assert.deepEqual([...error.subarray(12, 20)], [10, 0, 0, 2, 10, 0, 0, 1]);
    assert.deepEqual([...error.subarray(20, 22)], [3, 1]);
    assert.deepEqual([...error.subarray(24, 28)], [0, 0, 0, 0]);
    assert.deepEqual(error.subarray(28), about.subarray(0, length - 28));
    assert.equal(finishChecksum(sumBytes(error, 0, 20)), 0);
    assert.equal(finishChecksum(sumBytes(error, 20, length - 20)), 0);
  }
});

test('writeFragmentationNeeded() tells the MTU', () => {
  const about = packet({ payloadBytes: 1_400 });
  const target = new Uint8Array(ICMPV4_ERROR_BYTES_MAX);
  const source = ipv4DestinationAt(0);
  const length = writeFragmentationNeeded(1_340, about, source, about, 0, about.length, target, 0);
  assert.deepEqual([...target.subarray(20, 22)], [3, 4]);
  assert.deepEqual([...target.subarray(24, 28)], [0, 0, 1_340 >> 8, 1_340 & 0xff]);
  assert.equal(finishChecksum(sumBytes(target, 20, length - 20)), 0);
});

test('mayBeFragmented() tells IPv4 without "do not fragment" from all else', () => {
  assert.ok(mayBeFragmented(packet({}), 0));
  assert.ok(mayBeFragmented(packet({ flags: 0x2000 }), 0));
  assert.ok(!mayBeFragmented(packet({ flags: 0x4000 }), 0));
  assert.ok(!mayBeFragmented(Uint8Array.of(0x60, 0, 0, 0, 0, 0, 0, 0), 0));
});

test('mayAnswerWithIpv4Error() allows requests and forbids what RFC 1812 forbids', () => {
  const allowed: readonly Parts[] = [
    {},
    { protocol: ICMP, first: 8 },
    { protocol: ICMP, first: 0 },
    { flags: 0x4000 },
    { flags: 0x2000 },
  ];
  const forbidden: readonly Parts[] = [
    { protocol: ICMP, first: 3 },
    { protocol: ICMP, first: 11 },
    { protocol: ICMP, payloadBytes: 0 },
    { flags: 0x0001 },
    { source: [0, 0, 0, 0] },
    { source: [224, 0, 0, 1] },
    { source: [127, 0, 0, 1] },
    { destination: [239, 1, 1, 1] },
    { destination: [255, 255, 255, 255] },
    { version: 6 },
    { headerWords: 4 },
    { headerWords: 15 },
  ];
  for (const parts of allowed) assert.ok(may(parts), JSON.stringify(parts));
  for (const parts of forbidden) assert.ok(!may(parts), JSON.stringify(parts));
  assert.ok(!mayAnswerWithIpv4Error(packet({}), 0, 19), 'cut off');
});

interface Parts {
  readonly version?: number;
  readonly headerWords?: number;
  readonly flags?: number;
  readonly protocol?: number;
  readonly source?: readonly number[];
  readonly destination?: readonly number[];
  readonly first?: number;
  readonly payloadBytes?: number;
}

function may(parts: Parts): boolean {
  const about = packet(parts);
  return mayAnswerWithIpv4Error(about, 0, about.length);
}

function packet({
  version = 4,
  headerWords = 5,
  flags = 0,
  protocol = UDP,
  source = [10, 0, 0, 1],
  destination = [10, 0, 0, 2],
  first = 0,
  payloadBytes = 8,
}: Parts): Uint8Array {
  const bytes = new Uint8Array(20 + payloadBytes);
  bytes.set([(version << 4) | headerWords, 0, bytes.length >> 8, bytes.length & 0xff]);
  bytes.set([flags >> 8, flags & 0xff, 64, protocol], 6);
  bytes.set([...source, ...destination], 12);
  if (payloadBytes > 0) bytes[20] = first;
  return bytes;
}

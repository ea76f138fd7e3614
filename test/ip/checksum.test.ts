// The internet checksum against RFC 1071's example and a plain second implementation.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  computeChecksum,
  finishChecksum,
  foldSum,
  sumBytes,
  sumPseudoHeader,
  verifyChecksum,
} from '../../src/ip/checksum.ts';
import { IPV6_HEADER_BYTES, writeUint16 } from '../../src/ip/header.ts';
import { IpProtocol } from '../../src/ip/protocol.ts';
import { echo, udp } from '../filter/packets.ts';

test('sumBytes() gives the sum of RFC 1071, section 3', () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assert.equal(sumBytes(bytes, 0, bytes.length), 0x2_ddf0);
  assert.equal(foldSum(0x2_ddf0), 0xddf2);
  assert.equal(finishChecksum(0x2_ddf0), 0x220d);
});

test('sumBytes() counts an odd last byte as a high one', () => {
  assert.equal(sumBytes(Uint8Array.of(0xaa, 1, 2, 3), 1, 3), 0x0102 + 0x0300);
  assert.equal(sumBytes(Uint8Array.of(1), 0, 0), 0);
});

test('sums agree with words that are added one by one', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 7 }), (bytes, offset) => {
      const start = Math.min(offset, bytes.length);
      let folded = 0;
      for (let i = start; i < bytes.length; i += 2) {
        folded += (bytes[i]! << 8) + (bytes[i + 1] ?? 0);
        if (folded > 0xffff) folded -= 0xffff;
      }
      assert.equal(foldSum(sumBytes(bytes, start, bytes.length - start)), folded);
    }),
  );
});

test('sum of the longest packet is exact', () => {
  const bytes = new Uint8Array(65_536).fill(0xff);
  assert.equal(sumBytes(bytes, 0, bytes.length), 32_768 * 0xffff);
  assert.equal(foldSum(32_768 * 0xffff), 0xffff);
});

test('sumPseudoHeader() takes in addresses, length and protocol', () => {
  const packet = udp('1:2:3:4:5:6:7:8', '9:a:b:c:d:e:f:10', 53);
  assert.equal(sumPseudoHeader(packet, 0, 12, 17), 136 + 12 + 17);
});

test('computeChecksum() gives the checksum of a known echo request', () => {
  // fe80::1 to fe80::2, identifier 1, sequence 1, worked out by hand:
  // 2 * fe80 + 1 + 2 + 8 + 3a + 8000 + 1 + 1 = 27d47, folded 7d49, complemented 82b6.
  const packet = echo('fe80::1', 'fe80::2', 1);
  writeUint16(packet, 42, 0);
  writeUint16(packet, 46, 1);
  const { Icmpv6 } = IpProtocol;
  assert.equal(computeChecksum(packet, 0, IPV6_HEADER_BYTES, 8, Icmpv6), 0x82b6);
  writeUint16(packet, 42, 0x82b6);
  assert.ok(verifyChecksum(packet, 0, IPV6_HEADER_BYTES, 8, Icmpv6));
});

test('verifyChecksum() notices any one bit', () => {
  const packet = udp('fdaa::3', 'fdaa::4', 53);
  const { Udp } = IpProtocol;
  assert.ok(verifyChecksum(packet, 0, IPV6_HEADER_BYTES, 12, Udp));
  for (let bit = 8 * 8; bit < packet.length * 8; bit++) {
    const other = packet.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    assert.ok(!verifyChecksum(other, 0, IPV6_HEADER_BYTES, 12, Udp), `bit ${bit}`);
  }
});

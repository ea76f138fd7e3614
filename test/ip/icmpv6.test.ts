// ICMPv6 errors: their bytes, and RFC 4443's list of what they are never about.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyChecksum } from '../../src/ip/checksum.ts';
import { TransportPlace } from '../../src/ip/extension-headers.ts';
import {
  ICMPV6_ERROR_BYTES_MAX,
  mayAnswerWithError,
  UnreachableCode,
  writePacketTooBig,
  writeUnreachable,
} from '../../src/ip/icmpv6.ts';
import { parseIpv6 } from '../../src/ip/ipv6-address.ts';
import { IpProtocol } from '../../src/ip/protocol.ts';
import { cut, echo, echoReply, extended, fragment, icmp, packet, udp } from '../filter/packets.ts';

const FROM = 'fdaa::1';
const TO = 'fdaa::2';
const ROUTER = parseIpv6('fdaa::ff') ?? new Uint8Array(16);

test('writeUnreachable() writes type, code, addresses, quote and checksum', () => {
  const about = udp(FROM, TO, 53);
  for (const code of Object.values(UnreachableCode)) {
    const target = new Uint8Array(ICMPV6_ERROR_BYTES_MAX).fill(0xee);
    const length = writeUnreachable(code, ROUTER, about, 0, about.length, target, 0);
    assert.equal(length, 48 + about.length);
    assert.deepEqual([...target.subarray(0, 8)], [0x60, 0, 0, 0, 0, 8 + about.length, 58, 64]);
    assert.deepEqual(target.subarray(8, 24), ROUTER);
    assert.deepEqual(target.subarray(24, 40), about.subarray(8, 24));
    assert.deepEqual([...target.subarray(40, 42)], [1, code]);
    assert.deepEqual([...target.subarray(44, 48)], [0, 0, 0, 0]);
    assert.deepEqual(target.subarray(48, length), about);
    assert.ok(verifyChecksum(target, 0, 40, length - 40, IpProtocol.Icmpv6));
  }
});

test('writePacketTooBig() tells the MTU', () => {
  const about = packet(FROM, TO, IpProtocol.Udp, new Uint8Array(4001));
  const target = new Uint8Array(ICMPV6_ERROR_BYTES_MAX + 5);
  const length = writePacketTooBig(1420, ROUTER, about, 0, about.length, target, 5);
  assert.equal(length, ICMPV6_ERROR_BYTES_MAX);
  assert.deepEqual([...target.subarray(45, 47)], [2, 0]);
  assert.deepEqual([...target.subarray(49, 53)], [0, 0, 1420 >> 8, 1420 & 255]);
  assert.ok(verifyChecksum(target, 5, 45, length - 40, IpProtocol.Icmpv6));
});

test('mayAnswerWithError() allows what RFC 4443 does not forbid', () => {
  for (const about of [
    udp(FROM, TO, 53),
    echo(FROM, TO),
    echoReply(FROM, TO),
    fragment(udp(FROM, TO, 53), 0, true),
    extended(udp(FROM, TO, 53), IpProtocol.DestinationOptions),
    packet(FROM, TO, 132),
    packet(FROM, TO, IpProtocol.NoNext, new Uint8Array(0)),
  ]) {
    assert.ok(may(about));
  }
});

test('mayAnswerWithError() forbids errors about errors and redirects', () => {
  for (const type of [0, 1, 2, 3, 4, 100, 127, 137]) {
    assert.ok(!may(icmp(FROM, TO, type)), `type ${type}`);
    assert.ok(!may(extended(icmp(FROM, TO, type), IpProtocol.DestinationOptions)));
    assert.ok(!may(fragment(icmp(FROM, TO, type), 0, true)));
  }
});

test('mayAnswerWithError() forbids errors about what may be part of an error', () => {
  assert.ok(!may(fragment(udp(FROM, TO, 53), 8, true)));
  assert.ok(!may(cut(echo(FROM, TO), 40)));
  assert.ok(!may(cut(extended(udp(FROM, TO, 53), IpProtocol.DestinationOptions), 44)));
  assert.ok(!may(udp(FROM, TO, 53).slice(0, 39)));
});

test('mayAnswerWithError() forbids errors to and about groups and nobody', () => {
  assert.ok(!may(udp(FROM, 'ff02::1', 53)));
  assert.ok(!may(udp('ff02::1', TO, 53)));
  assert.ok(!may(udp('::', TO, 53)));
  assert.ok(may(udp('::1', TO, 53)));
});

function may(about: Uint8Array): boolean {
  return mayAnswerWithError(about, 0, about.length, new TransportPlace());
}

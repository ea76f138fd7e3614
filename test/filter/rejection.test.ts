// The ICMPv6 errors that rejected packets earn: what they say, where from, and how many.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Millis } from '../../src/base/clock.ts';
import type { FilterConfig } from '../../src/filter/config.ts';
import {
  REJECTION_BURST,
  REJECTION_BYTES_MAX,
  REJECTIONS_PER_SECOND,
  type RejectionSender,
  RejectionWriter,
  senderOfHost,
  senderOfTun,
  senderOfWireguardPeer,
} from '../../src/filter/rejection.ts';
import { Rejection } from '../../src/filter/verdict.ts';
import { verifyChecksum } from '../../src/ip/checksum.ts';
import { formatIpv6 } from '../../src/ip/ipv6-address.ts';
import { IpProtocol } from '../../src/ip/protocol.ts';
import { echo, icmp, icmpError, packet, tcp } from './packets.ts';
import {
  A,
  B,
  CONFIG,
  FROM_B,
  HOST_A,
  HOST_B,
  INVITE,
  INVITE_B,
  judgeOf,
  outcomeOf,
  RED,
  RED_1,
  RED_3,
  RED_AT_A,
  RED_B,
  RED_X,
} from './site.ts';

const TUN_1 = senderOfTun(1);

test('answer comes from the presence of this host in the network, to the sender', () => {
  const answer = write(Rejection.NoRoute, tcp(RED_1, RED_X, 80));
  assert.ok(answer !== undefined);
  assert.equal(formatIpv6(answer, 8), RED_AT_A);
  assert.equal(formatIpv6(answer, 24), RED_1);
  const infrastructure = write(Rejection.NoRoute, tcp(HOST_B, INVITE, 80));
  assert.ok(infrastructure !== undefined);
  assert.equal(formatIpv6(infrastructure, 8), HOST_A);
});

test('answer says why and quotes the packet', () => {
  const codes = [
    [Rejection.NoRoute, 0],
    [Rejection.AdministrativelyProhibited, 1],
    [Rejection.AddressUnreachable, 3],
  ] as const;
  const about = tcp(RED_1, RED_X, 80);
  for (const [rejection, code] of codes) {
    const answer = write(rejection, about);
    assert.ok(answer !== undefined);
    assert.deepEqual([...answer.subarray(40, 42)], [1, code]);
    assert.deepEqual(answer.subarray(48), about);
    assert.ok(verifyChecksum(answer, 0, 40, answer.length - 40, IpProtocol.Icmpv6));
  }
});

test('answer to a packet that is too big tells what fits', () => {
  const answer = write(Rejection.PacketTooBig, tcp(RED_1, RED_X, 80), CONFIG, 1_340);
  assert.ok(answer !== undefined);
  assert.deepEqual([...answer.subarray(40, 42)], [2, 0]);
  assert.deepEqual([...answer.subarray(44, 48)], [0, 0, 1_340 >> 8, 1_340 & 0xff]);
  assert.equal(formatIpv6(answer, 8), RED_AT_A);
});

test('answer is at most 1280 bytes long', () => {
  const long = packet(RED_1, RED_X, IpProtocol.Udp, new Uint8Array(9000));
  assert.equal(write(Rejection.NoRoute, long)?.length, REJECTION_BYTES_MAX);
  const just = packet(RED_1, RED_X, IpProtocol.Udp, new Uint8Array(1192));
  assert.equal(write(Rejection.NoRoute, just)?.length, REJECTION_BYTES_MAX);
});

test('nothing is answered where none is due', () => {
  assert.equal(write(Rejection.None, tcp(RED_1, RED_X, 80)), undefined);
});

test('errors, redirects, multicast and unknown sources are not answered', () => {
  for (const about of [
    icmpError(RED_1, RED_X, tcp(RED_X, RED_1, 80)),
    icmp(RED_1, RED_X, 137),
    tcp(RED_1, 'ff0e::1', 80),
    tcp('ff0e::1', RED_1, 80),
    tcp('::', RED_1, 80),
    tcp(RED_1, RED_X, 80).slice(0, 39),
  ]) {
    assert.equal(write(Rejection.NoRoute, about), undefined);
  }
  assert.ok(write(Rejection.NoRoute, echo(RED_1, RED_X)) !== undefined);
});

test('joining host answers from its extra address, in network 0 only', () => {
  const joining: FilterConfig = {
    ...CONFIG,
    hostId: undefined,
    extraHostAddresses: [INVITE_B as never],
  };
  const answer = write(Rejection.NoRoute, tcp(INVITE_B, HOST_A, 80), joining);
  assert.equal(answer && formatIpv6(answer, 8), INVITE_B);
  assert.equal(write(Rejection.NoRoute, tcp(RED_B, RED_1, 80), joining), undefined);
  const bare = { ...joining, extraHostAddresses: [] };
  assert.equal(write(Rejection.NoRoute, tcp(INVITE_B, HOST_A, 80), bare), undefined);
});

test('answers are limited for each sender', () => {
  const writer = new RejectionWriter(CONFIG);
  assert.equal(count(writer, TUN_1, 0, 200), REJECTION_BURST);
  assert.equal(count(writer, senderOfTun(2), 0, 200), REJECTION_BURST);
  assert.equal(count(writer, senderOfHost(B), 0, 200), REJECTION_BURST);
  assert.equal(count(writer, senderOfWireguardPeer(RED, 7), 0, 200), REJECTION_BURST);
  assert.equal(count(writer, senderOfWireguardPeer(RED, 8), 0, 200), REJECTION_BURST);
  assert.equal(count(writer, TUN_1, 100, 200), REJECTIONS_PER_SECOND / 10);
  assert.equal(count(writer, TUN_1, 1_000_000, 200), REJECTION_BURST);
});

test('what is not answered takes no share', () => {
  const writer = new RejectionWriter(CONFIG);
  const target = new Uint8Array(REJECTION_BYTES_MAX);
  const error = icmpError(RED_1, RED_X, tcp(RED_X, RED_1, 80));
  for (let i = 0; i < 200; i++) {
    writer.write(Rejection.NoRoute, TUN_1, error, 0, error.length, target, 0, 0 as Millis);
  }
  assert.equal(count(writer, TUN_1, 0, 200), REJECTION_BURST);
});

test('few senders share a limit', () => {
  const senders = new Set<number>();
  for (let i = 0; i < 300; i++) {
    senders.add(senderOfTun(i));
    senders.add(senderOfHost(0x1_0000 + i));
    senders.add(senderOfWireguardPeer(0x000a_0000 + i, 1));
  }
  assert.equal(senders.size, 900);
  const writer = new RejectionWriter(CONFIG);
  let answered = 0;
  for (let i = 0; i < 300; i++) answered += count(writer, senderOfTun(i), 0, REJECTION_BURST);
  assert.ok(answered > 0.9 * 300 * REJECTION_BURST, `${answered}`);
});

test('answer of another host passes the filter of the sender’s', () => {
  const remote = new RejectionWriter({ ...CONFIG, hostId: B });
  const target = new Uint8Array(REJECTION_BYTES_MAX);
  const sent = tcp(RED_1, RED_B, 80);
  const unreachable = Rejection.AddressUnreachable;
  const sender = senderOfHost(A);
  const { length } = sent;
  const written = remote.write(unreachable, sender, sent, 0, length, target, 0, 0 as Millis);
  const { pass } = judgeOf();
  pass(FROM_B, target.slice(0, written), 'instance', 1);
});

test('filter owes a remote sender "address unreachable" and the writer says it', () => {
  const { filter } = judgeOf();
  const sent = tcp(RED_B, RED_3, 80);
  outcomeOf(filter, FROM_B, sent);
  const answer = write(filter.rejection, sent);
  assert.ok(answer !== undefined);
  assert.deepEqual([...answer.subarray(40, 42)], [1, 3]);
  assert.equal(formatIpv6(answer, 24), RED_B);
});

/** The answer of a fresh writer, between bytes that stay as they are. */
function write(
  rejection: Rejection,
  about: Uint8Array,
  config: FilterConfig = CONFIG,
  mtu = 0,
): Uint8Array | undefined {
  const writer = new RejectionWriter(config);
  const margin = 16;
  const target = new Uint8Array(REJECTION_BYTES_MAX + 2 * margin).fill(0xaa);
  const { length } = about;
  const now = 0 as Millis;
  const written = writer.write(rejection, TUN_1, about, 0, length, target, margin, now, mtu);
  assert.ok(target.subarray(0, margin).every((byte) => byte === 0xaa));
  assert.ok(target.subarray(margin + written).every((byte) => byte === 0xaa));
  return written === 0 ? undefined : target.slice(margin, margin + written);
}

/** How many of `attempts` rejections at `now` are answered. */
function count(writer: RejectionWriter, sender: RejectionSender, now: number, attempts: number) {
  const about = tcp(RED_1, RED_X, 80);
  const target = new Uint8Array(REJECTION_BYTES_MAX);
  let answered = 0;
  for (let i = 0; i < attempts; i++) {
    const { length } = about;
    const { NoRoute } = Rejection;
    const written = writer.write(NoRoute, sender, about, 0, length, target, 0, now as Millis);
    if (written > 0) answered++;
  }
  return answered;
}

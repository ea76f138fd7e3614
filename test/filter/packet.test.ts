// What can be wrong with a packet by itself: each fault has its reason, whoever sent it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Millis } from '../../src/base/clock.ts';
import { DropReason } from '../../src/filter/drop-reason.ts';
import { Verdict } from '../../src/filter/verdict.ts';
import { IpProtocol } from '../../src/ip/protocol.ts';
import { cut, echo, extended, fragment, icmp, packet, patched, tcp, udp } from './packets.ts';
import {
  FROM_B,
  FROM_RED_1,
  HOST_A,
  HOST_B,
  judgeOf,
  P6N0,
  PEER,
  RED_1,
  RED_2,
  RED_B,
} from './site.ts';

const GOOD = tcp(RED_1, RED_2, 80);
const { pass, drop } = judgeOf();

test('a packet without fault passes', () => {
  pass(FROM_RED_1, GOOD, 'instance', 2);
});

test('packet shorter than its header is truncated', () => {
  for (const length of [0, 1, 8, 39]) drop(FROM_RED_1, GOOD.slice(0, length), 'truncated');
});

test('bytes behind a packet are not read', () => {
  const { filter } = judgeOf();
  const bare = packet(RED_1, RED_2, IpProtocol.Icmpv6, Uint8Array.of(135));
  bare[5] = 0;
  assert.equal(filter.judgeFromTun(1, bare, 0, bare.length - 1, 0 as Millis), Verdict.ToTun);
  assert.equal(filter.judgeFromTun(1, Uint8Array.of(0x45), 0, 0, 0 as Millis), Verdict.Drop);
  assert.equal(filter.dropReason, DropReason.Truncated);
});

test('packet of another version is no IPv6', () => {
  drop(FROM_RED_1, patched(GOOD, 0, 0x45), 'ipv4');
  drop(FROM_RED_1, patched(GOOD, 0, 0x45).slice(0, 20), 'ipv4');
  for (const version of [0x00, 0x50, 0x70, 0xf0]) {
    drop(FROM_RED_1, patched(GOOD, 0, version), 'not-ip');
  }
});

test('packet fills exactly the length of its header', () => {
  drop(FROM_RED_1, GOOD.slice(0, -1), 'length-mismatch');
  drop(FROM_RED_1, Uint8Array.of(...GOOD, 0), 'length-mismatch');
  drop(FROM_RED_1, patched(GOOD, 4, 0, 0), 'length-mismatch');
  pass(FROM_RED_1, packet(RED_1, RED_2, IpProtocol.NoNext, new Uint8Array(0)), 'instance', 2);
});

test('packet of the greatest length passes', () => {
  const longest = packet(RED_1, RED_2, IpProtocol.Udp, new Uint8Array(65_535));
  pass(FROM_RED_1, longest, 'instance', 2);
});

test('jumbogram is dropped', () => {
  const jumbo = patched(extended(GOOD, IpProtocol.HopByHop), 4, 0, 0);
  drop(FROM_RED_1, jumbo, 'jumbogram');
});

test('addresses that are of no network are dropped on either side', () => {
  const cases: [address: string, reason: string][] = [
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['ff02::1', 'multicast'],
    ['ff0e::fdaa', 'multicast'],
    ['fe80::1', 'link-local'],
    ['febf:ffff::1', 'link-local'],
  ];
  for (const [address, reason] of cases) {
    drop(FROM_RED_1, tcp(address, RED_2, 80), reason);
    drop(FROM_RED_1, tcp(RED_1, address, 80), reason);
    drop(P6N0, tcp(HOST_A, address, 80), reason);
    drop(FROM_B, tcp(address, RED_1, 80), reason);
  }
  drop(FROM_RED_1, tcp('fec0::1', RED_2, 80), 'source-not-instance');
  drop(FROM_RED_1, tcp('::2', RED_2, 80), 'source-not-instance');
  drop(FROM_RED_1, tcp('1::1', RED_2, 80), 'source-not-instance');
});

test('what the kernel sends on a new link is dropped', () => {
  drop(FROM_RED_1, icmp('fe80::1', 'ff02::2', 133), 'link-local');
  drop(FROM_RED_1, icmp('::', 'ff02::16', 143), 'unspecified');
});

test('hop-by-hop and routing headers are dropped wherever they stand', () => {
  drop(FROM_RED_1, extended(GOOD, IpProtocol.HopByHop), 'hop-by-hop');
  for (const type of [0, 2, 3, 4]) {
    const content = Uint8Array.of(type, 1, 0, 0, 0, 0);
    drop(FROM_RED_1, extended(GOOD, IpProtocol.Routing, content), 'routing-header');
  }
  const behind = extended(extended(GOOD, IpProtocol.Routing), IpProtocol.DestinationOptions);
  drop(FROM_RED_1, behind, 'routing-header');
  const first = fragment(extended(GOOD, IpProtocol.Routing), 0, true);
  drop(FROM_RED_1, first, 'routing-header');
});

test('other extension headers and fragments pass between instances by address', () => {
  for (const kind of [
    IpProtocol.DestinationOptions,
    IpProtocol.Authentication,
    IpProtocol.Mobility,
    IpProtocol.HostIdentity,
    IpProtocol.Shim6,
  ]) {
    pass(FROM_RED_1, extended(GOOD, kind), 'instance', 2);
    pass(FROM_RED_1, extended(tcp(RED_1, RED_B, 80), kind), 'other-host', PEER);
  }
  pass(FROM_RED_1, packet(RED_1, RED_2, IpProtocol.EncapsulatingSecurity), 'instance', 2);
  pass(FROM_RED_1, packet(RED_1, RED_2, 132), 'instance', 2);
  pass(FROM_RED_1, fragment(GOOD, 0, true), 'instance', 2);
  pass(FROM_RED_1, fragment(GOOD, 1480, true), 'instance', 2);
  pass(FROM_RED_1, fragment(GOOD, 1480, false), 'instance', 2);
  pass(FROM_B, fragment(udp(RED_B, RED_1, 9), 0, false), 'instance', 1);
});

test('extension header behind the end of the packet is dropped', () => {
  const options = extended(GOOD, IpProtocol.DestinationOptions);
  drop(FROM_RED_1, cut(options, 41), 'extension-header-truncated');
  drop(FROM_RED_1, cut(options, 47), 'extension-header-truncated');
  drop(FROM_RED_1, patched(options, 41, 255), 'extension-header-truncated');
  pass(FROM_RED_1, cut(options, 48), 'instance', 2);
});

test('walk over extension headers is bounded', () => {
  let chained = GOOD;
  for (let i = 0; i < 8; i++) chained = extended(chained, IpProtocol.DestinationOptions);
  pass(FROM_RED_1, chained, 'instance', 2);
  chained = extended(chained, IpProtocol.DestinationOptions);
  drop(FROM_RED_1, chained, 'extension-headers-too-many');
});

test('neighbour discovery is dropped, since a hop limit of 255 proves no neighbour', () => {
  for (const type of [133, 134, 135, 136, 137]) {
    drop(FROM_RED_1, icmp(RED_1, RED_2, type), 'neighbour-discovery');
    drop(FROM_B, icmp(HOST_B, HOST_A, type), 'neighbour-discovery');
    const hidden = extended(icmp(RED_1, RED_2, type), IpProtocol.DestinationOptions);
    drop(FROM_RED_1, hidden, 'neighbour-discovery');
  }
  pass(FROM_RED_1, icmp(RED_1, RED_2, 132), 'instance', 2);
  pass(FROM_RED_1, icmp(RED_1, RED_2, 138), 'instance', 2);
  pass(FROM_RED_1, cut(echo(RED_1, RED_2), 40), 'instance', 2);
});

// The way out by destination, and transit.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echo, fragment, tcp, udp } from '../packets.ts';
import {
  B,
  FROM_B,
  FROM_INVITE,
  FROM_LAPTOP,
  FROM_RED_1,
  fromHost,
  GATEWAY,
  GREY_B,
  HOST_A,
  HOST_B,
  HOST_X,
  INVITE,
  INVITE_B,
  judgeOf,
  P6N0,
  PEER,
  RED_1,
  RED_2,
  RED_3,
  RED_AT_A,
  RED_AT_B,
  RED_B,
  RED_C,
  RED_LAPTOP,
  RED_LAPTOP_B,
  RED_NAMES,
  RED_SERVICE,
  RED_X,
} from '../site.ts';

const { pass, drop } = judgeOf();
const PROHIBITED = 'administratively-prohibited';
const UNREACHABLE = 'address-unreachable';
const NO_ROUTE = 'no-route';

test('instance of this host gets packets on its TUN, at any slot', () => {
  pass(FROM_RED_1, tcp(RED_1, RED_2, 80), 'instance', 2);
  pass(FROM_B, tcp(RED_B, RED_2, 80), 'instance', 2);
  pass(FROM_LAPTOP, tcp(RED_LAPTOP, RED_2, 80), 'instance', 2);
  pass(P6N0, tcp(RED_AT_A, RED_2, 80), 'instance', 2);
  pass(FROM_RED_1, tcp(RED_1, 'fdaa:a:1:1:1:1111:2:0', 80), 'instance', 2);
});

test('instance that does not run is unreachable, for local and remote senders', () => {
  drop(FROM_RED_1, tcp(RED_1, RED_3, 80), 'no-such-instance', UNREACHABLE);
  drop(FROM_LAPTOP, tcp(RED_LAPTOP, RED_3, 80), 'no-such-instance', UNREACHABLE);
  drop(FROM_B, tcp(RED_B, RED_3, 80), 'no-such-instance', UNREACHABLE);
});

test('WireGuard peer of this host gets packets through its tunnel', () => {
  pass(FROM_RED_1, tcp(RED_1, RED_LAPTOP, 80), 'wireguard-peer', GATEWAY);
  pass(P6N0, tcp(RED_AT_A, RED_LAPTOP, 80), 'wireguard-peer', GATEWAY);
  drop(FROM_RED_1, tcp(RED_1, 'fdaa:a:1:1:1:0:a:6', 80), 'no-such-wireguard-peer', UNREACHABLE);
  drop(FROM_B, tcp(RED_B, 'fdaa:a:1:1:1:0:a:6', 80), 'no-such-wireguard-peer', UNREACHABLE);
});

test('other host gets packets for its instances, laptops and itself', () => {
  pass(FROM_RED_1, tcp(RED_1, RED_B, 80), 'other-host', PEER);
  pass(FROM_RED_1, tcp(RED_1, RED_LAPTOP_B, 80), 'other-host', PEER);
  pass(FROM_RED_1, echo(RED_1, RED_AT_B), 'other-host', PEER);
  pass(P6N0, tcp(HOST_A, HOST_B, 6600), 'other-host', PEER);
});

test('host that nobody knows has no route', () => {
  drop(FROM_RED_1, tcp(RED_1, RED_X, 80), 'unknown-host', NO_ROUTE);
  drop(FROM_LAPTOP, tcp(RED_LAPTOP, RED_X, 80), 'unknown-host', NO_ROUTE);
  drop(P6N0, tcp(HOST_A, HOST_X, 80), 'unknown-host', NO_ROUTE);
});

test('destination outside of the site or of the plan has no route', () => {
  drop(FROM_RED_1, tcp(RED_1, '2001:db8::1', 80), 'destination-outside-site', NO_ROUTE);
  drop(FROM_RED_1, tcp(RED_1, 'fdab::1', 80), 'destination-outside-site', NO_ROUTE);
  drop(FROM_B, tcp(RED_B, '2001:db8::1', 80), 'destination-outside-site');
  for (const target of ['fdaa:a:1::1', 'fdaa:a:1:1:1::9', 'fdaa:a:1:1:1:0:a:0']) {
    drop(FROM_RED_1, tcp(RED_1, target, 80), 'destination-outside-plan', NO_ROUTE);
  }
  drop(FROM_RED_1, tcp(RED_1, 'fdaa:a:1:11:1:1:1:2', 80), 'destination-outside-plan', NO_ROUTE);
  drop(FROM_B, tcp(RED_B, 'fdaa:a:1:1:1::9', 80), 'destination-outside-plan');
  drop(P6N0, tcp(HOST_A, 'fdaa::1:2:1111:1:2', 80), 'destination-outside-plan', NO_ROUTE);
});

test('service address has a reason of its own', () => {
  drop(FROM_RED_1, tcp(RED_1, RED_SERVICE, 80), 'service-address', NO_ROUTE);
  drop(FROM_LAPTOP, tcp(RED_LAPTOP, RED_SERVICE, 80), 'service-address', NO_ROUTE);
  drop(FROM_B, tcp(RED_B, RED_SERVICE, 80), 'service-address');
});

test('from host peer to host peer there is no transit', () => {
  drop(FROM_B, tcp(RED_B, RED_C, 80), 'transit');
  drop(FROM_B, tcp(RED_B, RED_B, 80), 'transit');
  drop(FROM_B, tcp(RED_B, RED_X, 80), 'transit');
  drop(FROM_B, tcp(HOST_B, 'fdaa::1:3:0:0:1', 6600), 'transit');
  drop(FROM_B, tcp(GREY_B, 'fdaa:d:1:1:3:1111:1:2', 6600), 'transit');
  drop(FROM_B, tcp(RED_B, 'fdaa:a:1::1', 6600), 'transit');
});

test('transit happens where one side is a laptop', () => {
  pass(FROM_LAPTOP, tcp(RED_LAPTOP, RED_B, 80), 'other-host', PEER);
  pass(FROM_LAPTOP, fragment(tcp(RED_LAPTOP, RED_B, 80), 8, true), 'other-host', PEER);
  pass(FROM_B, tcp(RED_B, RED_LAPTOP, 80), 'wireguard-peer', GATEWAY);
  drop(FROM_B, tcp(RED_B, RED_LAPTOP_B, 80), 'transit');
});

test('invites have no transit in either direction', () => {
  drop(FROM_INVITE, tcp(INVITE, HOST_B, 6601), 'invite-limited', PROHIBITED);
  drop(FROM_B, tcp(HOST_B, INVITE, 80), 'transit');
  drop(P6N0, tcp(HOST_A, INVITE_B, 80), 'invite-limited', PROHIBITED);
  pass(P6N0, tcp(HOST_A, INVITE, 9, 0x12, 6601), 'wireguard-peer', PEER);
});

test('nothing goes back by the interface that it came from', () => {
  drop(FROM_RED_1, tcp(RED_1, 'fdaa:a:1:1:1:1111:1:9', 80), 'hairpin', UNREACHABLE);
  drop(FROM_RED_1, tcp(RED_1, RED_1, 80), 'hairpin', UNREACHABLE);
  drop(P6N0, tcp(HOST_A, HOST_A, 6600), 'hairpin', UNREACHABLE);
  drop(P6N0, udp(RED_AT_A, RED_NAMES, 53), 'hairpin', UNREACHABLE);
});

test('hop limit is left as it is', () => {
  const { filter } = judgeOf();
  for (const hopLimit of [0, 1, 255]) {
    const bytes = tcp(RED_1, RED_B, 80);
    bytes[7] = hopLimit;
    const before = bytes.slice();
    filter.judgeFromTun(1, bytes, 0, bytes.length, 0 as never);
    assert.deepEqual(bytes, before);
  }
});

test('joining host talks from its extra address and hears answers', () => {
  const joining = judgeOf({
    hostId: undefined,
    region: 'ams',
    extraHostAddresses: [INVITE_B as never],
    server: false,
    hosts: [{ id: B, region: 'ams' }],
    networks: [],
    instances: [],
    wireguardPeers: [],
  });
  joining.drop(FROM_B, tcp(HOST_B, INVITE_B, 40_000, 0x12, 6601), 'door-closed');
  joining.pass(P6N0, tcp(INVITE_B, HOST_B, 6601), 'other-host', PEER);
  joining.pass(FROM_B, tcp(HOST_B, INVITE_B, 40_000, 0x12, 6601), 'door-flow', 0);
  joining.drop(FROM_B, tcp(HOST_B, INVITE, 40_000, 0x12, 6601), 'transit');
  joining.drop(FROM_B, tcp(HOST_B, HOST_A, 40_000, 0x12, 6601), 'transit');
  joining.drop(FROM_B, tcp(RED_B, RED_1, 80), 'transit');
  joining.drop(P6N0, tcp(HOST_A, HOST_B, 6601), 'source-not-this-host');
  joining.drop(P6N0, tcp(INVITE_B, RED_B, 80), 'infrastructure-network', PROHIBITED);
  joining.drop(fromHost(1), tcp(HOST_B, INVITE_B, 80), 'unknown-host-peer');
});

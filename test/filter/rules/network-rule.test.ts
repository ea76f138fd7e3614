// The network rule: one network, network 0 for hosts and invites, regions; on the way out and in.

import { test } from 'node:test';
import { echo, fragment, tcp, udp } from '../packets.ts';
import {
  BLUE_1,
  BLUE_AT_A,
  BLUE_B,
  BLUE_NAMES,
  C,
  CONFIG,
  FROM_B,
  FROM_BLUE_1,
  FROM_C,
  FROM_LAPTOP,
  FROM_NEAR_1,
  FROM_NEAR_LAPTOP,
  FROM_RED_1,
  GATEWAY,
  GREY_1,
  GREY_B,
  HOST_A,
  HOST_B,
  INVITE,
  judgeOf,
  NAMES,
  NEAR_1,
  NEAR_AT_A,
  NEAR_B,
  NEAR_C,
  NEAR_LAPTOP,
  P6N0,
  PEER,
  RED_1,
  RED_2,
  RED_AT_A,
  RED_B,
  RED_C,
  RED_LAPTOP,
} from '../site.ts';

const { pass, drop } = judgeOf();
const PROHIBITED = 'administratively-prohibited';
const UNREACHABLE = 'address-unreachable';

test('source and destination are of one network', () => {
  for (const target of [BLUE_1, BLUE_B, BLUE_AT_A, BLUE_NAMES, 'fdaa:b:1::1']) {
    drop(FROM_RED_1, tcp(RED_1, target, 80), 'other-network', PROHIBITED);
    drop(FROM_LAPTOP, tcp(RED_LAPTOP, target, 80), 'other-network', PROHIBITED);
    drop(P6N0, tcp(RED_AT_A, target, 80), 'other-network', PROHIBITED);
  }
  drop(FROM_BLUE_1, echo(BLUE_1, RED_1), 'other-network', PROHIBITED);
  drop(FROM_B, tcp(BLUE_B, RED_1, 80), 'other-network');
  drop(FROM_B, fragment(tcp(BLUE_B, RED_1, 80), 800, false), 'other-network');
  pass(FROM_B, tcp(RED_B, RED_1, 80), 'instance', 1);
});

test('every bit of the network counts', () => {
  for (let bit = 0; bit < 32; bit++) {
    const other = tcp(RED_1, RED_2, 80);
    other[26 + (bit >> 3)]! ^= 0x80 >> (bit & 7);
    drop(FROM_RED_1, other, 'other-network', PROHIBITED);
  }
});

test('network 0 is closed to instances and laptops', () => {
  for (const target of [HOST_A, HOST_B, INVITE, 'fdaa::1']) {
    drop(FROM_RED_1, tcp(RED_1, target, 6600), 'infrastructure-network', PROHIBITED);
    drop(FROM_LAPTOP, tcp(RED_LAPTOP, target, 6600), 'infrastructure-network', PROHIBITED);
  }
  drop(FROM_B, tcp(RED_B, HOST_A, 6600), 'infrastructure-network');
  drop(P6N0, tcp(RED_AT_A, HOST_B, 6600), 'infrastructure-network', PROHIBITED);
  drop(P6N0, tcp(HOST_A, RED_1, 80), 'infrastructure-network', PROHIBITED);
  drop(FROM_B, tcp(HOST_B, RED_1, 80), 'infrastructure-network');
});

test('instances and fdaa::3 are the one pair that crosses, in this host only', () => {
  pass(FROM_RED_1, udp(RED_1, NAMES, 53), 'door-names', 0);
  pass(P6N0, udp(NAMES, RED_1, 9, 53), 'nameserver-answer', 1);
  pass(P6N0, udp(NAMES, BLUE_1, 9, 53), 'nameserver-answer', 3);
  drop(FROM_LAPTOP, udp(RED_LAPTOP, NAMES, 53), 'infrastructure-network', PROHIBITED);
  drop(FROM_B, udp(RED_B, NAMES, 53), 'nameserver-elsewhere');
  drop(P6N0, udp(RED_AT_A, NAMES, 53), 'infrastructure-network', PROHIBITED);
});

test('networks of which this host has nothing are unknown', () => {
  drop(FROM_B, tcp(GREY_B, GREY_1, 80), 'unknown-network', UNREACHABLE);
  drop(P6N0, udp(NAMES, GREY_1, 9, 53), 'unknown-network', UNREACHABLE);
  const bare = judgeOf({ ...CONFIG, networks: [] });
  bare.drop(FROM_RED_1, tcp(RED_1, RED_2, 80), 'unknown-network', UNREACHABLE);
  bare.drop(FROM_RED_1, udp(RED_1, NAMES, 53), 'unknown-network', UNREACHABLE);
  bare.drop(FROM_LAPTOP, tcp(RED_LAPTOP, RED_1, 80), 'unknown-wireguard-peer');
});

test('region-scoped network stays in its region on the way out', () => {
  pass(FROM_NEAR_1, tcp(NEAR_1, NEAR_B, 80), 'other-host', PEER);
  drop(FROM_NEAR_1, tcp(NEAR_1, NEAR_C, 80), 'other-region', PROHIBITED);
  drop(FROM_NEAR_LAPTOP, tcp(NEAR_LAPTOP, NEAR_C, 80), 'other-region', PROHIBITED);
  drop(P6N0, tcp(NEAR_AT_A, NEAR_C, 80), 'other-region', PROHIBITED);
  pass(FROM_NEAR_LAPTOP, tcp(NEAR_LAPTOP, NEAR_1, 80), 'instance', 4);
  pass(FROM_RED_1, tcp(RED_1, RED_C, 80), 'other-host', PEER);
});

test('region-scoped network stays in its region on the way in', () => {
  pass(FROM_B, tcp(NEAR_B, NEAR_1, 80), 'instance', 4);
  drop(FROM_C, tcp(NEAR_C, NEAR_1, 80), 'other-region');
  drop(FROM_C, tcp(NEAR_C, NEAR_LAPTOP, 80), 'other-region');
  drop(FROM_C, echo(NEAR_C, NEAR_AT_A), 'other-region');
  pass(FROM_C, tcp(RED_C, RED_1, 80), 'instance', 1);
});

test('region of this host is that of its configuration', () => {
  const moved = judgeOf({ ...CONFIG, region: 'fra' });
  moved.pass(FROM_C, tcp(NEAR_C, NEAR_1, 80), 'instance', 4);
  moved.drop(FROM_B, tcp(NEAR_B, NEAR_1, 80), 'other-region');
  moved.pass(FROM_NEAR_1, tcp(NEAR_1, NEAR_LAPTOP, 80), 'wireguard-peer', GATEWAY);
  const alone = judgeOf({ ...CONFIG, hosts: CONFIG.hosts.filter((host) => host.id !== C) });
  alone.drop(FROM_NEAR_1, tcp(NEAR_1, NEAR_C, 80), 'unknown-host', 'no-route');
});

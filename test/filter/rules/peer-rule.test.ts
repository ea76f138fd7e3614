// What the WireGuard peers of a network reach, and what reaches them.

import { test } from 'node:test';
import { echo, echoReply, tcp } from '../packets.ts';
import {
  FROM_B,
  FROM_LAPTOP,
  FROM_RED_1,
  GATEWAY,
  HOST_A,
  judgeOf,
  P6N0,
  PEER,
  RED_1,
  RED_AT_A,
  RED_AT_B,
  RED_B,
  RED_LAPTOP,
  RED_LAPTOP_B,
  RED_NAMES,
  RED_PHONE,
} from '../site.ts';

const PROHIBITED = 'administratively-prohibited';
const { pass, drop } = judgeOf();

test('a laptop reaches the instances of its network on all hosts, and they reach it', () => {
  pass(FROM_LAPTOP, tcp(RED_LAPTOP, RED_1, 80), 'instance', 1);
  pass(FROM_LAPTOP, tcp(RED_LAPTOP, RED_B, 80), 'other-host', PEER);
  pass(FROM_B, tcp(RED_LAPTOP_B, RED_1, 80), 'instance', 1);
  pass(FROM_RED_1, tcp(RED_1, RED_LAPTOP, 80), 'wireguard-peer', GATEWAY);
  pass(FROM_B, tcp(RED_B, RED_LAPTOP, 80), 'wireguard-peer', GATEWAY);
});

test('laptops do not reach each other, through one gateway or two', () => {
  drop(FROM_LAPTOP, tcp(RED_LAPTOP, RED_PHONE, 80), 'peer-to-peer', PROHIBITED);
  drop(FROM_LAPTOP, tcp(RED_LAPTOP, RED_LAPTOP, 80), 'peer-to-peer', PROHIBITED);
  drop(FROM_LAPTOP, tcp(RED_LAPTOP, RED_LAPTOP_B, 80), 'peer-to-peer', PROHIBITED);
  drop(FROM_B, tcp(RED_LAPTOP_B, RED_LAPTOP, 80), 'peer-to-peer');
});

test('a laptop does not reach hosts, not even by an echo', () => {
  drop(FROM_LAPTOP, echo(RED_LAPTOP, RED_AT_A), 'peer-to-host', PROHIBITED);
  drop(FROM_LAPTOP, echo(RED_LAPTOP, RED_AT_B), 'peer-to-host', PROHIBITED);
  drop(FROM_B, echo(RED_LAPTOP_B, RED_AT_A), 'peer-to-host');
  drop(FROM_LAPTOP, tcp(RED_LAPTOP, RED_AT_A, 22), 'door-closed', PROHIBITED);
  drop(FROM_LAPTOP, echo(RED_LAPTOP, HOST_A), 'infrastructure-network', PROHIBITED);
  pass(FROM_LAPTOP, echo(RED_LAPTOP, RED_NAMES), 'door-echo', 0);
});

test('a laptop answers a host that asks', () => {
  const judge = judgeOf();
  const answer = echoReply(RED_LAPTOP, RED_AT_A);
  judge.drop(FROM_LAPTOP, answer, 'door-closed', PROHIBITED);
  judge.pass(P6N0, echo(RED_AT_A, RED_LAPTOP), 'wireguard-peer', GATEWAY);
  judge.pass(FROM_LAPTOP, answer, 'door-flow', 0);
});

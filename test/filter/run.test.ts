// Runs: that what came before a packet changes nothing about it but the time that it takes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketFilter } from '../../src/filter/filter.ts';
import { PassRule, Verdict } from '../../src/filter/verdict.ts';
import { IPV6_HEADER_BYTES } from '../../src/ip/header.ts';
import { IpProtocol } from '../../src/ip/protocol.ts';
import { ACK, echo, extended, fragment, packet, tcp, udp } from './packets.ts';
import {
  B,
  BLUE_1,
  CONFIG,
  FROM_B,
  FROM_BLUE_1,
  FROM_C,
  FROM_LAPTOP,
  FROM_RED_1,
  fromTun,
  HOST_A,
  HOST_B,
  judgeOf,
  outcomeOf,
  P6N0,
  RED_1,
  RED_2,
  RED_AT_A,
  RED_B,
  RED_C,
  RED_LAPTOP,
  RED_NAMES,
  type Way,
} from './site.ts';

type Arrival = readonly [Way, Uint8Array];

const ARRIVALS: readonly Arrival[] = [
  [FROM_B, tcp(RED_B, RED_1, 80, ACK)],
  [FROM_B, udp(RED_B, RED_1, 9)],
  [FROM_B, echo(RED_B, RED_1)],
  [FROM_B, extended(udp(RED_B, RED_1, 9), IpProtocol.DestinationOptions)],
  [FROM_B, fragment(udp(RED_B, RED_1, 9), 0, true)],
  [FROM_B, fragment(udp(RED_B, RED_1, 9), 64, true)],
  [FROM_B, packet(RED_B, RED_1, IpProtocol.HopByHop)],
  [FROM_B, tcp(HOST_B, HOST_A, 6600)],
  [FROM_B, tcp(HOST_B, HOST_A, 22)],
  [FROM_B, tcp(RED_B, RED_LAPTOP, 80)],
  [FROM_C, tcp(RED_C, RED_1, 80)],
  [FROM_RED_1, tcp(RED_1, RED_B, 80)],
  [FROM_RED_1, tcp(RED_1, RED_2, 80)],
  [FROM_RED_1, tcp(RED_1, RED_1, 80)],
  [FROM_RED_1, udp(RED_1, RED_NAMES, 53)],
  [FROM_RED_1, udp(RED_1, RED_NAMES, 54)],
  [FROM_BLUE_1, tcp(BLUE_1, RED_1, 80)],
  [FROM_LAPTOP, tcp(RED_LAPTOP, RED_1, 80)],
];

/** All that differs in one bit of its header, or in its length, or in the way that it came. */
function* changesOf([way, bytes]: Arrival): Generator<Arrival> {
  for (let bit = 0; bit < 8 * IPV6_HEADER_BYTES; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    yield [way, changed];
  }
  for (let length = 1; length < bytes.length; length++) yield [way, bytes.slice(0, length)];
  yield [way, Uint8Array.of(...bytes, 0)];
  for (const [other] of ARRIVALS) yield [other, bytes];
}

test('a packet behind another is judged as by itself', () => {
  const alone = ([way, bytes]: Arrival) => outcomeOf(new PacketFilter(CONFIG), way, bytes);
  for (const first of ARRIVALS) {
    for (const second of [...ARRIVALS, first, ...changesOf(first)]) {
      const filter = new PacketFilter(CONFIG);
      outcomeOf(filter, ...first);
      assert.deepEqual(outcomeOf(filter, ...second), alone(second));
    }
  }
});

test('a TUN and a host of one number are two ways', () => {
  const instances = CONFIG.instances.map((one) => (one.tun === 1 ? { ...one, tun: B } : one));
  const filter = new PacketFilter({ ...CONFIG, instances });
  const arrival = tcp(RED_B, RED_2, 80, ACK);
  assert.equal(outcomeOf(filter, FROM_B, arrival).verdict, Verdict.ToTun);
  assert.equal(outcomeOf(filter, fromTun(B), arrival).rule, 'source-not-instance');
});

test('a packet between those of a run changes nothing about them', () => {
  const { pass, drop } = judgeOf();
  for (let i = 0; i < 3; i++) {
    pass(FROM_B, tcp(RED_B, RED_1, 80, ACK), 'instance', 1);
    drop(FROM_B, tcp(RED_B, BLUE_1, 80), 'other-network', 'none');
    pass(FROM_RED_1, tcp(RED_1, RED_B, 80, ACK), 'other-host', 'peer');
  }
});

test('a packet of another way begins no run for the way before', () => {
  const filter = new PacketFilter(CONFIG);
  const [run, other] = [tcp(RED_B, RED_1, 80, ACK), tcp(RED_LAPTOP, RED_1, 80)];
  const answer = tcp(RED_AT_A, RED_1, 80);
  for (const [way, between] of [[FROM_LAPTOP, other] as const, [P6N0, answer] as const]) {
    assert.equal(outcomeOf(filter, FROM_B, run).rule, 'instance');
    assert.equal(outcomeOf(filter, way, between).rule, 'instance');
    assert.equal(outcomeOf(filter, FROM_B, between).rule, 'source-not-peer-host');
  }
});

test('every packet of a run is counted', () => {
  const filter = new PacketFilter(CONFIG);
  for (let i = 0; i < 3; i++) outcomeOf(filter, FROM_B, tcp(RED_B, RED_1, 80, ACK));
  assert.equal(filter.passes[PassRule.Instance], 3);
});

test('a run ends with the rules that it began by', () => {
  const filter = new PacketFilter(CONFIG);
  const arrival: Arrival = [FROM_B, tcp(RED_B, RED_1, 80, ACK)];
  assert.equal(outcomeOf(filter, ...arrival).verdict, Verdict.ToTun);
  filter.replaceConfig({ ...CONFIG, instances: [] });
  assert.equal(outcomeOf(filter, ...arrival).rule, 'no-such-instance');
});

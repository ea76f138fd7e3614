// Answers to flows that this host began, and errors about what it sent.

import { test } from 'node:test';
import {
  ECHO_IDLE_MS,
  TCP_OPEN_IDLE_MS,
  TCP_TRANSIENT_IDLE_MS,
  UDP_IDLE_MS,
} from '../../../src/filter/door/flow-table.ts';
import { IpProtocol } from '../../../src/ip/protocol.ts';
import {
  ACK,
  cut,
  echo,
  echoReply,
  extended,
  FIN,
  FLOW_PORT,
  fragment,
  icmp,
  icmpError,
  packet,
  patched,
  RST,
  SYN,
  SYN_ACK,
  tcp,
  udp,
} from '../packets.ts';
import {
  CONFIG,
  FROM_B,
  FROM_RED_1,
  fromHost,
  HOST_A,
  HOST_B,
  INVITE,
  judgeOf,
  NAMES,
  P6N0,
  PEER,
  RED,
  RED_1,
  RED_2,
  RED_AT_A,
  RED_AT_B,
  RED_B,
  RED_NAMES,
  RED_X,
  X,
} from '../site.ts';

const PROHIBITED = 'administratively-prohibited';
const SENT = tcp(HOST_A, HOST_B, 6600);
const ANSWER = tcp(HOST_B, HOST_A, FLOW_PORT, SYN_ACK, 6600);

test('answer passes once the host has begun the flow', () => {
  const { pass, drop } = judgeOf();
  drop(FROM_B, ANSWER, 'door-closed');
  pass(P6N0, SENT, 'other-host', PEER);
  pass(FROM_B, ANSWER, 'door-flow', 0);
});

test('answer is of exactly the flow', () => {
  const { pass, drop } = judgeOf();
  pass(P6N0, tcp(RED_AT_A, RED_1, 80), 'instance', 1);
  pass(FROM_RED_1, tcp(RED_1, RED_AT_A, FLOW_PORT, ACK, 80), 'door-flow', 0);
  for (const other of [
    tcp(RED_1, RED_AT_A, FLOW_PORT, ACK, 81),
    tcp(RED_1, RED_AT_A, FLOW_PORT + 1, ACK, 80),
    udp(RED_1, RED_AT_A, FLOW_PORT, 80),
    tcp('fdaa:a:1:1:1:1111:1:3', RED_AT_A, FLOW_PORT, ACK, 80),
    tcp(RED_1, RED_NAMES, FLOW_PORT, ACK, 80),
  ]) {
    drop(FROM_RED_1, other, 'door-closed', PROHIBITED);
  }
});

test('an answer does not begin a connection', () => {
  const { pass, drop } = judgeOf();
  pass(P6N0, SENT, 'other-host', PEER);
  drop(FROM_B, tcp(HOST_B, HOST_A, FLOW_PORT, SYN, 6600), 'door-closed');
});

test('UDP flow begins with its first packet', () => {
  const { pass, drop } = judgeOf();
  drop(FROM_B, udp(RED_B, RED_AT_A, FLOW_PORT, 9), 'door-closed');
  pass(P6N0, cut(udp(RED_AT_A, RED_B, 9), 48), 'other-host', PEER);
  pass(FROM_B, udp(RED_B, RED_AT_A, FLOW_PORT, 9), 'door-flow', 0);
});

test('a flow has one place however often it is sent', () => {
  const { pass } = judgeOf(CONFIG, 1);
  pass(P6N0, udp(RED_AT_A, RED_B, 9), 'other-host', PEER);
  for (let i = 0; i < 20; i++) pass(P6N0, udp(RED_AT_A, RED_B, 10), 'other-host', PEER);
  pass(FROM_B, udp(RED_B, RED_AT_A, FLOW_PORT, 9), 'door-flow', 0);
});

test('echo reply passes for an echo request of its identifier', () => {
  const { pass, drop } = judgeOf();
  pass(P6N0, echo(HOST_A, HOST_B, 77), 'other-host', PEER);
  drop(FROM_B, echoReply(HOST_B, HOST_A, 78), 'door-closed');
  pass(FROM_B, echoReply(HOST_B, HOST_A, 77), 'door-flow', 0);
});

test('TCP flow begins with a SYN only', () => {
  const { pass, drop } = judgeOf();
  for (const flags of [ACK, SYN_ACK, FIN, RST, 0]) {
    pass(P6N0, tcp(HOST_A, HOST_B, 6600, flags), 'other-host', PEER);
    drop(FROM_B, ANSWER, 'door-closed');
  }
});

test('answers of services begin no flow', () => {
  const { pass, drop } = judgeOf();
  pass(P6N0, udp(RED_NAMES, RED_1, 9, 53), 'nameserver-answer', 1);
  pass(P6N0, echoReply(RED_AT_A, RED_1, 5), 'instance', 1);
  pass(P6N0, tcp(HOST_A, HOST_B, 40_001, SYN_ACK, 6600), 'other-host', PEER);
  drop(FROM_RED_1, udp(RED_1, RED_AT_A, 53, 9), 'door-closed', PROHIBITED);
  drop(FROM_RED_1, echoReply(RED_1, RED_AT_A, 5), 'door-closed', PROHIBITED);
  const agent = judgeOf({ ...CONFIG, server: false });
  agent.pass(P6N0, tcp(HOST_A, HOST_B, 40_001, SYN_ACK, 6600), 'other-host', PEER);
  agent.drop(FROM_B, tcp(HOST_B, HOST_A, 6600, ACK, 40_001), 'door-closed');
});

test('what is extended, in fragments or cut begins no flow', () => {
  const { pass, drop } = judgeOf();
  pass(P6N0, extended(SENT, IpProtocol.DestinationOptions), 'other-host', PEER);
  pass(P6N0, fragment(SENT, 0, true), 'other-host', PEER);
  pass(P6N0, cut(SENT, 59), 'other-host', PEER);
  pass(P6N0, packet(HOST_A, HOST_B, 132), 'other-host', PEER);
  drop(FROM_B, ANSWER, 'door-closed');
  pass(P6N0, cut(udp(RED_AT_A, RED_B, 9), 47), 'other-host', PEER);
  drop(FROM_B, udp(RED_B, RED_AT_A, FLOW_PORT, 9), 'door-closed');
  pass(P6N0, cut(echo(RED_AT_A, RED_B, 0x6666), 47), 'other-host', PEER);
  drop(FROM_B, echoReply(RED_B, RED_AT_A, 0x6666), 'door-closed');
});

test('what is dropped begins no flow', () => {
  const { filter, pass, drop } = judgeOf();
  drop(P6N0, udp(RED_AT_A, RED_X, 9), 'unknown-host', 'no-route');
  filter.replaceConfig({ ...CONFIG, hosts: [...CONFIG.hosts, { id: X, region: 'ams' }] });
  drop(fromHost(X), udp(RED_X, RED_AT_A, FLOW_PORT, 9), 'door-closed');
  pass(P6N0, udp(RED_AT_A, RED_X, 9), 'other-host', PEER);
  pass(fromHost(X), udp(RED_X, RED_AT_A, FLOW_PORT, 9), 'door-flow', 0);
});

test('answers of the name server take no place of a flow', () => {
  const { pass } = judgeOf(CONFIG, 1);
  pass(P6N0, udp(RED_AT_A, RED_1, 9), 'instance', 1);
  for (let i = 0; i < 20; i++) pass(P6N0, udp(NAMES, RED_1, i, 53), 'nameserver-answer', 1);
  pass(FROM_RED_1, udp(RED_1, RED_AT_A, FLOW_PORT, 9), 'door-flow', 0);
});

test('instances begin no flow', () => {
  const { pass, drop } = judgeOf();
  pass(FROM_RED_1, udp(RED_1, RED_B, 9), 'other-host', PEER);
  drop(FROM_B, udp(RED_B, RED_AT_A, FLOW_PORT, 9), 'door-closed');
});

test('flows outlive a new configuration', () => {
  const { filter, pass, drop } = judgeOf();
  pass(P6N0, SENT, 'other-host', PEER);
  filter.replaceConfig({ ...CONFIG, networks: [], server: false });
  pass(FROM_B, ANSWER, 'door-flow', 0);
  drop(FROM_B, tcp(RED_B, RED_1, 80), 'unknown-network', 'address-unreachable');
});

test('a refused configuration leaves the old one', () => {
  const { filter, pass } = judgeOf();
  const [first] = CONFIG.instances;
  try {
    filter.replaceConfig({ ...CONFIG, instances: [{ ...first!, tun: 0 }] });
  } catch {
    pass(FROM_RED_1, tcp(RED_1, RED_2, 80), 'instance', 2);
    return;
  }
  throw new Error('the configuration was taken');
});

test('flow ends when it is idle, by its kind', () => {
  const cases: [sent: Uint8Array, answer: Uint8Array, idleMs: number][] = [
    [SENT, ANSWER, TCP_TRANSIENT_IDLE_MS],
    [udp(HOST_A, HOST_B, 9), udp(HOST_B, HOST_A, FLOW_PORT, 9), UDP_IDLE_MS],
    [echo(HOST_A, HOST_B, 3), echoReply(HOST_B, HOST_A, 3), ECHO_IDLE_MS],
  ];
  for (const [sent, answer, idleMs] of cases) {
    const late = judgeOf();
    late.pass(P6N0, sent, 'other-host', PEER);
    late.wait(idleMs);
    late.drop(FROM_B, answer, 'door-closed');
    const alive = judgeOf();
    alive.pass(P6N0, sent, 'other-host', PEER);
    for (let i = 0; i < 3; i++) {
      alive.wait(idleMs - 1);
      alive.pass(FROM_B, answer, 'door-flow', 0);
      alive.wait(idleMs - 1);
      alive.pass(P6N0, sent, 'other-host', PEER);
    }
  }
});

test('open TCP connection may be silent for long, a closing one not', () => {
  const data = tcp(HOST_B, HOST_A, FLOW_PORT, ACK, 6600);
  const { pass, drop, wait } = judgeOf();
  pass(P6N0, SENT, 'other-host', PEER);
  pass(FROM_B, ANSWER, 'door-flow', 0);
  wait(TCP_OPEN_IDLE_MS - 1);
  pass(FROM_B, data, 'door-flow', 0);
  pass(P6N0, tcp(HOST_A, HOST_B, 6600, ACK), 'other-host', PEER);
  wait(TCP_OPEN_IDLE_MS - 1);
  pass(FROM_B, data, 'door-flow', 0);
  wait(TCP_OPEN_IDLE_MS);
  drop(FROM_B, data, 'door-closed');
  for (const end of [FIN, RST]) {
    pass(P6N0, SENT, 'other-host', PEER);
    pass(FROM_B, ANSWER, 'door-flow', 0);
    pass(P6N0, tcp(HOST_A, HOST_B, 6600, end), 'other-host', PEER);
    wait(TCP_TRANSIENT_IDLE_MS - 1);
    pass(FROM_B, data, 'door-flow', 0);
    wait(TCP_TRANSIENT_IDLE_MS);
    drop(FROM_B, data, 'door-closed');
    pass(P6N0, SENT, 'other-host', PEER);
    pass(FROM_B, ANSWER, 'door-flow', 0);
    pass(FROM_B, tcp(HOST_B, HOST_A, FLOW_PORT, end, 6600), 'door-flow', 0);
    wait(TCP_TRANSIENT_IDLE_MS);
    drop(FROM_B, data, 'door-closed');
  }
});

test('error passes when it is about a flow of this host', () => {
  const { pass, drop } = judgeOf();
  const cases = [tcp(RED_AT_A, RED_B, 80), udp(RED_AT_A, RED_B, 9), echo(RED_AT_A, RED_B, 4)];
  for (const sent of cases) {
    drop(FROM_B, icmpError(RED_B, RED_AT_A, sent), 'door-unrelated-error');
    pass(P6N0, sent, 'other-host', PEER);
    for (const type of [1, 2, 3, 4]) {
      pass(FROM_B, icmpError(RED_B, RED_AT_A, sent, type), 'door-related-error', 0);
      pass(FROM_B, icmpError(RED_AT_B, RED_AT_A, sent, type), 'door-related-error', 0);
    }
  }
});

test('error comes from the destination of what it quotes, or from its host', () => {
  const { pass, drop } = judgeOf();
  const sent = tcp(RED_AT_A, RED_B, 80);
  pass(P6N0, sent, 'other-host', PEER);
  drop(FROM_RED_1, icmpError(RED_1, RED_AT_A, sent), 'door-unrelated-error');
  drop(FROM_B, icmpError('fdaa:a:1:1:2:1111:9:2', RED_AT_A, sent), 'door-unrelated-error');
  const near = tcp(RED_AT_A, RED_1, 80);
  pass(P6N0, near, 'instance', 1);
  drop(FROM_B, icmpError(RED_AT_B, RED_AT_A, near), 'door-unrelated-error');
  pass(FROM_RED_1, icmpError(RED_1, RED_AT_A, near), 'door-related-error', 0);
  drop(FROM_RED_1, icmpError(RED_1, RED_NAMES, near), 'door-unrelated-error');
});

test('error quotes what its receiver sent, whole enough to know', () => {
  const { pass, drop } = judgeOf();
  const sent = tcp(RED_AT_A, RED_B, 80);
  pass(P6N0, sent, 'other-host', PEER);
  pass(P6N0, tcp(HOST_A, HOST_B, 80), 'other-host', PEER);
  pass(P6N0, echo(RED_AT_A, RED_B, 6), 'other-host', PEER);
  for (const quoted of [
    icmp(RED_AT_A, RED_B, 132, 6),
    tcp(RED_AT_A, RED_B, 81),
    tcp(RED_AT_A, RED_B, 80, SYN, FLOW_PORT + 1),
    udp(RED_AT_A, RED_B, 80),
    tcp(RED_1, RED_B, 80),
    tcp(HOST_A, HOST_B, 80),
    patched(sent, 0, 0x45),
    patched(sent, 6, 132),
    sent.slice(0, 47),
    sent.slice(0, 0),
    extended(sent, IpProtocol.DestinationOptions),
  ]) {
    drop(FROM_B, icmpError(RED_B, RED_AT_A, quoted), 'door-unrelated-error');
  }
  pass(FROM_B, icmpError(RED_B, RED_AT_A, sent.slice(0, 48)), 'door-related-error', 0);
});

test('error passes when it is about an answer of this host', () => {
  const { pass, drop } = judgeOf();
  const names = udp(NAMES, RED_1, 9, 53);
  pass(FROM_RED_1, icmpError(RED_1, NAMES, names), 'door-related-error', 0);
  pass(
    FROM_RED_1,
    icmpError(RED_1, RED_NAMES, tcp(RED_NAMES, RED_1, 9, ACK, 53), 2),
    'door-related-error',
    0,
  );
  drop(FROM_RED_1, icmpError(RED_1, NAMES, udp(NAMES, RED_1, 9, 54)), 'door-unrelated-error');
  drop(FROM_RED_1, icmpError(RED_1, NAMES, udp(NAMES, RED_2, 9, 53)), 'door-unrelated-error');
  pass(FROM_RED_1, icmpError(RED_1, RED_AT_A, echoReply(RED_AT_A, RED_1)), 'door-related-error', 0);
  const served = tcp(HOST_A, HOST_B, 9, ACK, 6600);
  pass(FROM_B, icmpError(HOST_B, HOST_A, served, 2), 'door-related-error', 0);
  const at = tcp(RED_AT_A, RED_B, 9, ACK, 6600);
  drop(FROM_B, icmpError(RED_B, RED_AT_A, at), 'door-unrelated-error');
  const byUdp = udp(HOST_A, HOST_B, 9, 6600);
  drop(FROM_B, icmpError(HOST_B, HOST_A, byUdp), 'door-unrelated-error');
  const other = tcp(HOST_A, HOST_B, 9, ACK, 6601);
  drop(FROM_B, icmpError(HOST_B, HOST_A, other), 'door-unrelated-error');
  const agent = judgeOf({ ...CONFIG, server: false });
  agent.drop(FROM_B, icmpError(HOST_B, HOST_A, served), 'door-unrelated-error');
});

test('errors do not keep a flow alive', () => {
  const { pass, drop, wait } = judgeOf();
  const sent = udp(RED_AT_A, RED_B, 9);
  pass(P6N0, sent, 'other-host', PEER);
  wait(UDP_IDLE_MS - 1);
  pass(FROM_B, icmpError(RED_B, RED_AT_A, sent), 'door-related-error', 0);
  wait(1);
  drop(FROM_B, icmpError(RED_B, RED_AT_A, sent), 'door-unrelated-error');
});

test('host may talk to its invites, and they answer at enrolment only', () => {
  const { pass } = judgeOf({ ...CONFIG, networks: [{ id: RED, regionScoped: false }] });
  pass(P6N0, udp(HOST_A, INVITE, 9), 'wireguard-peer', PEER);
});

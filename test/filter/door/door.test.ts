// What the host itself takes on `p6n0`, and that everything else is refused.

import { test } from 'node:test';
import { IpProtocol } from '../../../src/ip/protocol.ts';
import {
  ACK,
  cut,
  echo,
  echoReply,
  extended,
  fragment,
  icmp,
  packet,
  SYN_ACK,
  tcp,
  udp,
} from '../packets.ts';
import {
  CONFIG,
  FROM_B,
  FROM_INVITE,
  FROM_LAPTOP,
  FROM_RED_1,
  HOST_A,
  HOST_B,
  INVITE,
  judgeOf,
  NAMES,
  P6N0,
  RED_1,
  RED_2,
  RED_AT_A,
  RED_AT_B,
  RED_B,
  RED_C,
  RED_LAPTOP,
  RED_LAPTOP_B,
  RED_NAMES,
} from '../site.ts';

const { pass, drop } = judgeOf();
const PROHIBITED = 'administratively-prohibited';

test('echo requests pass to every address of the host', () => {
  pass(FROM_RED_1, echo(RED_1, RED_AT_A), 'door-echo', 0);
  pass(FROM_RED_1, echo(RED_1, NAMES), 'door-echo', 0);
  pass(FROM_RED_1, echo(RED_1, RED_NAMES), 'door-echo', 0);
  pass(FROM_LAPTOP, echo(RED_LAPTOP, RED_NAMES), 'door-echo', 0);
  pass(FROM_B, echo(RED_B, RED_AT_A), 'door-echo', 0);
  pass(FROM_B, echo(HOST_B, HOST_A), 'door-echo', 0);
});

test('names are asked at port 53 of the ::3 addresses by this host’s members', () => {
  for (const ask of [udp, tcp]) {
    pass(FROM_RED_1, ask(RED_1, NAMES, 53), 'door-names', 0);
    pass(FROM_RED_1, ask(RED_1, RED_NAMES, 53), 'door-names', 0);
    pass(FROM_LAPTOP, ask(RED_LAPTOP, RED_NAMES, 53), 'door-names', 0);
    drop(FROM_B, ask(RED_B, RED_NAMES, 53), 'nameserver-elsewhere');
    drop(FROM_B, ask(RED_LAPTOP_B, RED_NAMES, 53), 'nameserver-elsewhere');
    drop(FROM_B, ask(HOST_B, NAMES, 53), 'nameserver-elsewhere');
    drop(FROM_RED_1, ask(RED_1, RED_AT_A, 53), 'door-closed', PROHIBITED);
    drop(FROM_RED_1, ask(RED_1, NAMES, 54), 'door-closed', PROHIBITED);
    drop(FROM_RED_1, ask(RED_1, RED_NAMES, 853), 'door-closed', PROHIBITED);
  }
});

test('server port is for hosts, on the host address, over TCP, of a server', () => {
  pass(FROM_B, tcp(HOST_B, HOST_A, 6600), 'door-server', 0);
  pass(FROM_B, tcp(HOST_B, HOST_A, 6600, ACK), 'door-server', 0);
  drop(FROM_B, udp(HOST_B, HOST_A, 6600), 'door-closed');
  drop(FROM_B, tcp(RED_B, RED_AT_A, 6600), 'door-closed');
  drop(FROM_B, tcp(RED_AT_B, RED_AT_A, 6600), 'door-closed');
  drop(FROM_RED_1, tcp(RED_1, RED_AT_A, 6600), 'door-closed', PROHIBITED);
  drop(FROM_RED_1, tcp(RED_1, NAMES, 6600), 'door-closed', PROHIBITED);
  drop(FROM_INVITE, tcp(INVITE, HOST_A, 6600), 'invite-limited', PROHIBITED);
  const agent = judgeOf({ ...CONFIG, server: false });
  agent.drop(FROM_B, tcp(HOST_B, HOST_A, 6600), 'door-closed');
});

test('enrolment port is for invites and all that they have', () => {
  pass(FROM_INVITE, tcp(INVITE, HOST_A, 6601), 'door-enrolment', 0);
  pass(FROM_INVITE, tcp(INVITE, HOST_A, 6601, ACK), 'door-enrolment', 0);
  for (const other of [
    udp(INVITE, HOST_A, 6601),
    tcp(INVITE, HOST_A, 22),
    echo(INVITE, HOST_A),
    tcp(INVITE, NAMES, 6601),
    udp(INVITE, NAMES, 53),
    tcp(INVITE, HOST_B, 6601),
    tcp(INVITE, INVITE, 6601),
    cut(tcp(INVITE, HOST_A, 6601), 59),
    extended(tcp(INVITE, HOST_A, 6601), IpProtocol.DestinationOptions),
    fragment(tcp(INVITE, HOST_A, 6601), 0, false),
  ]) {
    drop(FROM_INVITE, other, 'invite-limited', PROHIBITED);
  }
  drop(FROM_INVITE, tcp(INVITE, RED_1, 6601), 'infrastructure-network', PROHIBITED);
  drop(FROM_B, tcp(HOST_B, HOST_A, 6601), 'door-closed');
  const agent = judgeOf({ ...CONFIG, server: false });
  agent.drop(FROM_INVITE, tcp(INVITE, HOST_A, 6601), 'invite-limited', PROHIBITED);
});

test('daemon that is bound to :: on the host is not reachable', () => {
  for (const port of [1, 22, 80, 111, 443, 2379, 5432, 6379, 8080, 51_820, 65_535]) {
    for (const send of [tcp, udp]) {
      drop(FROM_RED_1, send(RED_1, RED_AT_A, port), 'door-closed', PROHIBITED);
      drop(FROM_RED_1, send(RED_1, NAMES, port), 'door-closed', PROHIBITED);
      drop(FROM_LAPTOP, send(RED_LAPTOP, RED_AT_A, port), 'door-closed', PROHIBITED);
      drop(FROM_B, send(RED_B, RED_AT_A, port), 'door-closed');
      drop(FROM_B, send(HOST_B, HOST_A, port), 'door-closed');
    }
  }
});

test('other protocols do not pass to the host', () => {
  for (const protocol of [4, 41, 47, IpProtocol.EncapsulatingSecurity, 89, 132, 255]) {
    drop(FROM_RED_1, packet(RED_1, RED_AT_A, protocol), 'door-protocol', PROHIBITED);
    drop(FROM_B, packet(HOST_B, HOST_A, protocol), 'door-protocol');
  }
});

test('fragments do not pass to the host, not even whole ones', () => {
  drop(FROM_RED_1, fragment(udp(RED_1, NAMES, 53), 0, true), 'door-fragment');
  drop(FROM_RED_1, fragment(udp(RED_1, NAMES, 53), 0, false), 'door-fragment');
  drop(FROM_RED_1, fragment(udp(RED_1, NAMES, 53), 1480, false), 'door-fragment');
  drop(FROM_B, fragment(echo(HOST_B, HOST_A), 0, false), 'door-fragment');
});

test('extension headers do not pass to the host', () => {
  const question = extended(udp(RED_1, NAMES, 53), IpProtocol.DestinationOptions);
  drop(FROM_RED_1, question, 'door-extension-header', PROHIBITED);
  const request = extended(tcp(HOST_B, HOST_A, 6600), IpProtocol.Authentication);
  drop(FROM_B, request, 'door-extension-header');
});

test('packets shorter than their transport header do not pass to the host', () => {
  drop(FROM_RED_1, cut(udp(RED_1, NAMES, 53), 47), 'door-truncated');
  drop(FROM_RED_1, cut(tcp(RED_1, NAMES, 53), 59), 'door-truncated');
  drop(FROM_RED_1, cut(echo(RED_1, NAMES), 47), 'door-truncated');
  drop(FROM_RED_1, cut(echo(RED_1, NAMES), 40), 'door-truncated');
  pass(FROM_RED_1, cut(udp(RED_1, NAMES, 53), 48), 'door-names', 0);
});

test('other ICMPv6 does not pass to the host', () => {
  for (const type of [130, 131, 132, 138, 139, 160, 5, 127, 0]) {
    drop(FROM_RED_1, icmp(RED_1, RED_AT_A, type), 'door-icmpv6-type', PROHIBITED);
  }
});

test('name server’s addresses send answers only', () => {
  pass(P6N0, udp(NAMES, RED_1, 40_000, 53), 'nameserver-answer', 1);
  pass(P6N0, tcp(NAMES, RED_1, 40_000, SYN_ACK, 53), 'nameserver-answer', 1);
  pass(P6N0, echoReply(NAMES, RED_1), 'nameserver-answer', 1);
  pass(P6N0, icmp(NAMES, RED_1, 1), 'nameserver-answer', 1);
  pass(P6N0, cut(udp(NAMES, RED_1, 40_000, 53), 48), 'nameserver-answer', 1);
  pass(P6N0, cut(echoReply(NAMES, RED_1), 41), 'nameserver-answer', 1);
  for (const other of [
    udp(NAMES, RED_1, 53),
    tcp(NAMES, RED_1, 53, SYN_ACK),
    tcp(NAMES, RED_1, 40_000, 0x02, 53),
    echo(NAMES, RED_1),
    packet(NAMES, RED_1, 132),
    cut(udp(NAMES, RED_1, 40_000, 53), 47),
    cut(tcp(NAMES, RED_1, 40_000, SYN_ACK, 53), 59),
    cut(echoReply(NAMES, RED_1), 40),
    fragment(udp(NAMES, RED_1, 40_000, 53), 0, false),
    extended(udp(NAMES, RED_1, 40_000, 53), IpProtocol.DestinationOptions),
    udp(RED_NAMES, RED_1, 53),
  ]) {
    drop(P6N0, other, 'nameserver-answers-only', PROHIBITED);
  }
});

test('the API is asked at TCP port 4280 of the ::3 address of a network, by members', () => {
  pass(FROM_RED_1, tcp(RED_1, RED_NAMES, 4280), 'door-api', 0);
  pass(FROM_LAPTOP, tcp(RED_LAPTOP, RED_NAMES, 4280), 'door-api', 0);
  pass(P6N0, tcp(RED_NAMES, RED_1, 40_000, SYN_ACK, 4280), 'nameserver-answer', 1);
  pass(P6N0, tcp(RED_NAMES, RED_LAPTOP, 40_000, SYN_ACK, 4280), 'nameserver-answer', 'gateway');
  drop(FROM_RED_1, tcp(RED_1, NAMES, 4280), 'door-closed', PROHIBITED);
  drop(FROM_RED_1, udp(RED_1, RED_NAMES, 4280), 'door-closed', PROHIBITED);
  drop(FROM_RED_1, tcp(RED_1, RED_NAMES, 4281), 'door-closed', PROHIBITED);
  drop(FROM_RED_1, tcp(RED_1, RED_AT_A, 4280), 'door-closed', PROHIBITED);
  drop(FROM_B, tcp(RED_B, RED_NAMES, 4280), 'nameserver-elsewhere');
  for (const other of [
    tcp(RED_NAMES, RED_1, 40_000, 0x02, 4280),
    udp(RED_NAMES, RED_1, 40_000, 4280),
    tcp(NAMES, RED_1, 40_000, SYN_ACK, 4280),
    tcp(RED_NAMES, RED_B, 40_000, SYN_ACK, 4280),
  ]) {
    drop(P6N0, other, 'nameserver-answers-only', PROHIBITED);
  }
});

test('name server’s addresses send to members of this host only', () => {
  pass(P6N0, udp(RED_NAMES, RED_2, 40_000, 53), 'nameserver-answer', 2);
  pass(P6N0, udp(RED_NAMES, RED_LAPTOP, 40_000, 53), 'nameserver-answer', 'gateway');
  for (const [from, to] of [
    [NAMES, RED_LAPTOP],
    [NAMES, RED_B],
    [NAMES, HOST_B],
    [NAMES, INVITE],
    [NAMES, RED_AT_A],
    [RED_NAMES, RED_B],
    [RED_NAMES, RED_C],
    [RED_NAMES, RED_LAPTOP_B],
    [RED_NAMES, RED_AT_B],
  ] as const) {
    drop(P6N0, udp(from, to, 40_000, 53), 'nameserver-answers-only', PROHIBITED);
  }
});

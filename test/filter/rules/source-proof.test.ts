// What each kind of interface proves about a source.

import { test } from 'node:test';
import { echo, tcp, udp } from '../packets.ts';
import {
  A,
  B,
  BLUE_1,
  CONFIG,
  FROM_B,
  FROM_LAPTOP,
  FROM_RED_1,
  fromHost,
  fromTun,
  fromWireguardPeer,
  GREY_AT_A,
  GREY_NAMES,
  HOST_A,
  HOST_B,
  INVITE,
  INVITE_B,
  judgeOf,
  NAMES,
  P6N0,
  PEER,
  RED,
  RED_1,
  RED_2,
  RED_3,
  RED_AT_A,
  RED_AT_B,
  RED_B,
  RED_LAPTOP,
  RED_LAPTOP_B,
  RED_NAMES,
  RED_PHONE,
  X,
} from '../site.ts';

const { pass, drop } = judgeOf();

test('instance TUN proves the /112 of its instance', () => {
  pass(FROM_RED_1, tcp(RED_1, RED_2, 80), 'instance', 2);
  pass(FROM_RED_1, tcp('fdaa:a:1:1:1:1111:1:ffff', RED_2, 80), 'instance', 2);
  for (const source of [RED_2, RED_3, BLUE_1, RED_B, RED_LAPTOP, RED_AT_A, HOST_A, NAMES]) {
    drop(FROM_RED_1, tcp(source, RED_2, 80), 'source-not-instance');
  }
  drop(FROM_RED_1, tcp('2001:db8::1', RED_2, 80), 'source-not-instance');
});

test('TUN of no running instance proves nothing', () => {
  drop(fromTun(9), tcp(RED_1, RED_2, 80), 'unknown-tun');
  drop(fromTun(-1), tcp(HOST_A, RED_2, 80), 'unknown-tun');
});

test('p6n0 proves the addresses of this host', () => {
  pass(P6N0, tcp(HOST_A, HOST_B, 6600), 'other-host', PEER);
  pass(P6N0, tcp(RED_AT_A, RED_1, 80), 'instance', 1);
  for (const source of [RED_1, RED_AT_B, HOST_B, RED_LAPTOP, INVITE, RED_B, '2001:db8::1']) {
    drop(P6N0, tcp(source, RED_1, 80), 'source-not-this-host');
  }
  drop(P6N0, tcp('fdaa:a:1:1:1:0:0:2', RED_1, 80), 'source-not-this-host');
});

test('p6n0 has an address in configured networks only', () => {
  drop(P6N0, tcp(GREY_AT_A, RED_1, 80), 'source-not-this-host');
  drop(P6N0, udp(GREY_NAMES, RED_1, 9, 53), 'source-not-this-host');
  pass(P6N0, udp(RED_NAMES, RED_1, 9, 53), 'nameserver-answer', 1);
});

test('p6n0 proves extra addresses, exactly', () => {
  const joining = judgeOf({ ...CONFIG, extraHostAddresses: [INVITE_B as never] });
  joining.pass(P6N0, tcp(INVITE_B, HOST_B, 6601), 'other-host', PEER);
  joining.drop(P6N0, tcp('fdaa::1:2:0:a:6', HOST_B, 6601), 'source-not-this-host');
  drop(P6N0, tcp(INVITE_B, HOST_B, 6601), 'source-not-this-host');
});

test('host peer proves its host id', () => {
  for (const source of [RED_B, RED_LAPTOP_B, RED_AT_B]) {
    pass(FROM_B, tcp(source, RED_1, 80), 'instance', 1);
  }
  pass(FROM_B, echo(HOST_B, HOST_A), 'door-echo', 0);
  for (const source of [RED_1, HOST_A, RED_LAPTOP, NAMES, RED_NAMES, 'fdaa:a:1:0:1::5']) {
    drop(FROM_B, tcp(source, RED_1, 80), 'source-not-peer-host');
  }
  drop(FROM_B, tcp('fdaa:a:1:1:3:1111:1:2', RED_1, 80), 'source-not-peer-host');
  drop(FROM_B, tcp('2001:db8::1', RED_1, 80), 'source-not-peer-host');
});

test('host peer does not prove addresses that stand for nothing', () => {
  drop(FROM_B, echo('fdaa::1:2:1111:1:2', HOST_A), 'source-outside-plan');
  drop(FROM_B, echo('fdaa:a:1:1:2::9', RED_1), 'source-outside-plan');
  drop(FROM_B, echo('fdaa:a:1:1:2:0:a:0', RED_1), 'source-outside-plan');
  drop(FROM_B, echo('fdaa:0:5:1:2:1111:1:2', RED_1), 'source-outside-plan');
});

test('host peer that the filter does not know proves nothing', () => {
  drop(fromHost(X), tcp('fdaa:a:1:1:9:1111:1:2', RED_1, 80), 'unknown-host-peer');
  drop(fromHost(A), tcp(RED_2, RED_1, 80), 'unknown-host-peer');
  drop(fromHost(0), tcp('fdaa:a:1::3', RED_1, 80), 'unknown-host-peer');
});

test('an invite of another host does not come through the tunnel to that host', () => {
  drop(FROM_B, tcp(INVITE_B, HOST_A, 6601), 'invite-limited');
});

test('WireGuard peer proves exactly its address', () => {
  pass(FROM_LAPTOP, tcp(RED_LAPTOP, RED_1, 80), 'instance', 1);
  for (const source of [RED_PHONE, RED_LAPTOP_B, RED_1, RED_AT_A, INVITE, HOST_A, RED_NAMES]) {
    drop(FROM_LAPTOP, tcp(source, RED_1, 80), 'source-not-wireguard-peer');
  }
  drop(FROM_LAPTOP, tcp('fdaa:b:1:1:1:0:a:7', RED_1, 80), 'source-not-wireguard-peer');
  drop(FROM_LAPTOP, tcp('192:168::1', RED_1, 80), 'source-not-wireguard-peer');
});

test('WireGuard peer that is not configured proves nothing', () => {
  drop(fromWireguardPeer(RED, 6), tcp('fdaa:a:1:1:1:0:a:6', RED_1, 80), 'unknown-wireguard-peer');
  drop(fromWireguardPeer(B, 7), tcp(RED_LAPTOP, RED_1, 80), 'unknown-wireguard-peer');
});

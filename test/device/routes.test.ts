// Which peer a destination belongs to, and whether a source is its peer's: both kinds of routes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { HostRoutes } from '../../src/device/host-routes.ts';
import { innerPacketLength, NO_PACKET } from '../../src/device/inner-packet.ts';
import { NO_PEER, type PeerIndex } from '../../src/device/routes.ts';
import { TrieRoutes } from '../../src/device/trie-routes.ts';
import { parseIpv4 } from '../../src/ip/ipv4-address.ts';
import { parseIpv6 } from '../../src/ip/ipv6-address.ts';
import { parsePrefix } from '../../src/ip/prefix.ts';

/** Of which each takes some hundred bytes while it is there. */
const PREFIXES = 20_000;
const HOST_ID_MIN = 0x10000;
const OFFSET = 3;
const [FOUR, SEVEN, NINE] = [4, 7, 9] as [PeerIndex, PeerIndex, PeerIndex];

test('HostRoutes finds the peer of a host by the host field, in every network', () => {
  const routes = hostRoutes();
  routes.setHost(HOST_ID_MIN, 'current', FOUR);
  routes.setHost(HOST_ID_MIN + 70_000, 'current', SEVEN);
  assert.equal(to(routes, 'fdaa:0:0:1:0::1'), FOUR);
  assert.equal(to(routes, 'fdaa:9:9:1:0:5:5:2'), FOUR);
  assert.equal(to(routes, 'fdaa:0:0:2:1170::1'), SEVEN);
  assert.equal(to(routes, 'fdaa:0:0:1:1::1'), NO_PEER);
  assert.equal(to(routes, 'fdaa:0:0:ffff:ffff::1'), NO_PEER);
  assert.equal(to(routes, 'fdab:0:0:1:0::1'), NO_PEER, 'another prefix');
  assert.equal(to(routes, 'fdaa::3'), NO_PEER);
  assert.equal(to(routes, '10.0.0.1'), NO_PEER);
});

test('HostRoutes takes a source only of the host field of its peer', () => {
  const routes = hostRoutes();
  routes.setHost(HOST_ID_MIN, 'current', FOUR);
  routes.setHost(HOST_ID_MIN + 1, 'current', SEVEN);
  assert.ok(from(routes, FOUR, 'fdaa:9:9:1:0:5:5:2'));
  assert.ok(!from(routes, FOUR, 'fdaa:9:9:1:1:5:5:2'));
  assert.ok(!from(routes, FOUR, 'fdab:9:9:1:0:5:5:2'));
  assert.ok(!from(routes, FOUR, '10.0.0.1'));
  assert.ok(!from(routes, NINE, 'fdaa:9:9:1:0:5:5:2'));
  assert.ok(!from(routes, NO_PEER, 'fdaa:0:0:1:5::1'), 'no peer is nobody');
});

test('HostRoutes sends to the key that was proved last and receives from both', () => {
  const routes = hostRoutes();
  routes.setHost(HOST_ID_MIN, 'current', FOUR);
  routes.setHost(HOST_ID_MIN, 'next', SEVEN);
  assert.equal(to(routes, 'fdaa:0:0:1:0::1'), FOUR);
  assert.ok(from(routes, FOUR, 'fdaa:0:0:1:0::1'));
  assert.ok(from(routes, SEVEN, 'fdaa:0:0:1:0::1'));
  routes.handshakeCompleted(SEVEN);
  assert.equal(to(routes, 'fdaa:0:0:1:0::1'), SEVEN);
  routes.handshakeCompleted(FOUR);
  assert.equal(to(routes, 'fdaa:0:0:1:0::1'), FOUR);
  routes.handshakeCompleted(NINE);
  assert.equal(to(routes, 'fdaa:0:0:1:0::1'), FOUR);
});

test('HostRoutes moves a key from next to current without losing the way', () => {
  const routes = hostRoutes();
  routes.setHost(HOST_ID_MIN, 'current', FOUR);
  routes.setHost(HOST_ID_MIN, 'next', SEVEN);
  routes.handshakeCompleted(SEVEN);
  routes.setHost(HOST_ID_MIN, 'current', SEVEN);
  routes.removeHost(HOST_ID_MIN, 'next');
  assert.equal(to(routes, 'fdaa:0:0:1:0::1'), SEVEN);
  assert.ok(from(routes, SEVEN, 'fdaa:0:0:1:0::1'));
  assert.ok(!from(routes, FOUR, 'fdaa:0:0:1:0::1'));
  routes.handshakeCompleted(SEVEN);
  assert.equal(to(routes, 'fdaa:0:0:1:0::1'), SEVEN);
});

test('HostRoutes falls back to the other key when the used one is withdrawn', () => {
  const routes = hostRoutes();
  routes.setHost(HOST_ID_MIN, 'current', FOUR);
  routes.setHost(HOST_ID_MIN, 'next', SEVEN);
  routes.handshakeCompleted(SEVEN);
  routes.removeHost(HOST_ID_MIN, 'next');
  assert.equal(to(routes, 'fdaa:0:0:1:0::1'), FOUR);
  routes.removeHost(HOST_ID_MIN, 'current');
  assert.equal(to(routes, 'fdaa:0:0:1:0::1'), NO_PEER);
});

test('HostRoutes routes single addresses to peers behind this host', () => {
  const routes = hostRoutes();
  const laptop = parseIpv6('fdaa:9:9:1:5:0:a:1')!;
  routes.setAddress(laptop, NINE);
  assert.equal(to(routes, 'fdaa:9:9:1:5:0:a:1'), NINE);
  assert.equal(to(routes, 'fdaa:9:9:1:5:0:a:2'), NO_PEER);
  assert.ok(from(routes, NINE, 'fdaa:9:9:1:5:0:a:1'));
  assert.ok(!from(routes, NINE, 'fdaa:9:9:1:5:0:a:2'));
  routes.removeAddress(laptop);
  assert.equal(to(routes, 'fdaa:9:9:1:5:0:a:1'), NO_PEER);
});

test('TrieRoutes checks a source by the same longest match as a destination', () => {
  const routes = new TrieRoutes();
  routes.insert(parsePrefix('10.0.0.0/8')!, FOUR);
  routes.insert(parsePrefix('10.1.0.0/16')!, SEVEN);
  routes.insert(parsePrefix('fd00::/8')!, FOUR);
  assert.equal(to(routes, '10.2.0.1'), FOUR);
  assert.equal(to(routes, '10.1.0.1'), SEVEN);
  assert.equal(to(routes, 'fd12::1'), FOUR);
  assert.equal(to(routes, '11.0.0.1'), NO_PEER);
  assert.ok(!from(routes, FOUR, '10.1.0.1'), 'a part of its prefix is somebody else');
  assert.ok(from(routes, SEVEN, '10.1.0.1'));
});

test('TrieRoutes moves a prefix to its new peer and removes it for its owner only', () => {
  const routes = new TrieRoutes();
  routes.insert(parsePrefix('10.0.0.0/8')!, FOUR);
  routes.insert(parsePrefix('10.0.0.0/8')!, SEVEN);
  routes.remove(parsePrefix('10.0.0.0/8')!, FOUR);
  assert.equal(to(routes, '10.0.0.1'), SEVEN);
  routes.insert(parsePrefix('::/0')!, SEVEN);
  assert.deepEqual(routes.prefixesOf(SEVEN), ['10.0.0.0/8', '::/0']);
  routes.removePeer(SEVEN);
  assert.equal(to(routes, '10.0.0.1'), NO_PEER);
  assert.deepEqual(routes.prefixesOf(SEVEN), []);
});

test('allowed IPs that were withdrawn take no memory, however many came and went', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const routes = new TrieRoutes();
  const comeAndGo = (round: number): void => {
    for (let n = 0; n < PREFIXES; n++) {
      const bytes = Uint8Array.of(10, round, n >> 8, n & 0xff);
      routes.insert({ bytes, bits: 32 }, n % 2 === 0 ? FOUR : SEVEN);
      if (n % 2 !== 0) routes.remove({ bytes, bits: 32 }, SEVEN);
    }
    routes.removePeer(FOUR);
  };
  comeAndGo(0);
  const before = used();
  for (let round = 1; round <= 5; round++) comeAndGo(round);
  const grown = used() - before;
  assert.ok(grown < PREFIXES * 16, `${grown} bytes more after ${5 * PREFIXES} prefixes`);
});

for (const [name, header, room, length] of [
  ['an IPv6 packet with padding', [0x60, 0, 0, 0, 0, 4], 64, 44],
  ['an IPv6 packet without payload', [0x60, 0, 0, 0, 0, 0], 40, 40],
  ['an IPv6 packet that claims more than is there', [0x60, 0, 0, 0, 0, 25], 64, NO_PACKET],
  ['an IPv6 payload length near 2^16', [0x60, 0, 0, 0, 0xff, 0xff], 64, NO_PACKET],
  ['a cut IPv6 header', [0x60, 0, 0, 0, 0, 0], 39, NO_PACKET],
  ['an IPv4 packet with padding', [0x45, 0, 0, 30], 32, 30],
  ['an IPv4 packet that claims less than a header', [0x45, 0, 0, 19], 32, NO_PACKET],
  ['an IPv4 packet that claims more than is there', [0x45, 0, 0, 33], 32, NO_PACKET],
  ['a cut IPv4 header', [0x45, 0, 0, 20], 19, NO_PACKET],
  ['neither version', [0x50, 0, 0, 20], 64, NO_PACKET],
] as const) {
  test(`innerPacketLength() says ${length} of ${name}`, () => {
    const bytes = new Uint8Array(OFFSET + 200);
    bytes.set(header, OFFSET);
    assert.equal(innerPacketLength(bytes, OFFSET, room), length);
  });
}

function hostRoutes(): HostRoutes {
  return new HostRoutes({
    prefix: Uint8Array.of(0xfd, 0xaa),
    offset: 6,
    idMin: HOST_ID_MIN,
    hostsMax: 2 ** 20,
  });
}

function to(routes: HostRoutes | TrieRoutes, address: string): PeerIndex {
  return routes.peerForDestination(packet(address, 16, 24), OFFSET);
}

function from(routes: HostRoutes | TrieRoutes, peer: PeerIndex, address: string): boolean {
  return routes.sourceBelongsTo(peer, packet(address, 12, 8), OFFSET);
}

/** A packet that has `address` where its version has the field. */
function packet(address: string, ipv4Offset: number, ipv6Offset: number): Uint8Array {
  const bytes = new Uint8Array(OFFSET + 40);
  const ipv4 = parseIpv4(address);
  bytes[OFFSET] = ipv4 === undefined ? 0x60 : 0x45;
  bytes.set(ipv4 ?? parseIpv6(address)!, OFFSET + (ipv4 === undefined ? ipv6Offset : ipv4Offset));
  return bytes;
}

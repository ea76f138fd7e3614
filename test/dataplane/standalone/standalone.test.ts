// A stand-alone interface over TUN and UDP in memory: what wg(8) asks for, up and down, and the
// answers to packets that nobody can take.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllZero } from '../../../src/base/bytes.ts';
import type { WallMillis } from '../../../src/base/clock.ts';
import { P6nError } from '../../../src/base/errors.ts';
import type { PeerChange } from '../../../src/dataplane/standalone/config.ts';
import { ANSWER_BURST, ANSWERS_PER_SECOND } from '../../../src/dataplane/standalone/open-policy.ts';
import { parsePrefix } from '../../../src/ip/prefix.ts';
import type { PrivateKey, SymmetricKey } from '../../../src/wireguard/crypto/crypto.ts';
import {
  deliver,
  join,
  keyOf,
  PLACE_OF_OTHER,
  PORT,
  StandaloneNode,
  secret,
  TAKEN_PORT,
} from '../../fakes/standalone-node.ts';
import { packet } from '../../filter/packets.ts';

const INITIATION = 1;

test('StandaloneEngine opens sockets while it is up, and keeps the port that it was given', () => {
  const one = new StandaloneNode();
  one.change({ listenPort: 0, mark: 7 });
  assert.equal(one.openSockets, 0);
  assert.equal(one.engine.state().listenPort, 0);
  one.engine.up();
  const port = one.engine.state().listenPort;
  assert.ok(port > 0);
  assert.equal(one.udp?.mark, 7);
  one.engine.down();
  assert.equal(one.openSockets, 0);
  assert.equal(one.engine.state().listenPort, port);
  one.engine.up();
  assert.equal(one.engine.state().listenPort, port);
});

test('StandaloneEngine keeps its port when another one is taken', () => {
  const one = new StandaloneNode();
  one.change({ listenPort: PORT });
  one.engine.up();
  assert.throws(() => one.change({ listenPort: TAKEN_PORT }), isError('PORT_TAKEN'));
  assert.equal(one.engine.state().listenPort, PORT);
  assert.equal(one.openSockets, 1);
  one.change({ listenPort: PORT + 1, mark: 9 });
  assert.equal(one.engine.state().listenPort, PORT + 1);
  assert.equal(one.udp?.mark, 9);
  assert.equal(one.openSockets, 1);
});

test('StandaloneEngine tells what it was told', () => {
  const one = new StandaloneNode();
  const presharedKey = secret(9) as SymmetricKey;
  one.change({ privateKey: secret(1) as PrivateKey, listenPort: PORT, mark: 3 });
  one.setPeer(2, { presharedKey, persistentKeepalive: 25, endpoint: PLACE_OF_OTHER });
  one.setPeer(2, { allowedIps: allow('10.0.0.0/8', 'fd00::/8') });
  assert.deepEqual(one.engine.state(), {
    privateKey: secret(1),
    listenPort: PORT,
    mark: 3,
    peers: [
      {
        publicKey: keyOf(2),
        presharedKey,
        endpoint: PLACE_OF_OTHER,
        lastHandshakeAt: undefined,
        sentBytes: 0,
        receivedBytes: 0,
        persistentKeepalive: 25,
        allowedIps: ['10.0.0.0/8', 'fd00::/8'],
      },
    ],
  });
  one.setPeer(2, { presharedKey: secret(0) as SymmetricKey, persistentKeepalive: 0 });
  const [peer] = one.engine.state().peers;
  assert.equal(peer?.presharedKey, undefined);
  assert.equal(peer?.persistentKeepalive, 0);
  one.change({ privateKey: secret(0) as PrivateKey });
  assert.equal(one.engine.state().privateKey, undefined);
});

test('StandaloneEngine moves, removes and replaces allowed IPs', () => {
  const one = new StandaloneNode();
  one.setPeer(2, { allowedIps: allow('10.0.0.0/8', '10.1.0.0/16') });
  one.setPeer(3, { allowedIps: allow('10.1.0.0/16', 'fd00::/8') });
  assert.deepEqual(one.allowedIps(), [['10.0.0.0/8'], ['10.1.0.0/16', 'fd00::/8']]);
  one.setPeer(2, { allowedIps: forbid('fd00::/8', '10.0.0.0/8') });
  assert.deepEqual(one.allowedIps(), [[], ['10.1.0.0/16', 'fd00::/8']], 'only its own is taken');
  one.setPeer(3, { replaceAllowedIps: true, allowedIps: allow('10.2.0.0/16') });
  assert.deepEqual(one.allowedIps(), [[], ['10.2.0.0/16']]);
  one.setPeer(3, { remove: true });
  one.setPeer(2, { allowedIps: allow('10.2.0.0/16') });
  assert.deepEqual(one.allowedIps(), [['10.2.0.0/16']]);
});

test('StandaloneEngine adds no peer for an update, nor one with its own key', () => {
  const one = new StandaloneNode();
  one.change({ privateKey: secret(1) as PrivateKey });
  one.setPeer(2, { updateOnly: true });
  one.setPeer(1, { allowedIps: allow('10.0.0.0/8') });
  assert.deepEqual(one.engine.state().peers, []);
  one.setPeer(2, {});
  one.setPeer(2, { updateOnly: true, persistentKeepalive: 5 });
  assert.equal(one.engine.state().peers[0]?.persistentKeepalive, 5);
  one.change({ privateKey: secret(2) as PrivateKey });
  assert.deepEqual(one.engine.state().peers, [], 'the key has become its own');
  one.setPeer(3, {});
  one.change({ replacePeers: true });
  assert.deepEqual(one.engine.state().peers, []);
});

test('StandaloneEngine zeroes a preshared key that no peer has, or has any more', () => {
  const one = new StandaloneNode();
  const keys = [3, 4, 5].map((n) => secret(n) as SymmetricKey);
  const [unused, first, second] = keys as [SymmetricKey, SymmetricKey, SymmetricKey];
  one.setPeer(2, { presharedKey: unused, updateOnly: true });
  one.setPeer(2, { presharedKey: first });
  assert.deepEqual(keys.map(isAllZero), [true, false, false]);
  one.setPeer(2, { presharedKey: second });
  assert.deepEqual(keys.map(isAllZero), [true, true, false]);
  one.setPeer(2, { remove: true });
  assert.ok(isAllZero(second));
});

test('StandaloneEngine sends nothing while it is down or has no key', () => {
  const one = new StandaloneNode();
  const peer = { endpoint: PLACE_OF_OTHER, persistentKeepalive: 5 };
  one.setPeer(2, peer);
  one.runTimers(60_000);
  assert.equal(one.sent.length, 0);
  one.engine.up();
  one.runTimers(60_000);
  assert.equal(one.sent.length, 0);
  one.change({ privateKey: secret(1) as PrivateKey });
  assert.deepEqual(one.sent, [INITIATION], 'the keepalive begins a handshake');
  one.engine.down();
  one.sent.length = 0;
  one.runTimers(60_000);
  assert.equal(one.sent.length, 0);
  one.engine.up();
  assert.deepEqual(one.sent, [INITIATION]);
});

test('StandaloneEngine begins anew after it was down, without a wait', () => {
  const one = new StandaloneNode();
  one.change({ privateKey: secret(1) as PrivateKey });
  one.setPeer(2, { endpoint: PLACE_OF_OTHER, allowedIps: allow('fd00::/8') });
  one.engine.up();
  one.send(packet('fd00::1', 'fd00::2', 59));
  one.engine.down();
  one.engine.up();
  one.send(packet('fd00::1', 'fd00::2', 59));
  assert.deepEqual(one.sent, [INITIATION, INITIATION]);
});

test('StandaloneEngine answers packets without a peer and without a place', () => {
  const one = new StandaloneNode();
  one.change({ privateKey: secret(1) as PrivateKey });
  one.setPeer(2, { allowedIps: allow('fd00::2/128', '10.0.0.2/32') });
  one.engine.up();
  for (const destination of ['fd00::2', 'fd00::3']) {
    const [error] = one.send(packet('fd00::1', destination, 59));
    assert.ok(error !== undefined, destination);
    assert.deepEqual([error[6], ...error.subarray(40, 42)], [58, 1, 3], 'address unreachable');
    assert.deepEqual(error.subarray(24, 40), packet('fd00::1', destination, 59).subarray(8, 24));
  }
  for (const last of [2, 3]) {
    const [error] = one.send(ipv4Packet(last));
    assert.ok(error !== undefined, `${last}`);
    assert.deepEqual([error[9], ...error.subarray(20, 22)], [1, 3, 1], 'host unreachable');
    assert.deepEqual([...error.subarray(12, 20)], [10, 0, 0, last, 10, 0, 0, 1]);
  }
});

test('StandaloneEngine answers packets that do not fit the way to their peer', () => {
  const [one, other] = [new StandaloneNode(), new StandaloneNode()];
  join(one, other);
  one.setPeer(2, { allowedIps: allow('10.0.0.0/8') });
  one.send(packet('fd00::1', 'fd00::2', 59));
  deliver(one, other);
  one.udp!.knownMtu = 1_400;
  const large = (bytes: Uint8Array, lengthOffset: number): Uint8Array => {
    const longer = new Uint8Array(1_400);
    longer.set(bytes);
    new DataView(longer.buffer).setUint16(lengthOffset, 1_400 - (lengthOffset === 4 ? 40 : 0));
    return longer;
  };
  const ipv6 = large(packet('fd00::1', 'fd00::2', 59), 4);
  const whole = large(ipv4Packet(2), 2);
  whole[6] = 0x40;
  const mayBeCut = large(ipv4Packet(2), 2);
  // The first one asks about the path.
  one.send(ipv6);
  one.runTimers(100);
  const [tooBig] = one.send(ipv6);
  assert.deepEqual(
    [...tooBig!.subarray(40, 48)].filter((_, i) => i < 2 || i > 3),
    [...[2, 0], ...[0, 0, 1_340 >> 8, 1_340 & 0xff]],
  );
  one.tun.waiting.push(ipv6, ipv6, ipv6);
  assert.equal(one.send(ipv6).length, 1, 'segments of one superpacket are answered once');
  const [needed] = one.send(whole);
  assert.deepEqual(
    [...needed!.subarray(20, 22), ...needed!.subarray(26, 28)],
    [...[3, 4], ...[1_340 >> 8, 1_340 & 0xff]],
  );
  assert.deepEqual(one.send(mayBeCut), []);
  assert.equal(one.counters()['device_drop_too_big'], 6);
});

test('StandaloneEngine limits its answers', () => {
  const one = new StandaloneNode();
  const ask = (): number => one.send(packet('fd00::1', 'fd00::2', 59)).length;
  let answers = 0;
  for (let n = 0; n < 2 * ANSWER_BURST; n++) answers += ask();
  assert.equal(answers, ANSWER_BURST);
  one.now += 1_000 / ANSWERS_PER_SECOND;
  assert.deepEqual([ask(), ask()], [1, 0]);
});

test('StandaloneEngine is known again after a restart with a clock that was set back', () => {
  const other = new StandaloneNode();
  const deliveredBy = (one: StandaloneNode): number => {
    const before = other.tun.delivered.length;
    join(one, other);
    one.send(packet('fd00::1', 'fd00::2', 59));
    deliver(one, other);
    return other.tun.delivered.length - before;
  };
  assert.equal(deliveredBy(new StandaloneNode(2e12)), 1);
  other.now += 1_000;
  assert.equal(deliveredBy(new StandaloneNode(0)), 0, 'by its clock it is older');
  assert.equal(other.counters()['device_drop_initiation_replayed'], 1);
  assert.equal(deliveredBy(new StandaloneNode(0, () => 3e12 as WallMillis)), 1);
});

test('StandaloneEngine carries packets of any length that the interface lets through', () => {
  const [one, other] = [new StandaloneNode(), new StandaloneNode()];
  join(one, other);
  one.engine.setMtu(65_440);
  for (const length of [40, 1420, 9000, 65_400]) {
    const big = packet('fd00::1', 'fd00::2', 59, new Uint8Array(length));
    one.send(big);
    deliver(one, other);
    assert.deepEqual(other.tun.delivered.at(-1), big, `${length}`);
  }
});

function allow(...prefixes: readonly string[]): PeerChange['allowedIps'] {
  return prefixes.map((text) => ({ prefix: parsePrefix(text)!, remove: false }));
}

function forbid(...prefixes: readonly string[]): PeerChange['allowedIps'] {
  return prefixes.map((text) => ({ prefix: parsePrefix(text)!, remove: true }));
}

function ipv4Packet(last: number): Uint8Array {
  const bytes = new Uint8Array(28);
  bytes.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, last]);
  return bytes;
}

function isError(code: string): (error: unknown) => boolean {
  return (error) => error instanceof P6nError && error.code === code;
}

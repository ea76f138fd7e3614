// The texts of wg(8): what each line means, what is refused, and that nothing throws.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllZero, toHex } from '../../src/base/bytes.ts';
import type { InterfaceChange, InterfaceState } from '../../src/dataplane/standalone/config.ts';
import { formatPrefix } from '../../src/ip/prefix.ts';
import { Conversation, LINE_BYTES_MAX, type Operation } from '../../src/uapi/conversation.ts';
import { formatInterface } from '../../src/uapi/get-text.ts';
import { asciiText, SetParser } from '../../src/uapi/set-parser.ts';

const KEY = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);

test('Conversation reads a get', () => {
  assert.deepEqual(talk('get=1\n\n'), [{ kind: 'get' }]);
});

test('Conversation reads every key of the interface', () => {
  const change = set(`private_key=${KEY}`, 'listen_port=51820', 'fwmark=16', 'replace_peers=true');
  assert.equal(toHex(change.privateKey ?? new Uint8Array()), KEY);
  assert.equal(change.listenPort, 51_820);
  assert.equal(change.mark, 16);
  assert.ok(change.replacePeers);
  assert.deepEqual(change.peers, []);
});

test('Conversation reads every key of a peer', () => {
  const [peer] = set(
    `public_key=${KEY}`,
    'update_only=true',
    `preshared_key=${OTHER}`,
    'endpoint=[2001:db8::1]:80',
    'persistent_keepalive_interval=25',
    'replace_allowed_ips=true',
    'allowed_ip=10.1.2.3/8',
    'allowed_ip=-fd00::/8',
    'protocol_version=1',
  ).peers;
  assert.ok(peer !== undefined);
  assert.ok(peer.updateOnly && !peer.remove && peer.replaceAllowedIps);
  assert.equal(toHex(peer.presharedKey ?? new Uint8Array()), OTHER);
  assert.deepEqual(peer.endpoint, { address: '2001:db8::1', port: 80 });
  assert.equal(peer.persistentKeepalive, 25);
  assert.deepEqual(
    peer.allowedIps.map(({ prefix, remove }) => [formatPrefix(prefix), remove]),
    [
      ['10.0.0.0/8', false],
      ['fd00::/8', true],
    ],
  );
});

test('Conversation lets what is not named be', () => {
  assert.deepEqual(set(), { replacePeers: false, peers: [] });
  const [peer] = set(`public_key=${KEY}`).peers;
  assert.deepEqual(Object.keys(peer ?? {}).sort(), [
    'allowedIps',
    'publicKey',
    'remove',
    'replaceAllowedIps',
    'updateOnly',
  ]);
});

test('Conversation forgets the prefixes before a replacement in the same peer', () => {
  const [peer] = set(
    `public_key=${KEY}`,
    'allowed_ip=10.0.0.0/8',
    'replace_allowed_ips=true',
  ).peers;
  assert.deepEqual(peer?.allowedIps, []);
});

test('Conversation keeps the order of peers, also of one that comes twice', () => {
  const { peers } = set(
    `public_key=${KEY}`,
    'remove=true',
    `public_key=${OTHER}`,
    `public_key=${KEY}`,
  );
  assert.deepEqual(
    peers.map(({ publicKey, remove }) => [toHex(publicKey), remove]),
    [
      [KEY, true],
      [OTHER, false],
      [KEY, false],
    ],
  );
});

test('Conversation resolves the zone of an endpoint', () => {
  const endpoint = (zone: string) =>
    set(`public_key=${KEY}`, `endpoint=[fe80::1%${zone}]:1`).peers[0];
  assert.equal(endpoint('eth0')?.endpoint?.address, 'fe80::1%7');
  assert.equal(endpoint('3')?.endpoint?.address, 'fe80::1%3');
  assert.deepEqual(talk(`set=1\npublic_key=${KEY}\nendpoint=[fe80::1%nil]:1\n\n`), [
    { kind: 'invalid' },
  ]);
});

test('Conversation refuses a wrong line and goes on behind the operation', () => {
  for (const line of [
    'listen_port=65536',
    'listen_port=-1',
    'listen_port=1x',
    'listen_port=',
    'fwmark=4294967296',
    'private_key=ab',
    `private_key=${'g'.repeat(64)}`,
    'replace_peers=false',
    'unknown=1',
    'no equals sign',
    '=1',
    'allowed_ip=10.0.0.0/8',
    'public_key=ab',
    `public_key=${KEY}\nallowed_ip=10.0.0.0/33`,
    `public_key=${KEY}\nallowed_ip=10.0.0.0`,
    `public_key=${KEY}\nallowed_ip=--10.0.0.0/8`,
    `public_key=${KEY}\nendpoint=10.0.0.1`,
    `public_key=${KEY}\nendpoint=10.0.0.1:0`,
    `public_key=${KEY}\nprotocol_version=2`,
    `public_key=${KEY}\nremove=yes`,
    `public_key=${KEY}\npersistent_keepalive_interval=65536`,
    `public_key=${KEY}\nlisten_port=1`,
  ]) {
    const operations = talk(`set=1\n${line}\n\nget=1\n\n`);
    assert.deepEqual(operations, [{ kind: 'invalid' }, { kind: 'get' }], line);
  }
});

test('Conversation takes several operations in pieces of any size', () => {
  const text = `set=1\nlisten_port=5\n\nget=1\n\n\nset=1\npublic_key=${KEY}\n\n`;
  for (const size of [1, 2, 3, 7, 1000]) {
    const conversation = new Conversation(resolveZone);
    const operations: Operation[] = [];
    for (let at = 0; at < text.length; at += size) {
      operations.push(...conversation.take(latin1(text.slice(at, at + size))));
    }
    assert.deepEqual(
      operations.map(({ kind }) => kind),
      ['set', 'get', 'set'],
    );
  }
});

test('Conversation leaves no key behind in what it took', () => {
  const text = `set=1\nprivate_key=${KEY}\npublic_key=${KEY}\npreshared_key=${OTHER}\n\n`;
  for (const size of [10, 64, text.length]) {
    const conversation = new Conversation(resolveZone);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < text.length; at += size) pieces.push(latin1(text.slice(at, at + size)));
    const [operation] = pieces.flatMap((piece) => conversation.take(piece));
    assert.equal(operation?.kind, 'set');
    assert.ok(pieces.every((piece) => isAllZero(piece)));
  }
});

test('Conversation zeroes the keys of what is wrong, or never complete', (t) => {
  const wiped = t.mock.method(SetParser.prototype, 'wipe').mock;
  const begin = `set=1\nprivate_key=${KEY}\n`;
  talk(`${begin}listen_port=x\n\n`);
  assert.equal(wiped.callCount(), 1, 'a wrong line');
  talk(`${begin}${'x'.repeat(LINE_BYTES_MAX + 1)}\n`);
  assert.equal(wiped.callCount(), 2, 'a line without end');
  const conversation = new Conversation(resolveZone);
  conversation.take(latin1(begin));
  conversation.close();
  assert.equal(wiped.callCount(), 3, 'the end of the connection');
});

test('SetParser.wipe() zeroes every secret key, also one that was named twice', () => {
  const parser = new SetParser(resolveZone);
  const keys: Uint8Array[] = [];
  const takeKey = (name: string): void => {
    parser.takeLine(latin1(`${name}=${KEY}`));
    const { privateKey, peers } = parser.finish() ?? {};
    const key = peers?.at(-1)?.presharedKey ?? privateKey;
    if (key !== undefined) keys.push(key);
  };
  for (const name of ['private_key', 'private_key']) takeKey(name);
  parser.takeLine(latin1(`public_key=${OTHER}`));
  for (const name of ['preshared_key', 'preshared_key']) takeKey(name);
  assert.equal(new Set(keys).size, 4);
  assert.deepEqual(keys.map(isAllZero), [true, false, true, false]);
  parser.wipe();
  assert.ok(keys.every(isAllZero));
});

test('SetParser.wipe() takes any number of peers', () => {
  const parser = new SetParser(resolveZone);
  for (let count = 0; count < 200_000; count++) parser.takeLine(latin1(`public_key=${KEY}`));
  assert.doesNotThrow(() => parser.wipe());
});

test('Conversation ends with what is not the protocol, and says nothing after', () => {
  for (const text of ['hello\n', 'get=2\n\n', 'x'.repeat(LINE_BYTES_MAX + 1)]) {
    const conversation = new Conversation(resolveZone);
    assert.deepEqual(conversation.take(latin1(text)), [{ kind: 'end' }]);
    assert.deepEqual(conversation.take(latin1('get=1\n\n')), []);
  }
  assert.deepEqual(talk(`set=1\nprivate_key=${'a'.repeat(LINE_BYTES_MAX)}\n\n`), [{ kind: 'end' }]);
});

test('formatInterface() tells all of it, in the words of the protocol', () => {
  const state: InterfaceState = {
    privateKey: key(1) as never,
    listenPort: 51_820,
    mark: 0,
    peers: [
      {
        publicKey: key(2) as never,
        presharedKey: undefined,
        endpoint: { address: 'fe80::1%3', port: 9 },
        lastHandshakeAt: 1_700_000_000_250,
        sentBytes: 148,
        receivedBytes: 92,
        persistentKeepalive: 25,
        allowedIps: ['10.0.0.0/8', 'fd00::/8'],
      },
    ],
  };
  assert.equal(
    asciiText(formatInterface(state)),
    `private_key=${'01'.repeat(32)}
listen_port=51820
public_key=${'02'.repeat(32)}
preshared_key=${'00'.repeat(32)}
protocol_version=1
endpoint=[fe80::1%3]:9
last_handshake_time_sec=1700000000
last_handshake_time_nsec=250000000
tx_bytes=148
rx_bytes=92
persistent_keepalive_interval=25
allowed_ip=10.0.0.0/8
allowed_ip=fd00::/8
`,
  );
  const bare = formatInterface({ ...state, privateKey: undefined, listenPort: 0, peers: [] });
  assert.equal(bare.length, 0);
});

test('what formatInterface() writes of a peer is read back', () => {
  const state = { privateKey: key(3) as never, listenPort: 1, mark: 7, peers: [] };
  const text = asciiText(formatInterface(state));
  const change = set(...text.trim().split('\n'));
  assert.deepEqual([change.listenPort, change.mark, change.privateKey], [1, 7, key(3)]);
});

function talk(text: string): Operation[] {
  return new Conversation(resolveZone).take(latin1(text));
}

function set(...lines: readonly string[]): InterfaceChange {
  const [operation] = talk(`set=1\n${lines.map((line) => `${line}\n`).join('')}\n`);
  assert.ok(operation?.kind === 'set', JSON.stringify(operation));
  return operation.change;
}

function resolveZone(name: string): number | undefined {
  return name === 'eth0' ? 7 : undefined;
}

function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

function key(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte);
}

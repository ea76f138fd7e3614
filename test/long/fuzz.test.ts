// A million datagrams and texts that nobody means well with: no exception, no growth of memory,
// every datagram in exactly one counter, and the tunnel beside them goes on. P6N_FUZZ_COUNT sets
// another number, P6N_FUZZ_SEED replays a run.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ENDPOINT_BYTES } from '../../src/base/packet-batch.ts';
import { randomInteger, randomUint32 } from '../../src/base/random.ts';
import { moveInbound } from '../../src/dataplane/path/inbound.ts';
import { DEVICE_COUNTERS, RECEIVE_COUNTERS } from '../../src/device/counters.ts';
import { innerPacketLength } from '../../src/device/inner-packet.ts';
import { parseEndpoint } from '../../src/device/peers/endpoint.ts';
import { markCongestion } from '../../src/ip/ecn.ts';
import { parseHostPort } from '../../src/ip/host-port.ts';
import { mayAnswerWithIpv4Error } from '../../src/ip/icmpv4.ts';
import { parsePrefix } from '../../src/ip/prefix.ts';
import { UdpCounter } from '../../src/os/udp.ts';
import { Conversation } from '../../src/uapi/conversation.ts';
import { CookieGenerator } from '../../src/wireguard/cookies.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { deliver, join, keyOf, StandaloneNode } from '../fakes/standalone-node.ts';
import { packet } from '../filter/packets.ts';

const COUNT = Number(process.env['P6N_FUZZ_COUNT'] ?? 1_000_000);
const SEED = Number(process.env['P6N_FUZZ_SEED'] ?? randomInt(2 ** 31));
const GROWTH_BYTES_MAX = 32 * 2 ** 20;
/** What is checked and measured again and again. */
const ROUND = 50_000;
const SHAPES = [
  [1, 148],
  [2, 92],
  [3, 64],
  [4, 32],
  [4, 96],
] as const;
const WORDS = [
  'get=1',
  'set=1',
  '',
  'private_key=',
  'listen_port=',
  'fwmark=',
  'replace_peers=true',
  'public_key=',
  'preshared_key=',
  'endpoint=[fe80::1%eth0]:',
  'endpoint=10.0.0.1:',
  'persistent_keepalive_interval=',
  'allowed_ip=',
  'allowed_ip=-',
  'remove=true',
  'update_only=true',
  'protocol_version=1',
];

test(`a device takes ${COUNT} datagrams of all kinds (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const [one, other] = [new StandaloneNode(), new StandaloneNode()];
  join(one, other);
  const seen = recordMessages(one, other);
  const growth = new Growth();
  const before = one.parts();
  before.device.fill(0);
  before.udp.fill(0);
  let given = 0;
  for (let n = 0; n < COUNT; n++) {
    one.now += randomInteger(random, 0, 40);
    other.arriving.length = 0;
    const endpoint = randomBytes(random, ENDPOINT_BYTES);
    // Four or six, in native order: other families never come out of a socket.
    endpoint.set([randomInteger(random, 0, 1) === 0 ? 4 : 6, 0]);
    const bytes = datagram(random, seen);
    one.udp?.waiting.push({ bytes, endpoint, trafficClass: randomInteger(random, 0, 255) });
    moveInbound(one.engine.pipeline, 0, one.now as never);
    one.engine.tick(one.now as never);
    given += 1;
    one.tun.delivered.length = 0;
    if (n % ROUND === 0) growth.measure();
  }
  const { device, udp } = one.parts();
  const counted = RECEIVE_COUNTERS.map((counter) => device[counter]!).reduce(
    (sum, n) => sum + n,
    0,
  );
  assert.equal(counted + (udp[UdpCounter.DropTooLong] ?? 0), given);
  assert.equal(device.length, DEVICE_COUNTERS);
  growth.check();
  other.now = one.now += 400_000;
  one.engine.tick(one.now as never);
  one.send(packet('fd00::1', 'fd00::2', 59));
  deliver(one, other);
  assert.ok(other.tun.delivered.length > 0, 'the peers still find each other');
});

test(`parsers take ${COUNT} texts and packets (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED ^ 1);
  const growth = new Growth();
  let conversation = new Conversation(() => 3);
  for (let n = 0; n < COUNT; n++) {
    const text = uapiText(random);
    if (conversation.take(Buffer.from(text, 'latin1')).some(({ kind }) => kind === 'end')) {
      conversation = new Conversation(() => 3);
    }
    const value = text.slice(text.indexOf('=') + 1).trim();
    parsePrefix(value);
    parseHostPort(value);
    parseEndpoint({ address: value, port: randomInteger(random, -1, 70_000) });
    const bytes = randomBytes(random, randomInteger(random, 20, 120));
    const length = innerPacketLength(bytes, 0, bytes.length);
    assert.ok(length <= bytes.length);
    mayAnswerWithIpv4Error(bytes, 0, bytes.length);
    markCongestion(bytes, 0);
    if (n % ROUND === 0) growth.measure();
  }
  growth.check();
});

test('an interface takes random changes and stays what wg(8) can read', () => {
  const random = new SeededRandom(SEED ^ 2);
  const one = new StandaloneNode();
  one.engine.up();
  for (let n = 0; n < COUNT / 100; n++) {
    const conversation = new Conversation(() => 3);
    const text = Buffer.from(`set=1\n${uapiText(random, true)}\n\n`, 'latin1');
    for (const operation of conversation.take(text)) {
      if (operation.kind !== 'set') continue;
      const { listenPort: _port, ...change } = operation.change;
      one.engine.apply(change);
    }
    one.now += 50;
    one.engine.tick(one.now as never);
    const { peers } = one.engine.state();
    const prefixes = peers.flatMap(({ allowedIps }) => allowedIps);
    assert.equal(new Set(prefixes).size, prefixes.length, 'a prefix has one owner');
  }
});

/** Messages of a living tunnel, for changes. */
function recordMessages(one: StandaloneNode, other: StandaloneNode): Uint8Array[] {
  const seen: Uint8Array[] = [];
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.onSend = (bytes, endpoint) => {
      if (seen.length < 4_096) seen.push(bytes);
      to.arriving.push({ bytes, endpoint });
    };
  }
  for (let n = 0; n < 200; n++) {
    one.send(packet('fd00::1', 'fd00::2', 59, new Uint8Array(n)));
    deliver(one, other);
    other.send(packet('fd00::2', 'fd00::1', 59, new Uint8Array(n)));
    deliver(one, other);
  }
  other.onSend = () => undefined;
  one.onSend = () => undefined;
  assert.ok(seen.length > 400);
  return seen;
}

function datagram(random: SeededRandom, seen: readonly Uint8Array[]): Uint8Array {
  const kind = randomInteger(random, 0, 99);
  if (kind < 30) return randomBytes(random, randomInteger(random, 0, 300));
  if (kind < 60) {
    const [type, length] = SHAPES[randomInteger(random, 0, SHAPES.length - 1)]!;
    const bytes = randomBytes(random, length);
    bytes.set([type, 0, 0, 0]);
    // Now and then with a true mac1, so that what is behind it is reached.
    if (type <= 2 && randomInteger(random, 0, 9) === 0) MACS.addMacs(bytes, 0 as never);
    return bytes;
  }
  const bytes = Uint8Array.from(seen[randomInteger(random, 0, seen.length - 1)]!);
  const flips = randomInteger(random, 0, 3);
  for (let n = 0; n < flips; n++) {
    bytes[randomInteger(random, 0, bytes.length - 1)]! ^= 1 << randomInteger(random, 0, 7);
  }
  return bytes.subarray(
    0,
    randomInteger(random, 0, 9) === 0 ? randomInteger(random, 0, 99) : bytes.length,
  );
}

/** Signs for the device under test, which has key 1. */
const MACS = new CookieGenerator(NOBLE_CRYPTO, keyOf(1));

function uapiText(random: SeededRandom, isValid = false): string {
  const lines: string[] = [];
  for (let n = randomInteger(random, 1, 6); n > 0; n--) {
    const word = WORDS[randomInteger(random, isValid ? 3 : 0, WORDS.length - 1)]!;
    lines.push(word.endsWith('=') || /[-:]$/.test(word) ? word + uapiValue(random, word) : word);
  }
  const text = lines.join('\n');
  return isValid ? text : `${text}${randomInteger(random, 0, 1) === 0 ? '\n' : '\n\n'}`;
}

function uapiValue(random: SeededRandom, word: string): string {
  if (word.endsWith('_key=')) return randomInteger(random, 0, 7).toString(16).repeat(64);
  if (word.startsWith('allowed')) {
    const bits = randomInteger(random, 0, 33);
    return `10.${randomInteger(random, 0, 3)}.${randomInteger(random, 0, 256)}.0/${bits}`;
  }
  if (randomInteger(random, 0, 3) > 0) return String(randomInteger(random, 0, 66_000));
  const bytes = randomBytes(random, randomInteger(random, 0, 40));
  return Buffer.from(bytes).toString('latin1').replaceAll('\n', '');
}

function randomBytes(random: SeededRandom, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at + 4 <= length; at += 4) {
    new DataView(bytes.buffer).setUint32(at, randomUint32(random));
  }
  return bytes;
}

/** Whether memory grows: the least that is used after a collection, early and late. */
class Growth {
  readonly #collect: () => void;
  readonly #used: number[] = [];

  constructor() {
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc') as () => void;
  }

  measure(): void {
    this.#collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    this.#used.push(heapUsed + arrayBuffers);
  }

  check(): void {
    this.measure();
    const half = Math.ceil(this.#used.length / 2);
    const early = Math.max(...this.#used.slice(0, half));
    const late = Math.min(...this.#used.slice(half));
    assert.ok(late - early < GROWTH_BYTES_MAX, `${late - early} bytes more`);
  }
}

// Every form of a name, what a name is not, and how a reply is made: read back by dns2, which
// shares no line with what makes the replies.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, makeAnswerer } from '../../src/dns/answer.ts';
import { RecordEncoder } from '../../src/dns/codec.ts';
import type { TextList } from '../../src/dns/content.ts';
import { makeDnsCounters } from '../../src/dns/metrics.ts';
import { Rcode, RecordType, TEXT_BYTES_MAX } from '../../src/dns/protocol.ts';
import type { NetworkZone } from '../../src/dns/zone.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import {
  ask,
  askAndRead,
  HOST_A,
  HOST_B,
  HOST_C,
  makeInstance,
  makeQuestion,
  makeTestAnswerer,
  makeZone,
  RED_ZONE,
  readReply,
  SELF,
} from './dns-messages.ts';

const { AAAA, AXFR, OPT, SOA, SRV, TXT } = RecordType;
const A3 = 'fdaa:1:1111:1:1:1:a3:2';
test('answer() gives the SOA record of our own zones', () => {
  for (const name of ['internal', 'a.a.d.f.ip6.arpa']) {
    const reply = askAndRead(RED_ZONE, name, { type: SOA });
    assert.deepEqual(
      reply.answers.map((one) => [one.name, one.type, one.primary, one.minimum]),
      [[name, SOA, name, 5]],
    );
  }
});

test('answer() says "try again" while nothing is known of the network', () => {
  for (const name of ['web.internal', 'internal', '1.a.a.d.f.ip6.arpa']) {
    assert.equal(askAndRead(undefined, name).header.rcode, Rcode.ServerFailure);
  }
});

test('answer() forwards names of others, and these alone', () => {
  for (const name of ['example.com', 'internal.example', 'xinternal', 'f.ip6.arpa', '']) {
    assert.equal(ask(RED_ZONE, name).type, 'forward', name);
    assert.equal(ask(undefined, name).type, 'forward', name);
  }
  for (const name of [
    'internal',
    'x.internal',
    'x.y.z.internal',
    '0.a.a.d.f.ip6.arpa',
    'fly-local-6pn',
  ]) {
    for (const zone of [RED_ZONE, undefined]) assert.equal(ask(zone, name).type, 'reply', name);
  }
});

test('answer() refuses to forward for who desires no recursion', () => {
  assert.equal(askAndRead(RED_ZONE, 'example.com', { flags: 0 }).header.rcode, Rcode.Refused);
  assert.equal(askAndRead(RED_ZONE, 'web.internal', { flags: 0 }).header.rcode, Rcode.NoError);
});

test('answer() refuses transfers of any name', () => {
  for (const type of [0, OPT, 249, 250, 251, AXFR, 253, 254]) {
    for (const name of ['internal', 'web.internal', 'example.com']) {
      assert.equal(askAndRead(RED_ZONE, name, { type }).header.rcode, Rcode.Refused);
    }
  }
});

test('answer() copies id, spelling, RD and CD', () => {
  const options = { id: 0xbeef, flags: 0x0110 };
  const { header, questions, answers } = askAndRead(RED_ZONE, 'NrT.wEb.InTernal', options);
  assert.deepEqual([header.id, header.qr, header.rd, header.ra], [0xbeef, 1, 1, 1]);
  assert.equal((header as unknown as { cd: number }).cd, 1);
  assert.equal(questions[0]?.name, 'NrT.wEb.InTernal');
  assert.equal(answers[0]?.name, 'NrT.wEb.InTernal');
});

test('answer() has an OPT record exactly for a client that has one', () => {
  for (const name of ['web.internal', 'no.internal']) {
    assert.equal(askAndRead(RED_ZONE, name).additionals.length, 0);
    const { additionals } = askAndRead(RED_ZONE, name, { edns: { dnssecOk: true } });
    assert.deepEqual(
      additionals.map((one) => [one.type, one.class, one.version, one.doFlag]),
      [[OPT, 1232, 0, true]],
    );
  }
});

test('answer() tells a client of EDNS 1 that it speaks EDNS 0', () => {
  const reply = askAndRead(RED_ZONE, 'web.internal', { edns: { version: 1 } });
  assert.equal(reply.header.rcode, Rcode.BadVersion);
  assert.equal(reply.additionals[0]?.version, 0);
  assert.equal(reply.answers.length, 0);
});

test('answer() replies by a header alone to what is no question', () => {
  const result = ask(RED_ZONE, 'web.internal', { counts: [2, 0, 0, 0], id: 7 });
  assert.ok(result.type === 'reply');
  assert.deepEqual([...result.bytes], [0, 7, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test('answer() does not reply to a response', () => {
  assert.deepEqual(ask(RED_ZONE, 'web.internal', { flags: 0x8180 }), {
    type: 'drop',
    reason: 'response',
  });
});

test('answer() counts each question once', () => {
  const answerer = makeTestAnswerer();
  const names = ['web.internal', 'idle.internal', 'no.internal', 'example.com'];
  for (const name of names) ask(RED_ZONE, name, { answerer });
  ask(undefined, 'web.internal', { answerer });
  for (const flags of [0x8180, 5 << 11]) ask(RED_ZONE, 'web.internal', { answerer, flags });
  ask(RED_ZONE, 'web.internal', { answerer, class: 3 });
  ask(RED_ZONE, 'web.internal', { answerer, counts: [0, 0, 0, 0] });
  ask(RED_ZONE, 'web.internal', { answerer, edns: { version: 9 } });
  assert.deepEqual(answerer.counters, {
    answered: 1,
    empty: 1,
    absent: 1,
    forward: 1,
    unready: 1,
    refused: 1,
    formatError: 1,
    notImplemented: 1,
    badVersion: 1,
    droppedShort: 0,
    droppedResponse: 1,
    truncated: 0,
    textCut: 0,
  });
});

test('answer() draws an order for each question', () => {
  const answerer = makeTestAnswerer(7);
  const counts = new Map<string, number>();
  for (let i = 0; i < 600; i++) {
    const { answers } = askAndRead(RED_ZONE, 'web.internal', { answerer });
    const order = answers.map((one) => one.address?.slice(-4)).join(' ');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const [order, count] of counts) assert.ok(count > 50 && count < 150, `${order}: ${count}`);
});

test('answer() draws the first of many equally often', () => {
  const zone = makeZone({ web: Array.from({ length: 40 }, (_, n) => makeInstance(n + 1, 'ord')) });
  const answerer = makeTestAnswerer(11);
  const firsts = new Map<string | undefined, number>();
  for (let i = 0; i < 8000; i++) {
    const first = askAndRead(zone, 'web.internal', { answerer }).answers[0]?.address;
    firsts.set(first, (firsts.get(first) ?? 0) + 1);
  }
  assert.equal(firsts.size, 40);
  for (const [first, count] of firsts) assert.ok(count > 140 && count < 265, `${first}: ${count}`);
});

const MANY = makeZone({
  web: Array.from({ length: 3000 }, (_, index) => makeInstance(index + 1, `r${index}`)),
});

const SIZES: readonly (readonly [what: string, payload: number | undefined, bytesMax: number])[] = [
  ['no EDNS', undefined, 512],
  ['a payload size of 0', 0, 512],
  ['a payload size of 1000', 1000, 1000],
  ['a payload size of 4096', 4096, 1232],
];

for (const [what, payload, bytesMax] of SIZES) {
  test(`answer() keeps to ${bytesMax} bytes over UDP for a client with ${what}`, () => {
    const edns = payload === undefined ? {} : { edns: { payload } };
    const result = ask(MANY, 'web.internal', edns);
    assert.ok(result.type === 'reply');
    assert.ok(result.bytes.length <= bytesMax);
    assert.ok(result.bytes.length > bytesMax - 28, 'as many records as have room');
    const reply = readReply(result.bytes);
    assert.equal(reply.header.tc, 1);
    const drawn = new Set(reply.answers.map((one) => one.address));
    assert.equal(drawn.size, reply.answers.length);
    const text = ask(MANY, 'vms.web.internal', { ...edns, type: TXT });
    assert.ok(text.type === 'reply');
    assert.ok(text.bytes.length <= bytesMax);
    assert.equal(readReply(text.bytes).header.tc, 1);
  });
}

test('answer() gives over TCP what a message holds, and says when that is not all', () => {
  const reply = askAndRead(MANY, 'web.internal', { transport: 'tcp' });
  assert.equal(reply.answers.length, Math.floor((65535 - 30) / 28));
  assert.equal(reply.header.tc, 1);
  const some = makeZone({ web: MANY.apps.get('web')!.instances.slice(0, 2000) });
  const all = askAndRead(some, 'web.internal', { transport: 'tcp' });
  assert.deepEqual([all.answers.length, all.header.tc], [2000, 0]);
});

test('answer() splits a text over 255 bytes into strings that follow without a separator', () => {
  const some = makeZone({ web: MANY.apps.get('web')!.instances.slice(0, 500) });
  const reply = askAndRead(some, 'vms.web.internal', { type: TXT, transport: 'tcp' });
  const strings = textOf(reply);
  assert.equal(reply.answers.length, 1);
  assert.ok(strings.slice(0, -1).every((one) => one.length === 255));
  const entries = strings.join('').split(',');
  assert.equal(entries.length, 500);
  assert.equal(entries[499], '000000000001f4 r499');
});

test('answer() cuts a text that fits no message behind an entry, and says so', () => {
  const reply = askAndRead(MANY, 'vms.web.internal', { type: TXT, transport: 'tcp' });
  const hugeZone = makeZone({ web: [...MANY.apps.get('web')!.instances, ...more()] });
  assert.equal(reply.header.tc, 0);
  const cut = askAndRead(hugeZone, 'vms.web.internal', { type: TXT, transport: 'tcp' });
  assert.equal(cut.header.tc, 1);
  const entries = textOf(cut).join('').split(',');
  assert.ok(entries.length > 2500);
  for (const entry of entries) assert.match(entry, /^[0-9a-f]{14} r\d+$/);
});

test('answer() names the nearest first, and draws among those of one host', () => {
  const instances = Array.from({ length: 6 }, (_, index) =>
    makeInstance(index + 1, 'ord', 'app', { host: [HOST_C, HOST_B, HOST_A][index % 3]! }),
  );
  const zone = makeZone({ web: instances });
  const answerer = makeTestAnswerer(3);
  const firsts = new Set<string | undefined>();
  for (let i = 0; i < 50; i++) {
    const { answers } = askAndRead(zone, 'top4.nearest.of.web.internal', { answerer });
    const ends = answers.map((one) => Number(one.address?.split(':').at(-2)) % 3);
    assert.deepEqual(ends, [0, 0, 2, 2]);
    firsts.add(answers[0]?.address);
  }
  assert.equal(firsts.size, 2);
});

test('answer() finds metadata with bytes that are no letters of a name', () => {
  const name = ['A B', 'role', 'kv', '_metadata', 'web', 'internal'];
  const bytes = makeQuestion(name);
  const asking = { zone: RED_ZONE, transport: 'udp' as const };
  const result = answer(bytes, asking, makeTestAnswerer());
  assert.ok(result.type === 'reply');
  assert.deepEqual(
    readReply(result.bytes).answers.map((one) => one.address),
    [A3],
  );
});

test('answer() counts a text that is cut, and tells of it once', () => {
  const heard: number[] = [];
  const counters = makeDnsCounters();
  const answerer = makeAnswerer(new SeededRandom(1), counters, (bytes) => heard.push(bytes));
  const zone = makeZone({ web: [...MANY.apps.get('web')!.instances, ...more()] });
  for (let i = 0; i < 3; i++) {
    const options = { type: TXT, transport: 'tcp' as const, answerer };
    const result = ask(zone, 'vms.web.internal', options);
    assert.ok(result.type === 'reply');
    assert.ok(result.bytes.length > 65_535 - 512, `${result.bytes.length} bytes`);
  }
  assert.equal(counters.textCut, 3);
  assert.equal(heard.length, 1);
});

test('answer() holds the longest text in a message with the longest name', () => {
  const entry = (length: number): TextList => ({ separator: ',', entries: ['x'.repeat(length)] });
  const encoder = new RecordEncoder();
  const { tail, complete } = encoder.text(entry(TEXT_BYTES_MAX));
  assert.equal(complete, true);
  assert.ok(12 + 255 + 4 + 2 + tail.length + 11 <= 65_535);
  assert.equal(encoder.text(entry(TEXT_BYTES_MAX + 1)).complete, false);
});

test('answer() adds the addresses of services, as many as have room', () => {
  const additions = (zone: NetworkZone, options: Parameters<typeof ask>[2]): string[] => {
    const reply = askAndRead(zone, '_http._tcp.web.internal', { type: SRV, ...options });
    const addresses = reply.additionals.filter((one) => one.type === AAAA);
    const owners = addresses.map((one) => `${one.name} ${one.ttl} ${one.address}`);
    assert.deepEqual(
      addresses.map((one) => one.name),
      reply.answers.slice(0, addresses.length).map((one) => one.target),
    );
    return owners.sort();
  };
  const [first, second] = ['a1', 'a2'].map(
    (end) => `000000000000${end}.vm.web.internal 5 fdaa:1:1111:1:1:1:${end}:2`,
  );
  assert.deepEqual(additions(RED_ZONE, {}), [first, second]);
  assert.deepEqual(additions(RED_ZONE, { edns: {}, transport: 'tcp' }), [first, second]);
  const services = [{ name: 'http', port: 80, protocol: 'tcp' as const }];
  const make = (count: number): NetworkZone =>
    makeZone({
      web: Array.from({ length: count }, (_, n) => makeInstance(n + 1, 'ord', 'app', { services })),
    });
  // 8 records of 50 bytes behind a question of 41 leave room for two of 28, and that is all right.
  const result = ask(make(8), '_http._tcp.web.internal', { type: SRV });
  assert.ok(result.type === 'reply' && result.bytes.length <= 512);
  const { header, answers, additionals } = readReply(result.bytes);
  assert.deepEqual([header.tc, answers.length, additionals.length], [0, 8, 2]);
  // A pointer reaches 16 KiB: what stands behind is left out.
  const many = askAndRead(make(1000), '_http._tcp.web.internal', { type: SRV, transport: 'tcp' });
  assert.equal(many.answers.length, 1000);
  assert.ok(many.additionals.length > 300 && many.additionals.length < 350);
});

test('answer() has no own address for who has none', () => {
  const reply = askAndRead(RED_ZONE, 'self.internal', { self: undefined });
  assert.deepEqual([reply.header.rcode, reply.answers.length], [Rcode.NoError, 0]);
});

test('answer() knows the asker while nothing is known of his network', () => {
  assert.equal(askAndRead(undefined, 'self.internal').answers[0]?.address, SELF);
});

function more(): ReturnType<typeof makeInstance>[] {
  return Array.from({ length: 1000 }, (_, index) => makeInstance(index + 5000, `r${index}`));
}

function textOf(reply: ReturnType<typeof askAndRead>): string[] {
  return reply.answers[0]!.data as string[];
}

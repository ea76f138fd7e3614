// Every form of a name, what a name is not, and how a reply is made: read back by dns2, which
// shares no line with what makes the replies.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkId } from '../../src/addressing/ids.ts';
import { Rcode, RecordType } from '../../src/dns/protocol.ts';
import type { NetworkZone } from '../../src/dns/zone.ts';
import {
  ask,
  askAndRead,
  BLUE_ZONE,
  makeInstance,
  makeTestAnswerer,
  makeZone,
  RED,
  RED_ZONE,
  readReply,
  ZONE,
} from './dns-messages.ts';

const { A, AAAA, AXFR, ANY, OPT, PTR, SOA, SRV, TXT } = RecordType;
const A1 = 'fdaa:1:1111:1:1:1:a1:2';
const A2 = 'fdaa:1:1111:1:1:1:a2:2';
const A3 = 'fdaa:1:1111:1:1:1:a3:2';

const PRESENT: readonly (readonly [name: string, type: number, answers: readonly string[]])[] = [
  ['web.internal', AAAA, [A1, A2, A3]],
  ['WEB.Internal', AAAA, [A1, A2, A3]],
  ['global.web.internal', AAAA, [A1, A2, A3]],
  ['ord.web.internal', AAAA, [A1, A2]],
  ['nrt.web.internal', AAAA, [A3]],
  ['000000000000a2.vm.web.internal', AAAA, [A2]],
  ['000000000000A3.VM.web.internal', AAAA, [A3]],
  ['worker.process.web.internal', AAAA, [A2]],
  ['app.process.web.internal', AAAA, [A1, A3]],
  ['regions.web.internal', TXT, ['nrt,ord']],
  ['_apps.internal', TXT, ['idle,web']],
  ['vms.web.internal', TXT, ['000000000000a1 ord,000000000000a2 ord,000000000000a3 nrt']],
  ['web.internal', ANY, [A1, A2, A3]],
];

for (const [name, type, expected] of PRESENT) {
  test(`answer() knows type ${type} of ${name}`, () => {
    const reply = askAndRead(RED_ZONE, name, { type });
    const found = reply.answers.map((one) => one.address ?? [one.data].flat().join(''));
    assert.deepEqual(found.sort(), expected);
    assert.equal(reply.header.rcode, Rcode.NoError);
    assert.equal(reply.header.aa, 1);
    assert.ok(reply.answers.every((one) => one.ttl === 5 && one.class === 1));
    assert.ok(reply.answers.every((one) => one.name.toLowerCase() === name.toLowerCase()));
    assert.equal(reply.authorities.length, 0);
  });
}

const EMPTY: readonly (readonly [name: string, type: number])[] = [
  ['internal', AAAA],
  ['web.internal', A],
  ['web.internal', TXT],
  ['web.internal', SRV],
  ['web.internal', 65],
  ['idle.internal', AAAA],
  ['global.idle.internal', AAAA],
  ['regions.idle.internal', TXT],
  ['vms.idle.internal', TXT],
  ['ord.idle.internal', AAAA],
  ['ams.web.internal', AAAA],
  ['ord.web.internal', A],
  ['vm.web.internal', AAAA],
  ['process.web.internal', AAAA],
  ['000000000000a1.vm.web.internal', TXT],
  ['regions.web.internal', AAAA],
  ['_apps.internal', AAAA],
  ['a.a.d.f.ip6.arpa', PTR],
];

for (const [name, type] of EMPTY) {
  test(`answer() has no record of type ${type} for ${name}, which exists`, () => {
    assertNegative(RED_ZONE, name, type, Rcode.NoError);
  });
}

const ABSENT: readonly string[] = [
  'secret.internal',
  'ams.secret.internal',
  '000000000000b1.vm.secret.internal',
  'regions.secret.internal',
  '000000000000b1.vm.web.internal',
  '000000000000a1.web.internal',
  'x.000000000000a1.vm.web.internal',
  'lhr.web.internal',
  'ord.ord.web.internal',
  'x.global.web.internal',
  'x.regions.web.internal',
  'nobody.process.web.internal',
  'x._apps.internal',
  'global.internal',
  'vm.internal',
  'ord.internal',
  '__proto__.internal',
  'constructor.web.internal',
  '1.a.a.d.f.ip6.arpa',
  '2.0.0.0.1.a.0.0.1.0.0.0.1.0.0.0.1.0.0.0.1.1.1.1.1.0.0.0.a.a.d.f.ip6.arpa',
];

for (const name of ABSENT) {
  test(`answer() knows no ${name}`, () => {
    for (const type of [AAAA, A, TXT, PTR, ANY]) {
      assertNegative(RED_ZONE, name, type, Rcode.NameError);
    }
  });
}

test('answer() gives the SOA record of our own zones', () => {
  for (const name of ['internal', 'a.a.d.f.ip6.arpa']) {
    const reply = askAndRead(RED_ZONE, name, { type: SOA });
    assert.deepEqual(
      reply.answers.map((one) => [one.name, one.type, one.primary, one.minimum]),
      [[name, SOA, name, 5]],
    );
  }
});

test('answer() never reads the table of another network', () => {
  const read: unknown[] = [];
  class WatchedMap<K, V> extends Map<K, V> {
    override get(key: K): V | undefined {
      read.push(key);
      return super.get(key);
    }
  }
  const networks = new WatchedMap<NetworkId, NetworkZone>(ZONE.networks);
  for (const [name] of [...PRESENT, ...EMPTY, ...ABSENT.map((one) => [one])]) {
    askAndRead(networks.get(RED), name as string);
  }
  assert.deepEqual([...new Set(read)], [RED]);
  assert.equal(askAndRead(BLUE_ZONE, 'web.internal').header.rcode, Rcode.NameError);
  assert.equal(askAndRead(RED_ZONE, 'secret.internal').header.rcode, Rcode.NameError);
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
  for (const name of ['internal', 'x.internal', 'x.y.z.internal', '0.a.a.d.f.ip6.arpa']) {
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

function more(): ReturnType<typeof makeInstance>[] {
  return Array.from({ length: 1000 }, (_, index) => makeInstance(index + 5000, `r${index}`));
}

function textOf(reply: ReturnType<typeof askAndRead>): string[] {
  return reply.answers[0]!.data as string[];
}

function assertNegative(zone: NetworkZone, name: string, type: number, rcode: Rcode): void {
  const reply = askAndRead(zone, name, { type });
  assert.equal(reply.header.rcode, rcode);
  assert.equal(reply.header.aa, 1);
  assert.equal(reply.answers.length, 0);
  const apex = name.endsWith('arpa') ? 'a.a.d.f.ip6.arpa' : 'internal';
  assert.deepEqual(
    reply.authorities.map((one) => [one.name, one.type, one.ttl, one.minimum]),
    [[apex, SOA, 5, 5]],
  );
}

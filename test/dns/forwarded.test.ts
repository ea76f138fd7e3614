// Questions to upstream servers and their replies: made by dns2, judged and relayed by us.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Packet, type Resource } from 'dns2';
import {
  forwardKey,
  readUpstreamReply,
  relayReply,
  type UpstreamReply,
  upstreamQuestion,
} from '../../src/dns/forwarded.ts';
import { guardQuestion, type Question } from '../../src/dns/guard.ts';
import { makeQuestion, type QuestionOptions, readReply } from './dns-messages.ts';

const { A, CNAME, EDNS, SOA } = Packet.TYPE;
const NAME = 'Www.Example.com';
const ID = 0x7777;

test('upstreamQuestion() asks with its own id and EDNS, and keeps DO and CD', () => {
  const { bytes, question } = make({ flags: 0x0110, edns: { payload: 4096, dnssecOk: true } });
  const asked = readReply(upstreamQuestion(bytes, question, ID));
  assert.deepEqual(
    [asked.header.id, asked.header.qr, asked.header.rd, asked.questions[0]?.name],
    [ID, 0, 1, NAME],
  );
  assert.equal((asked.header as unknown as { cd: number }).cd, 1);
  assert.deepEqual(
    asked.additionals.map((one) => [one.type, one.class, one.doFlag, one.rdata?.length]),
    [[EDNS, 1232, true, 0]],
  );
});

test('forwardKey() tells apart what has different answers, and nothing else', () => {
  const key = (options: QuestionOptions, name = NAME): string => {
    const { bytes, question } = make(options, name);
    return forwardKey(bytes, question);
  };
  assert.equal(key({ id: 1, edns: { payload: 512 } }), key({ id: 2 }, 'wWW.eXAMPLE.cOM'));
  const different = [
    key({}),
    key({ type: 1 }),
    key({ edns: { dnssecOk: true } }),
    key({ flags: 0x0110 }),
    key({}, 'ww.wexample.com'),
  ];
  assert.equal(new Set(different).size, different.length);
});

type Lifetime = readonly [what: string, seconds: number, options: ReplyOptions];

const LIFETIMES: readonly Lifetime[] = [
  ['the least TTL of the answers', 30, { answers: [address(300), address(30)] }],
  ['the chain as far as it goes', 20, { answers: [alias(20), address(300)] }],
  [
    'an alias without its end for the SOA record',
    9,
    { answers: [alias(20)], authority: soa(50, 9) },
  ],
  ['nothing of an alias without its end', 0, { answers: [alias(20)] }],
  ['no such name for the least of the SOA record', 40, { rcode: 3, authority: soa(40, 900) }],
  ['no such name for its minimum', 7, { rcode: 3, authority: soa(40, 7) }],
  ['no record of that type', 7, { authority: soa(40, 7) }],
  ['no absence without a SOA record', 0, { rcode: 3 }],
  ['no failure', 0, { rcode: 2, authority: soa(40, 7) }],
  ['nothing truncated', 0, { answers: [address(300)], truncated: true }],
];

for (const [what, seconds, options] of LIFETIMES) {
  test(`readUpstreamReply() remembers ${what}`, () => {
    assert.equal(read(options)?.lifetimeSeconds, seconds);
  });
}

const MISMATCHES: readonly (readonly [what: string, change: (bytes: Buffer) => Buffer])[] = [
  ['another id', (bytes) => patch(bytes, 0, 0x12)],
  ['a question', (bytes) => patch(bytes, 2, 0x01)],
  ['another opcode', (bytes) => patch(bytes, 2, 0x91)],
  ['no question in it', (bytes) => patch(bytes, 5, 0)],
  ['two questions in it', (bytes) => patch(bytes, 5, 2)],
  ['another name', (bytes) => patch(bytes, 13, 0x78)],
  ['another type', (bytes) => patch(bytes, 30, 28)],
  ['fewer records than it says', (bytes) => patch(bytes, 7, 9)],
  ['fewer additional records than it says', (bytes) => patch(bytes, 10, 255)],
  ['its last byte missing', (bytes) => bytes.subarray(0, -1)],
  ['a header alone', (bytes) => bytes.subarray(0, 12)],
  ['nothing', (bytes) => bytes.subarray(0, 0)],
];

for (const [what, change] of MISMATCHES) {
  test(`readUpstreamReply() takes no reply with ${what}`, () => {
    const { bytes, question } = make({ type: A });
    const asked = upstreamQuestion(bytes, question, ID);
    const reply = makeUpstreamReply({ answers: [address(300)] });
    assert.ok(readUpstreamReply(reply, asked) !== undefined);
    assert.equal(readUpstreamReply(change(reply), asked), undefined);
  });
}

test('readUpstreamReply() takes another spelling of the name', () => {
  const { bytes, question } = make({ type: A }, NAME.toLowerCase());
  const asked = upstreamQuestion(bytes, question, ID);
  assert.ok(readUpstreamReply(makeUpstreamReply({}), asked) !== undefined);
});

test('relayReply() gives the client his id, spelling and EDNS, and TTLs less the age', () => {
  const reply = read({
    answers: [address(300), address(5)],
    authority: soa(60, 60),
    additionals: [address(100), opt(), address(200)],
  });
  const { bytes, question } = make({ type: A, id: 0x4242, edns: {} }, 'wWw.example.COM');
  const relayed = readReply(relay(bytes, question, reply!, { bytesMax: 1232, ageSeconds: 10 }));
  assert.deepEqual([relayed.header.id, relayed.header.ra], [0x4242, 1]);
  assert.equal(relayed.questions[0]?.name, 'wWw.example.COM');
  assert.deepEqual(
    relayed.answers.map((one) => [one.name, one.ttl, one.address]),
    [
      ['wWw.example.COM', 290, '192.0.2.1'],
      ['wWw.example.COM', 0, '192.0.2.1'],
    ],
  );
  assert.equal(relayed.authorities[0]?.ttl, 50);
  // Behind the upstream's OPT record nothing is kept, and ours takes its place.
  assert.deepEqual(
    relayed.additionals.map((one) => [one.type, one.class]),
    [
      [A, 1],
      [EDNS, 1232],
    ],
  );
});

test('relayReply() has no OPT record for a client without', () => {
  const reply = read({ answers: [address(300)], additionals: [opt()] });
  const { bytes, question } = make({ type: A });
  const relayed = readReply(relay(bytes, question, reply!, { bytesMax: 512, ageSeconds: 0 }));
  assert.deepEqual([relayed.answers.length, relayed.additionals.length], [1, 0]);
});

test('relayReply() sends no record of a reply that is too long, and says so', () => {
  const answers = Array.from({ length: 100 }, () => address(300));
  const reply = read({ answers });
  const { bytes, question } = make({ type: A, edns: { payload: 800 } });
  const short = relay(bytes, question, reply!, { bytesMax: 800, ageSeconds: 0 });
  const relayed = readReply(short);
  assert.deepEqual(
    [relayed.header.tc, relayed.answers.length, relayed.additionals.length],
    [1, 0, 1],
  );
  const whole = relay(bytes, question, reply!, { bytesMax: 65535, ageSeconds: 0 });
  assert.deepEqual([readReply(whole).header.tc, readReply(whole).answers.length], [0, 100]);
});

interface ReplyOptions {
  readonly rcode?: number;
  readonly truncated?: boolean;
  readonly answers?: readonly Resource[];
  readonly authority?: Resource;
  readonly additionals?: readonly Resource[];
}

function make(options: QuestionOptions, name = NAME): { bytes: Uint8Array; question: Question } {
  const bytes = makeQuestion(name, options);
  const guarded = guardQuestion(bytes, 512);
  assert.ok(guarded.kind === 'question');
  return { bytes, question: guarded.question };
}

function read(options: ReplyOptions): UpstreamReply | undefined {
  const { bytes, question } = make({ type: A });
  return readUpstreamReply(makeUpstreamReply(options), upstreamQuestion(bytes, question, ID));
}

function relay(...input: Parameters<typeof relayReply>): Uint8Array {
  return relayReply(...input);
}

function makeUpstreamReply(options: ReplyOptions): Buffer {
  const packet = new Packet();
  Object.assign(packet.header, {
    id: ID,
    qr: 1,
    rd: 1,
    ra: 1,
    tc: options.truncated ? 1 : 0,
    rcode: options.rcode ?? 0,
  });
  packet.questions = [new Packet.Question(NAME, A, 1)];
  packet.answers = [...(options.answers ?? [])];
  packet.authorities = options.authority === undefined ? [] : [options.authority];
  packet.additionals = [...(options.additionals ?? [])];
  return packet.toBuffer();
}

function address(ttl: number): Resource {
  return record({ type: A, ttl, address: '192.0.2.1' });
}

function alias(ttl: number): Resource {
  return record({ type: CNAME, ttl, domain: 'else.example.net' });
}

function soa(ttl: number, minimum: number): Resource {
  return record({
    name: 'example.com',
    type: SOA,
    ttl,
    primary: 'ns.example.com',
    admin: 'x.example.com',
    serial: 1,
    refresh: 1,
    retry: 1,
    expiration: 1,
    minimum,
  });
}

function opt(): Resource {
  return Packet.Resource.EDNS([], { udpPayloadSize: 4096 });
}

function record(data: Partial<Resource>): Resource {
  return new Packet.Resource({ name: NAME, class: 1, ...data });
}

function patch(bytes: Buffer, offset: number, value: number): Buffer {
  const patched = Buffer.from(bytes);
  patched[offset] = value;
  return patched;
}

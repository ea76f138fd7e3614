// The listeners on real sockets on ::1, asked by dig and by raw sockets; the asker's network is
// given, as loopback proves none.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { NetworkId } from '../../src/addressing/ids.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Zone } from '../../src/dns/zone.ts';
import { withLength } from '../../src/nameserver/exchange.ts';
import { FORWARDER_OPTIONS, Forwarder } from '../../src/nameserver/forwarder.ts';
import { makeNameserverCounters, type NameserverCounters } from '../../src/nameserver/metrics.ts';
import { NAMESERVER_OPTIONS } from '../../src/nameserver/nameserver.ts';
import { Responder, type Sources } from '../../src/nameserver/responder.ts';
import type { Source } from '../../src/nameserver/source-table.ts';
import { ANSWERS_A_TURN_MAX, type TcpLimits } from '../../src/nameserver/tcp-connection.ts';
import { TcpListener } from '../../src/nameserver/tcp-listener.ts';
import { UdpListener, type UdpListenerOptions } from '../../src/nameserver/udp-listener.ts';
import {
  BLUE,
  makeInstance,
  makeQuestion,
  makeTestAnswerer,
  makeZone,
  RED,
  readReply,
  ZONE,
} from '../dns/dns-messages.ts';
import { boundPair, UNBOUND_DEVICE_SOCKETS } from '../fakes/device-sockets.ts';
import { addressReply, FakeUpstream, type Script } from '../fakes/fake-upstream.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const NO_DIG = spawnSync('dig', ['-v']).error === undefined ? false : 'dig is not installed';

test('the listeners answer over UDP and TCP', async (t) => {
  const { port } = await start(t);
  for (const send of [sendUdp, sendTcp]) {
    const reply = readReply(await send(port, makeQuestion('nrt.web.internal')));
    assert.deepEqual(
      reply.answers.map((one) => one.address),
      ['fdaa:1:1111:1:1:1:a3:2'],
    );
  }
});

test('dig understands every reply', { skip: NO_DIG }, async (t) => {
  const { port } = await start(t, { script: (asked) => addressReply(asked) });
  const cases: readonly (readonly [args: string, expected: RegExp])[] = [
    [
      'AAAA nrt.web.internal',
      /status: NOERROR.*flags: qr aa rd ra;.*IN AAAA fdaa:1:1111:1:1:1:a3:2/,
    ],
    ['TXT regions.web.internal', /5 IN TXT "nrt,ord"/],
    ['A web.internal', /status: NOERROR.*ANSWER: 0, AUTHORITY: 1.*internal\. 5 IN SOA internal\./],
    ['AAAA no.internal', /status: NXDOMAIN.*AUTHORITY: 1/],
    ['SRV _http._tcp.web.internal', /ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 3.*a1\.vm.* 5 IN AAAA/],
    ['-x fdaa::3', /status: NXDOMAIN.*a\.a\.d\.f\.ip6\.arpa\. 5 IN SOA/],
    ['AAAA wEb.InTernal +noedns', /ADDITIONAL: 0 .*wEb\.InTernal\. 5 IN AAAA/],
    ['AAAA web.internal +edns=1 +noednsneg', /status: BADVERS.*EDNS: version: 0/],
    ['AAAA web.internal +opcode=notify', /status: NOTIMP/],
    ['AAAA web.internal -c CH', /status: REFUSED/],
    ['AXFR internal +tcp', /Transfer failed/],
    ['A example.com', /flags: qr rd ra;.*example\.com\. 60 IN A 192\.0\.2\.1/],
    ['A example.com +norec', /status: REFUSED/],
  ];
  for (const [args, expected] of cases) {
    assert.match(await dig(port, args), expected, args);
    assert.match(await dig(port, `${args} +tcp`), expected, `${args} +tcp`);
  }
});

test('dig gets by TCP what does not fit a datagram', { skip: NO_DIG }, async (t) => {
  const instances = Array.from({ length: 500 }, (_, index) => makeInstance(index + 1, 'ord'));
  const zone: Zone = { networks: new Map([[RED, makeZone({ web: instances })]]) };
  const { port } = await start(t, { zone });
  assert.match(await dig(port, 'AAAA web.internal +ignore'), /flags: qr aa tc rd.*ANSWER: 4\d/);
  assert.match(await dig(port, 'AAAA web.internal'), /flags: qr aa rd.*ANSWER: 500/);
  const text = await dig(port, 'TXT vms.web.internal +short');
  const entries = text.trim().replaceAll('" "', '').replaceAll('"', '').split(',');
  assert.equal(entries.length, 500);
});

test('UdpListener does not answer responses, rubbish or strangers', async (t) => {
  const { port, source, counters } = await start(t);
  const socket = createSocket('udp6');
  t.after(() => socket.close());
  socket.connect(port, '::1');
  await once(socket, 'connect');
  source.known = false;
  socket.send(makeQuestion('web.internal', { id: 1 }));
  await until(() => counters.foreignSources === 1);
  source.known = true;
  socket.send(makeQuestion('web.internal', { id: 2, flags: 0x8180 }));
  socket.send(Buffer.alloc(11));
  socket.send(Buffer.alloc(0));
  socket.send(makeQuestion('web.internal', { id: 3 }));
  const [bytes] = await once(socket, 'message');
  assert.equal(readReply(bytes as Buffer).header.id, 3);
});

test('UdpListener drops what is over a share', async (t) => {
  const { port, source, counters } = await start(t);
  source.questionsLeft = 1;
  await sendUdp(port, makeQuestion('web.internal'));
  const socket = createSocket('udp6');
  t.after(() => socket.close());
  socket.send(makeQuestion('web.internal'), port, '::1');
  await until(() => counters.overRate === 1);
});

test('UdpListener takes one batch a turn, so that others have theirs', async (t) => {
  const turns = new Turns(t);
  const drain = (): number => {
    turns.count += 1;
    return 0;
  };
  const { port, source } = await start(t, { drain });
  const socket = createSocket('udp6');
  t.after(() => socket.close());
  socket.connect(port, '::1');
  await once(socket, 'connect');
  for (let id = 0; id < 20; id++) socket.send(makeQuestion('web.internal', { id }));
  await until(() => source.asked === 20);
  assert.equal(turns.most, 1);
});

test('a server of one network refuses questions from another', async (t) => {
  const { port } = await start(t, { listener: BLUE });
  for (const name of ['web.internal', 'secret.internal', 'example.com']) {
    const reply = readReply(await sendUdp(port, makeQuestion(name)));
    assert.deepEqual([reply.header.rcode, reply.answers.length], [5, 0], name);
  }
});

test('TcpListener answers many questions at once, in any order', async (t) => {
  const { port } = await start(t, { script: (asked) => addressReply(asked) });
  const names = ['a.example', 'web.internal', 'b.example', 'no.internal'];
  const questions = names.map((name, id) => withLength(makeQuestion(name, { id, type: 1 })));
  const socket = await open(port);
  const replies = readMessages(socket, names.length);
  const bytes = Buffer.concat(questions);
  // Cut where it hurts: in the middle of a length, and of a message.
  const end = questions[0]!.length + 1;
  socket.write(bytes.subarray(0, end));
  socket.end(bytes.subarray(end));
  const ids = (await replies).map((reply) => readReply(reply).header.id);
  assert.deepEqual(ids.sort(), [0, 1, 2, 3]);
  await closed(socket);
});

test('TcpListener reads no further than its limit of questions under way', async (t) => {
  const { port, upstream } = await start(t, {
    script: () => undefined,
    limits: { pipelinedMax: 4 },
  });
  const socket = await open(port);
  const questions = Array.from({ length: 9 }, (_, id) =>
    withLength(makeQuestion(`n${id}.example`, { id, type: 1 })),
  );
  const replies = readMessages(socket, 9);
  socket.write(Buffer.concat(questions));
  await until(() => upstream.asked.length === 4);
  upstream.script = (asked) => addressReply(asked);
  assert.equal((await replies).length, 9);
});

test('TcpListener answers a bounded number of questions a turn', async (t) => {
  const turns = new Turns(t);
  const { port, source } = await start(t);
  source.onQuestion = () => {
    turns.count += 1;
  };
  const question = withLength(makeQuestion('web.internal'));
  const socket = await open(port);
  const replies = readMessages(socket, 300);
  socket.end(Buffer.concat(new Array(300).fill(question)));
  await replies;
  await closed(socket);
  assert.ok(turns.most <= ANSWERS_A_TURN_MAX, `${turns.most} in one turn`);
});

test('TcpListener charges a long answer by its length', async (t) => {
  const instances = Array.from({ length: 500 }, (_, index) => makeInstance(index + 1, 'ord'));
  const zone: Zone = { networks: new Map([[RED, makeZone({ web: instances })]]) };
  const { port, source } = await start(t, { zone });
  const reply = await sendTcp(port, makeQuestion('web.internal'));
  assert.deepEqual(source.charged, [reply.length]);
});

test('TcpListener closes a connection with a message too short or too long', async (t) => {
  const { port, counters } = await start(t);
  for (const length of [0, 11, 4097, 65535]) {
    const socket = await open(port);
    socket.write(Uint8Array.of(length >> 8, length & 0xff, 1, 2, 3));
    await closed(socket);
  }
  assert.equal(counters.tcpBadFrames, 4);
});

test('TcpListener closes a connection that asks nothing whole', async (t) => {
  const { port, counters } = await start(t, { limits: { idleMs: 60 } });
  const silent = await open(port);
  const slow = await open(port);
  const question = withLength(makeQuestion('web.internal'));
  const bothClosed = Promise.all([closed(silent), closed(slow)]);
  let sent = 0;
  const timer = setInterval(() => slow.write(question.subarray(sent, ++sent)), 5);
  t.after(() => clearInterval(timer));
  await bothClosed;
  clearInterval(timer);
  assert.equal(counters.tcpDeadlines, 2);
});

test('TcpListener closes a connection at its total deadline', async (t) => {
  const { port, counters } = await start(t, { limits: { idleMs: 5000, totalMs: 80 } });
  const socket = await open(port);
  socket.on('data', () => undefined);
  const timer = setInterval(() => socket.write(withLength(makeQuestion('web.internal'))), 10);
  t.after(() => clearInterval(timer));
  await closed(socket);
  assert.equal(counters.tcpDeadlines, 1);
});

test('TcpListener bounds the connections of a source and of all', async (t) => {
  const { port, counters, source } = await start(t, { limits: { connectionsPerSourceMax: 2 } });
  const sockets = [await open(port), await open(port)];
  await until(() => counters.tcpConnections === 2);
  const third = await open(port);
  await closed(third);
  assert.equal(counters.tcpConnectionsRefused, 1);
  for (const socket of sockets) socket.destroy();
  await until(() => source.source.connections === 0);
  const again = await sendTcp(port, makeQuestion('web.internal'));
  assert.equal(readReply(again).answers.length, 3);

  const few = await start(t, { limits: { connectionsMax: 8 } });
  const held = [await open(few.port), await open(few.port)];
  await until(() => few.counters.tcpConnections === 2);
  await closed(await open(few.port));
  assert.equal(few.counters.tcpConnectionsRefused, 1, 'some are left for other sources');
  for (const socket of held) socket.destroy();

  const all = await start(t, { limits: { connectionsMax: 1 } });
  const first = await open(all.port);
  await until(() => all.counters.tcpConnections === 1);
  const second = await open(all.port);
  await closed(second);
  assert.equal(all.counters.tcpConnectionsRefused, 1);
  first.destroy();
});

test('TcpListener closes the connection of a source over its share', async (t) => {
  const { port, source, counters } = await start(t);
  source.questionsLeft = 1;
  const socket = await open(port);
  const question = withLength(makeQuestion('web.internal'));
  socket.write(Buffer.concat([question, question]));
  socket.resume();
  await closed(socket);
  assert.equal(counters.overRate, 1);
});

/** One source, whatever the address. */
class OneSource implements Sources {
  known = true;
  asked = 0;
  questionsLeft = Number.POSITIVE_INFINITY;
  /** The lengths of answers. */
  readonly charged: number[] = [];
  onQuestion: () => void = () => undefined;
  readonly source: Source = {
    network: RED,
    self: undefined,
    tokens: 0,
    refilledAt: new ManualClock().now(),
    connections: 0,
    forwards: 0,
  };

  find(): Source | undefined {
    return this.known ? this.source : undefined;
  }

  takeQuestion(): boolean {
    this.asked += 1;
    this.onQuestion();
    this.questionsLeft -= 1;
    return this.questionsLeft >= 0;
  }

  chargeAnswer(_: Source, bytes: number): void {
    this.charged.push(bytes);
  }
}

/** Counts what happens in one turn of the event loop. */
class Turns {
  most = 0;
  #count = 0;

  constructor(t: TestContext) {
    let ended = false;
    const next = (): void => {
      this.#count = 0;
      if (!ended) setImmediate(next);
    };
    next();
    t.after(() => {
      ended = true;
    });
  }

  get count(): number {
    return this.#count;
  }

  set count(count: number) {
    this.#count = count;
    this.most = Math.max(this.most, count);
  }
}

interface StartOptions {
  readonly zone?: Zone;
  readonly script?: Script;
  readonly listener?: NetworkId;
  readonly limits?: Partial<TcpLimits>;
  readonly drain?: UdpListenerOptions['drain'];
}

interface Started {
  readonly port: number;
  readonly source: OneSource;
  readonly counters: NameserverCounters;
  readonly upstream: FakeUpstream;
}

async function start(t: TestContext, options: StartOptions = {}): Promise<Started> {
  const upstream = await FakeUpstream.start(options.script ?? (() => undefined));
  const clock = new ManualClock();
  const counters = makeNameserverCounters();
  const forwarder = new Forwarder(
    { clock, counters, logger: SILENT_LOGGER, random: new SeededRandom(1) },
    { ...FORWARDER_OPTIONS, timeoutMs: 200 },
  );
  forwarder.setUpstreams([upstream.upstream]);
  const source = new OneSource();
  const answerer = makeTestAnswerer();
  const responder = new Responder({ clock, counters, forwarder, answerer, sources: source });
  responder.setZone(options.zone ?? ZONE);
  const network = options.listener ?? (0 as NetworkId);
  const { tcp: fd, udp: udpFd, port } = boundPair('::1');
  const onError = (error: Error): void => assert.fail(error);
  const limits = { ...NAMESERVER_OPTIONS.tcp, ...options.limits };
  const connections = { open: 0 };
  const shared = { network, counters, onError };
  const tcp = await TcpListener.start(responder, { ...shared, fd, limits, connections });
  const { drain = UNBOUND_DEVICE_SOCKETS.drainUdp } = options;
  const udp = await UdpListener.start(responder, { ...shared, fd: udpFd, drain });
  t.after(async () => {
    forwarder.stop();
    await Promise.all([udp.stop(), tcp.stop(), upstream.stop()]);
  });
  return { port, source, counters, upstream };
}

async function dig(port: number, args: string): Promise<string> {
  const { stdout } = await promisify(execFile)('dig', [
    ...['@::1', '-p', String(port), '+tries=1', '+time=2', '+nocookie'],
    ...args.split(' '),
  ]);
  return stdout.replaceAll(/\s+/g, ' ');
}

async function sendUdp(port: number, question: Uint8Array): Promise<Buffer> {
  const socket = createSocket('udp6');
  try {
    const message = once(socket, 'message');
    socket.send(question, port, '::1');
    const [bytes] = await message;
    return bytes as Buffer;
  } finally {
    socket.close();
  }
}

async function sendTcp(port: number, question: Uint8Array): Promise<Buffer> {
  const socket = await open(port);
  const messages = readMessages(socket, 1);
  socket.end(withLength(question));
  return (await messages)[0] as Buffer;
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '::1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Resolves when the connection is gone, in whatever manner. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.on('close', () => resolve()));
}

/** The next `count` messages of a connection. */
function readMessages(socket: Socket, count: number): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const messages: Buffer[] = [];
    let received = Buffer.alloc(0);
    socket.on('close', () => reject(new Error(`closed after ${messages.length} messages`)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        messages.push(received.subarray(2, end));
        received = received.subarray(end);
      }
      if (messages.length >= count) resolve(messages);
    });
  });
}

/** Waits for a condition that events on sockets bring about. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

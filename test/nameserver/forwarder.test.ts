// Names of others, asked of fake upstream servers on ::1: order, retries, forgeries, memory,
// limits.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Packet } from 'dns2';
import type { NetworkId } from '../../src/addressing/ids.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { guardQuestion } from '../../src/dns/guard.ts';
import type { CachedReply } from '../../src/nameserver/cache.ts';
import {
  FORWARDER_OPTIONS,
  Forwarder,
  type ForwarderOptions,
} from '../../src/nameserver/forwarder.ts';
import { makeNameserverCounters, type NameserverCounters } from '../../src/nameserver/metrics.ts';
import type { Source } from '../../src/nameserver/source-table.ts';
import { makeQuestion, type QuestionOptions } from '../dns/dns-messages.ts';
import { addressReply, FakeUpstream, replyTo, type Script } from '../fakes/fake-upstream.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const { A, SOA } = Packet.TYPE;

test('Forwarder.resolve() asks upstream once for as long as the answer lasts', async (t) => {
  const { ask, clock, servers, counters } = await start(t, [(asked) => addressReply(asked)]);
  assert.deepEqual(addressesOf(await ask('Example.com')), ['192.0.2.1']);
  clock.advance(59_000);
  const cached = await ask('eXample.com');
  assert.equal(cached?.ageSeconds, 59);
  assert.deepEqual(servers[0]?.asked, ['udp Example.com']);
  clock.advance(1000);
  await ask('example.com');
  await ask('example.com', { edns: { dnssecOk: true } });
  assert.equal(servers[0]?.asked.length, 3);
  assert.deepEqual([counters.forwardsCached, counters.forwardsAnswered], [1, 3]);
});

test('Forwarder.resolve() remembers that there is no such name', async (t) => {
  const { ask, clock, servers } = await start(t, [absent]);
  for (let i = 0; i < 3; i++) assert.equal((await ask('no.example.com'))?.reply.rcode, 3);
  assert.equal(servers[0]?.asked.length, 1);
  clock.advance(30_000);
  await ask('no.example.com');
  assert.equal(servers[0]?.asked.length, 2);
});

test('Forwarder.resolve() shares one exchange between equal questions', async (t) => {
  const { ask, servers } = await start(t, [(asked) => addressReply(asked)]);
  const replies = await Promise.all([ask('example.com'), ask('EXAMPLE.com'), ask('example.com')]);
  for (const reply of replies) assert.deepEqual(addressesOf(reply), ['192.0.2.1']);
  assert.equal(servers[0]?.asked.length, 1);
});

test('Forwarder.resolve() goes on to the next server when one is silent', async (t) => {
  const { ask, clock, servers, counters } = await start(t, [
    () => undefined,
    (asked) => addressReply(asked),
  ]);
  assert.deepEqual(addressesOf(await ask('a.example')), ['192.0.2.1']);
  assert.equal(counters.upstreamTimeouts, 1);
  // The silent one is spared for a while, then asked first again.
  await ask('b.example');
  assert.deepEqual(asksOf(servers), [1, 2]);
  clock.advance(30_000);
  await ask('c.example');
  assert.deepEqual(asksOf(servers), [2, 3]);
});

for (const rcode of [1, 2, 4, 5]) {
  test(`Forwarder.resolve() goes on to the next server after rcode ${rcode}`, async (t) => {
    const { ask, servers } = await start(t, [
      (asked) => replyTo(asked, [], { rcode }),
      (asked) => addressReply(asked),
    ]);
    assert.deepEqual(addressesOf(await ask('a.example')), ['192.0.2.1']);
    assert.deepEqual(asksOf(servers), [1, 1]);
  });
}

test('Forwarder.resolve() has no reply when no server helps', async (t) => {
  const failing: Script = (asked) => replyTo(asked, [], { rcode: 2 });
  const { ask, servers, counters } = await start(t, [failing, failing]);
  assert.equal(await ask('a.example'), undefined);
  assert.deepEqual(asksOf(servers), [1, 1]);
  assert.equal(counters.forwardsFailed, 1);
});

test('Forwarder.resolve() goes on to the next server when one cannot be reached', async (t) => {
  const { ask, servers } = await start(t, [(asked) => addressReply(asked)]);
  // A link-local address without its link: connect(2) refuses it at once.
  const unreachable = { address: 'fe80::1', port: 53 };
  ask.forwarder.setUpstreams([unreachable, ...servers.map((server) => server.upstream)]);
  assert.deepEqual(addressesOf(await ask('a.example')), ['192.0.2.1']);
  ask.forwarder.setUpstreams([unreachable]);
  assert.equal(await ask('a.example'), undefined);
});

test('Forwarder.resolve() gives up after a number of tries', async (t) => {
  const { ask, servers } = await start(t, [() => undefined], { triesMax: 3 });
  assert.equal(await ask('a.example'), undefined);
  assert.deepEqual(asksOf(servers), [3]);
});

test('Forwarder.resolve() has no reply without a server', async (t) => {
  const { ask } = await start(t, []);
  assert.equal(await ask('a.example'), undefined);
});

test('Forwarder.resolve() asks over TCP when a reply was truncated', async (t) => {
  const { ask, servers } = await start(t, [
    (asked, transport) =>
      transport === 'udp' ? replyTo(asked, [], { tc: 1 }) : addressReply(asked),
  ]);
  assert.deepEqual(addressesOf(await ask('a.example')), ['192.0.2.1']);
  assert.deepEqual(servers[0]?.asked, ['udp a.example', 'tcp a.example']);
});

test('Forwarder.resolve() takes what is there when TCP does not help', async (t) => {
  const { ask } = await start(t, [
    (asked, transport) => (transport === 'udp' ? replyTo(asked, [], { tc: 1 }) : undefined),
  ]);
  assert.equal((await ask('a.example'))?.reply.truncated, true);
});

test('Forwarder.resolve() waits past replies to other questions', async (t) => {
  const { ask, counters, servers } = await start(t, []);
  const upstream = await startServer(t, (asked) => {
    const forged = addressReply(asked, '203.0.113.66');
    forged.header.id ^= 1;
    return forged;
  });
  servers.push(upstream);
  const { forwarder, source } = ask;
  forwarder.setUpstreams([upstream.upstream]);
  assert.equal(await ask('a.example'), undefined);
  assert.equal(counters.upstreamMismatches, FORWARDER_OPTIONS.triesMax);
  upstream.script = (asked) => addressReply(asked);
  assert.deepEqual(addressesOf(await ask('a.example')), ['192.0.2.1']);
  assert.equal(source.forwards, 0);
});

test('Forwarder.resolve() asks from a port of its own with an id of its own', async (t) => {
  const { ask, servers } = await start(t, [(asked) => addressReply(asked)]);
  for (let i = 0; i < 8; i++) await ask(`${i}.example`, { id: 1 });
  assert.ok(new Set(servers[0]?.ids).size > 6);
  assert.ok(new Set(servers[0]?.ports).size > 4);
});

test('Forwarder.resolve() bounds what a source has under way', async (t) => {
  const { ask, counters } = await start(t, [() => undefined], {
    forwardsPerSourceMax: 2,
    triesMax: 1,
  });
  const waiting = [ask('a.example'), ask('b.example')];
  assert.equal(await ask('c.example'), undefined);
  waiting.push(ask('d.example', {}, { ...ask.source, forwards: 0 }));
  assert.equal(counters.forwardsBusy, 1);
  await Promise.all(waiting);
  assert.equal(counters.upstreamQuestions, 3);
});

test('Forwarder.resolve() bounds what all have under way, with room for who comes', async (t) => {
  const limits = { forwardsMax: 16, forwardsPerSourceMax: 16, triesMax: 1 };
  const { ask, counters } = await start(t, [() => undefined], limits);
  const waiting: Promise<unknown>[] = [];
  for (let n = 0; n < 10; n++) waiting.push(ask(`a${n}.example`));
  assert.equal(counters.forwardsBusy, 6, 'a source has a quarter of what is left');
  for (let n = 0; n < 12; n++)
    waiting.push(ask(`b${n}.example`, {}, { ...ask.source, forwards: 0 }));
  assert.equal(counters.forwardsBusy, 6, 'each other source has its first');
  assert.equal(await ask('c.example', {}, { ...ask.source, forwards: 0 }), undefined);
  await Promise.all(waiting);
  assert.equal(counters.upstreamQuestions, 16);
});

test('Forwarder.setUpstreams() forgets what other servers said', async (t) => {
  const { ask, servers } = await start(t, [(asked) => addressReply(asked)]);
  await ask('a.example');
  ask.forwarder.setUpstreams(servers.map((server) => server.upstream));
  await ask('a.example');
  assert.deepEqual(asksOf(servers), [2]);
});

test('Forwarder.stop() ends what is under way', async (t) => {
  const { ask } = await start(t, [() => undefined], { timeoutMs: 60_000 });
  const waiting = ask('a.example');
  ask.forwarder.stop();
  assert.equal(await waiting, undefined);
  assert.equal(await ask('b.example'), undefined);
});

type Ask = ((
  name: string,
  options?: QuestionOptions,
  source?: Source,
) => Promise<CachedReply | undefined>) & { forwarder: Forwarder; source: Source };

interface Started {
  readonly ask: Ask;
  readonly clock: ManualClock;
  readonly counters: NameserverCounters;
  readonly servers: FakeUpstream[];
}

async function start(
  t: TestContext,
  scripts: readonly Script[],
  options: Partial<ForwarderOptions> = {},
): Promise<Started> {
  const servers = await Promise.all(scripts.map((script) => startServer(t, script)));
  const clock = new ManualClock();
  const counters = makeNameserverCounters();
  const forwarder = new Forwarder(
    { clock, counters, logger: SILENT_LOGGER, random: new SeededRandom(1) },
    { ...FORWARDER_OPTIONS, timeoutMs: 100, ...options },
  );
  forwarder.setUpstreams(servers.map((server) => server.upstream));
  t.after(() => forwarder.stop());
  const source = makeSource();
  const ask = async (name: string, question: QuestionOptions = {}, asker = source) => {
    const bytes = makeQuestion(name, { type: A, ...question });
    const guarded = guardQuestion(bytes, 512);
    assert.ok(guarded.kind === 'question');
    return await forwarder.resolve(bytes, guarded.question, asker);
  };
  return { ask: Object.assign(ask, { forwarder, source }), clock, counters, servers };
}

async function startServer(t: TestContext, script: Script): Promise<FakeUpstream> {
  const server = await FakeUpstream.start(script);
  t.after(() => server.stop());
  return server;
}

function makeSource(): Source {
  const network = 0x11111 as NetworkId;
  return {
    network,
    self: undefined,
    tokens: 1,
    refilledAt: new ManualClock().now(),
    connections: 0,
    forwards: 0,
  };
}

function absent(asked: Packet): Packet {
  const reply = replyTo(asked, [], { rcode: 3 });
  reply.authorities.push(
    new Packet.Resource({
      name: 'example.com',
      type: SOA,
      class: 1,
      ttl: 600,
      primary: 'ns.example.com',
      admin: 'x.example.com',
      serial: 1,
      refresh: 1,
      retry: 1,
      expiration: 1,
      minimum: 30,
    }),
  );
  return reply;
}

function addressesOf(cached: CachedReply | undefined): (string | undefined)[] {
  assert.ok(cached !== undefined);
  return Packet.parse(Buffer.from(cached.reply.bytes)).answers.map((one) => one.address);
}

function asksOf(servers: readonly FakeUpstream[]): number[] {
  return servers.map((server) => server.asked.length);
}

// Random bytes and mutated messages: whatever comes, nothing throws, and what goes back is a reply
// of bounded length that dns2 can read. Prints its seed on failure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { answer } from '../../src/dns/answer.ts';
import { readUpstreamReply, relayReply, upstreamQuestion } from '../../src/dns/forwarded.ts';
import { guardQuestion } from '../../src/dns/guard.ts';
import {
  ask,
  makeOpt,
  makeQuestion,
  makeTestAnswerer,
  RED_ZONE,
  readReply,
} from './dns-messages.ts';

const NAMES = ['web.internal', '_apps.internal', 'a1.vm.web.internal', 'example.com', ''];
const OPT_TAIL = makeOpt({ options: [0, 8, 0, 4, 0, 1, 0, 0] });

const question = fc
  .record({
    name: fc.oneof(
      fc.constantFrom(...NAMES),
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 70 }), { maxLength: 6 }),
    ),
    type: fc.nat(300),
    class: fc.constantFrom(1, 1, 1, 3, 255),
    flags: fc.oneof(fc.constant(0x0100), fc.nat(0xffff)),
    counts: fc.oneof(
      fc.constant([1, 0, 0, 1] as const),
      fc.tuple(fc.nat(3), fc.nat(2), fc.nat(2), fc.nat(3)),
    ),
    tail: fc.oneof(fc.constant(OPT_TAIL), fc.array(fc.nat(255), { maxLength: 40 })),
  })
  .map(({ name, ...options }) => makeQuestion(name, options));

const mutations = fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 4 });

const mutated = fc.tuple(question, mutations, fc.nat(600)).map(([bytes, changes, cut]) => {
  const copy = Uint8Array.from(bytes);
  for (const [offset, value] of changes) if (offset < copy.length) copy[offset] = value;
  return cut < 100 ? copy.subarray(0, Math.max(0, copy.length - cut)) : copy;
});

const message = fc.oneof(
  { arbitrary: fc.uint8Array({ maxLength: 600 }), weight: 1 },
  { arbitrary: mutated, weight: 4 },
);

test('answer() throws at nothing and answers in bounds', () => {
  const answerer = makeTestAnswerer();
  fc.assert(
    fc.property(message, fc.constantFrom('udp', 'tcp'), (bytes, transport) => {
      const before = Uint8Array.from(bytes);
      const result = answer(bytes, { zone: RED_ZONE, transport }, answerer);
      assert.deepEqual(bytes, before, 'the question is not written to');
      if (result.type !== 'reply') return;
      assert.ok(result.bytes.length <= 1232);
      assert.equal(readReply(result.bytes).header.qr, 1);
    }),
    { numRuns: 20_000 },
  );
});

test('readUpstreamReply() throws at nothing, and what it takes can be relayed', () => {
  const bytes = makeQuestion('web.internal', { edns: {} });
  const guarded = guardQuestion(bytes, 512);
  assert.ok(guarded.kind === 'question');
  const asked = upstreamQuestion(bytes, guarded.question, 0x1234);
  const reply = ask(RED_ZONE, 'web.internal', { edns: {} });
  assert.ok(reply.type === 'reply');
  let taken = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), mutations, (garbage, changes) => {
      const hostile = Uint8Array.from([...reply.bytes, ...garbage]);
      for (const [offset, value] of changes) if (offset < hostile.length) hostile[offset] = value;
      const read = readUpstreamReply(hostile, asked);
      if (read === undefined) return;
      taken += 1;
      const limits = { bytesMax: 512, ageSeconds: 3 };
      const relayed = relayReply(bytes, guarded.question, read, limits);
      assert.ok(relayed.length <= 512);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(taken > 1000, `${taken} replies were taken`);
});

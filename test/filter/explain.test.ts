// explain says what the filter does, in words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ExplainQuestion, explain } from '../../src/filter/explain.ts';
import { PacketFilter } from '../../src/filter/filter.ts';
import { Verdict } from '../../src/filter/verdict.ts';
import { echo, tcp, udp } from './packets.ts';
import { isNameserver, randomExchange, wayOf } from './random-site.ts';
import {
  BLUE_1,
  CONFIG,
  HOST_A,
  HOST_B,
  INVITE,
  NAMES,
  outcomeOf,
  RED_1,
  RED_3,
  RED_AT_A,
  RED_B,
  RED_C,
  RED_LAPTOP,
  RED_NAMES,
} from './site.ts';

const cases: [question: ExplainQuestion, verdict: 'pass' | 'drop', rule: string][] = [
  [{ from: RED_1, to: RED_B }, 'pass', 'other-host'],
  [{ from: RED_1, to: BLUE_1, port: 80 }, 'drop', 'other-network'],
  [{ from: RED_1, to: NAMES, protocol: 'udp', port: 53 }, 'pass', 'door-names'],
  [{ from: RED_1, to: NAMES, protocol: 'udp', port: 54 }, 'drop', 'door-closed'],
  [{ from: RED_1, to: RED_AT_A }, 'pass', 'door-echo'],
  [{ from: RED_1, to: RED_AT_A, protocol: 'tcp' }, 'drop', 'door-closed'],
  [{ from: RED_3, to: RED_1 }, 'drop', 'unknown-tun'],
  [{ from: RED_LAPTOP, to: RED_1, port: 22 }, 'pass', 'instance'],
  [{ from: 'fdaa:a:1:1:1:0:a:99', to: RED_1 }, 'drop', 'unknown-wireguard-peer'],
  [{ from: INVITE, to: HOST_A, port: 6601 }, 'pass', 'door-enrolment'],
  [{ from: INVITE, to: HOST_A }, 'drop', 'invite-limited'],
  [{ from: HOST_B, to: HOST_A, port: 6600 }, 'pass', 'door-server'],
  [{ from: HOST_A, to: HOST_B, port: 6600 }, 'pass', 'other-host'],
  [{ from: RED_B, to: RED_C, port: 80 }, 'drop', 'transit'],
  [{ from: RED_B, to: RED_3, port: 80 }, 'drop', 'no-such-instance'],
  [{ from: NAMES, to: RED_1, protocol: 'udp' }, 'pass', 'nameserver-answer'],
  [{ from: NAMES, to: RED_1, protocol: 'tcp' }, 'pass', 'nameserver-answer'],
  [{ from: RED_NAMES, to: RED_1 }, 'pass', 'nameserver-answer'],
  [{ from: '2001:db8::1', to: RED_1 }, 'drop', 'source-not-this-host'],
  [{ from: RED_1, to: '2001:db8::1' }, 'drop', 'destination-outside-site'],
  [{ from: 'fe80::1', to: RED_1 }, 'drop', 'link-local'],
  [{ from: 'fdaa:a:1:1:9:1111:1:2', to: RED_1 }, 'drop', 'unknown-host-peer'],
  [{ from: RED_1.toUpperCase(), to: RED_B }, 'pass', 'other-host'],
];

for (const [question, verdict, rule] of cases) {
  test(`explain() says ${verdict} ${rule} of ${JSON.stringify(question)}`, () => {
    const explanation = explain(CONFIG, question);
    assert.deepEqual({ verdict: explanation.verdict, rule: explanation.rule }, { verdict, rule });
    assert.match(explanation.sentence, /^[A-Z].*\.$/);
  });
}

test('explain() says what the sender is told', () => {
  const { sentence } = explain(CONFIG, { from: RED_1, to: BLUE_1 });
  assert.match(sentence, /different networks\. .*"administratively prohibited"/);
  assert.match(explain(CONFIG, { from: RED_B, to: RED_C }).sentence, /is not told\.$/);
});

test('explain() refuses what is no address and ports of echo requests', () => {
  for (const question of [
    { from: 'web-1', to: RED_1 },
    { from: RED_1, to: '10.0.0.1' },
    { from: '', to: RED_1 },
    { from: RED_1, to: RED_B, protocol: 'icmp', port: 80 } as const,
  ]) {
    assert.throws(() => explain(CONFIG, question), { code: 'VALUE_INVALID' });
  }
});

test('explain() and the filter agree on random packets', () => {
  const protocol = fc.constantFrom('tcp', 'udp', 'icmp');
  const port = fc.oneof(
    fc.constantFrom(1, 22, 53, 6600, 6601),
    fc.integer({ min: 1, max: 65_535 }),
  );
  fc.assert(
    fc.property(randomExchange, protocol, port, ({ site, source, target }, kind, number) => {
      if (isNameserver(source)) return;
      const question = { from: source, to: target, protocol: kind } as ExplainQuestion;
      const explanation = explain(
        site.config,
        kind === 'icmp' ? question : { ...question, port: number },
      );
      const send = kind === 'tcp' ? tcp : udp;
      const packet = kind === 'icmp' ? echo(source, target) : send(source, target, number);
      const filter = new PacketFilter(site.config, { flowSets: 1 });
      const outcome = outcomeOf(filter, wayOf(site, source), packet);
      assert.equal(explanation.rule, outcome.rule);
      assert.equal(explanation.verdict === 'drop', outcome.verdict === Verdict.Drop);
    }),
    { numRuns: 1000 },
  );
});

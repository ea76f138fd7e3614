// What doctor sees in the rules of iptables and nftables: what drops a packet for certain.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { iptablesTables } from '../../../src/cli/doctor/iptables-rules.ts';
import { nftTables } from '../../../src/cli/doctor/nft-rules.ts';
import { dropOf, type Probe } from '../../../src/cli/doctor/ruleset.ts';

const HOOKS = ['prerouting', 'input'];
const WIREGUARD: Probe = {
  ...{ family: 'ipv4', protocol: 'udp', state: 'new' },
  ...{ 'destination port': 51_820, 'input device': 'eth0' },
};
const QUESTION: Probe = { ...WIREGUARD, 'destination port': 53, 'input device': 'p6n0' };

describe('rules of iptables', () => {
  const dropped = (rules: readonly string[], policy = 'ACCEPT', probe = WIREGUARD) => {
    const chains = [`:INPUT ${policy} [0:0]`, ':own - [0:0]', ...rules.map((rule) => `-A ${rule}`)];
    return dropOf(iptablesTables(['*filter', ...chains, 'COMMIT'].join('\n')), HOOKS, probe);
  };

  test('drop by their policy what no rule lets in', () => {
    const found = { table: 'filter', chain: 'INPUT', isPolicy: true };
    assert.deepEqual(dropped([], 'DROP'), found);
    assert.deepEqual(dropped(['INPUT -p tcp -m tcp --dport 51820 -j ACCEPT'], 'DROP'), found);
    const answers = 'INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';
    assert.deepEqual(dropped([answers, 'INPUT -i lo -j ACCEPT'], 'DROP'), found);
    assert.deepEqual(dropped(['INPUT -s 10.0.0.1/32 -j ACCEPT'], 'DROP'), found);
  });

  test('let in what they name, also in a chain of their own and from some alone', () => {
    for (const rules of [
      ['INPUT -p udp -m udp --dport 51820 -j ACCEPT'],
      ['INPUT -p udp -m multiport --dports 53,51000:52000 -j ACCEPT'],
      ['INPUT -s 10.0.0.0/8 -p udp -m udp --dport 51820 -j ACCEPT'],
      ['INPUT -j own', 'own -p udp -m udp --dport 51820 -m comment --comment "a -j b" -j ACCEPT'],
      ['INPUT -i eth+ -j ACCEPT'],
      ['INPUT ! -i p6n+ -p udp -j ACCEPT'],
    ]) {
      assert.equal(dropped(rules, 'DROP'), undefined, rules.join('; '));
    }
  });

  test('drop by a rule alone what is meant for certain', () => {
    const found = { table: 'filter', chain: 'INPUT', isPolicy: false };
    assert.deepEqual(
      dropped(['INPUT -p udp -j REJECT --reject-with icmp-port-unreachable']),
      found,
    );
    assert.deepEqual(dropped(['INPUT -g own', 'own -p udp -j DROP']), found);
    assert.deepEqual(dropped(['INPUT -i p6n+ -j DROP'], 'ACCEPT', QUESTION), found);
    for (const rule of [
      'INPUT -p tcp -m tcp --dport 23 -j DROP',
      'INPUT -s 203.0.113.0/24 -j DROP',
      'INPUT -p udp -m limit --limit 5/sec -j DROP',
      'INPUT -m conntrack --ctstate INVALID -j DROP',
      'INPUT -p udp -m udp ! --dport 51820 -j DROP',
      'INPUT -i p6n+ -j DROP',
      'INPUT -p udp -j LOG --log-prefix "-j DROP"',
    ]) {
      assert.equal(dropped([rule]), undefined, rule);
    }
    assert.equal(dropped(['INPUT -p udp -j own', 'own -j RETURN', 'own -j DROP']), undefined);
  });

  test('that lead round in many ways end', () => {
    const names = Array.from({ length: 40 }, (_, n) => `c${n}`);
    const jumps = names.flatMap((name, n) => Array(8).fill(`-A ${name} -j c${n + 1}`));
    const chains = names.map((name) => `:${name} - [0:0]`);
    const text = ['*filter', ':INPUT DROP [0:0]', ...chains, '-A INPUT -j c0', ...jumps];
    assert.equal(dropOf(iptablesTables(text.join('\n')), HOOKS, WIREGUARD), undefined);
  });
});

describe('rules of nftables', () => {
  const dropped = (rules: readonly unknown[], policy = 'accept', probe = WIREGUARD) => {
    const its = { family: 'inet', table: 'main' };
    const base = { ...its, name: 'in', type: 'filter', hook: 'input', prio: 0, policy };
    const nftables = [
      { metainfo: {} },
      { chain: base },
      { chain: { ...its, name: 'own' } },
      ...rules.map((expr) => ({ rule: { ...its, chain: 'in', expr } })),
    ];
    return dropOf(nftTables(JSON.stringify({ nftables }), 'ipv4'), HOOKS, probe);
  };
  const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });
  const port = (right: unknown, op?: string) =>
    match({ payload: { protocol: 'udp', field: 'dport' } }, right, op);
  const device = (right: unknown, op?: string) => match({ meta: { key: 'iifname' } }, right, op);
  const accept = { accept: null };
  const drop = { drop: null };

  test('drop by their policy what no rule lets in', () => {
    const found = { table: 'inet main', chain: 'in', isPolicy: true };
    assert.deepEqual(dropped([], 'drop'), found);
    const states = {
      set: [
        ['established', accept],
        ['invalid', drop],
      ],
    };
    const map = { vmap: { key: { ct: { key: 'state' } }, data: states } };
    assert.deepEqual(dropped([[map], [device('lo'), accept]], 'drop'), found);
    const source = match({ payload: { protocol: 'ip', field: 'saddr' } }, '@friends');
    assert.deepEqual(dropped([[source, accept]], 'drop'), found);
  });

  test('let in what they name', () => {
    for (const rule of [
      [port(51_820), { counter: { packets: 0, bytes: 0 } }, accept],
      [port({ set: [53, { range: [51_000, 52_000] }] }), accept],
      [match({ meta: { key: 'l4proto' } }, { set: ['tcp', 'udp'] }), accept],
      [{ limit: { rate: 5, per: 'second' } }, port(51_820), accept],
      [device('eth*'), accept],
    ]) {
      assert.equal(dropped([rule], 'drop'), undefined, JSON.stringify(rule));
    }
  });

  test('drop by a rule alone what is meant for certain', () => {
    const found = { table: 'inet main', chain: 'in', isPolicy: false };
    assert.deepEqual(dropped([[port(51_820), { reject: { type: 'icmpx' } }]]), found);
    assert.deepEqual(dropped([[device('p6n*'), drop]], 'accept', QUESTION), found);
    assert.equal(dropped([[device('p6n*'), drop]]), undefined);
    assert.equal(dropped([[port('@some'), drop]]), undefined);
    assert.equal(dropped([[port(51_820, '!='), drop]]), undefined);
    assert.equal(
      dropped([[match({ payload: { protocol: 'tcp', field: 'dport' } }, 51_820), drop]]),
      undefined,
    );
    assert.equal(
      dropped([[match({ payload: { protocol: 'tcp', field: 'flags' } }, 'syn'), drop]]),
      undefined,
    );
    assert.equal(dropped([[{ jump: { target: 'own' } }]]), undefined);
  });

  test('of another shape are passed over', () => {
    const odd = [null, 7, {}, { match: null }, { vmap: 1 }, { jump: null }, { xt: {} }, drop];
    assert.equal(dropped([odd, null, 'x', { a: 1 }]), undefined);
    for (const text of ['null', '[]', '{"nftables":7}', '{"nftables":[null,{"rule":{}}]}']) {
      assert.deepEqual(nftTables(text, 'ipv6'), []);
    }
  });
});

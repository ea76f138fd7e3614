// Properties of the whole filter over random sites and packets: what reaches an instance, a laptop,
// another host or this host at all. The oracle is written from the design, by text and without the
// filter's code. fast-check prints the seed of a failure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Millis } from '../../src/base/clock.ts';
import { PacketFilter } from '../../src/filter/filter.ts';
import { Verdict } from '../../src/filter/verdict.ts';
import { IpProtocol } from '../../src/ip/protocol.ts';
import { echo, extended, fragment, packet, tcp, udp } from './packets.ts';
import {
  type Parts,
  partsOf,
  type RandomSite,
  randomExchange,
  randomSite,
  wayOf,
} from './random-site.ts';
import { fromHost, fromTun, fromWireguardPeer, outcomeOf, type Way } from './site.ts';

const NUM_RUNS = 3000;
const NUM_RUNS_OF_BYTES = 1000;

const shape = fc.constantFrom(
  (from: string, to: string) => tcp(from, to, 80),
  (from: string, to: string) => tcp(from, to, 53),
  (from: string, to: string) => tcp(from, to, 6600),
  (from: string, to: string) => tcp(from, to, 6601),
  (from: string, to: string) => udp(from, to, 53),
  (from: string, to: string) => udp(from, to, 9, 53),
  (from: string, to: string) => tcp(from, to, 9, 0x12, 53),
  echo,
  (from: string, to: string) => packet(from, to, 132),
  (from: string, to: string) => fragment(udp(from, to, 53), 64, true),
  (from: string, to: string) => extended(udp(from, to, 53), IpProtocol.DestinationOptions),
);
/** Some interface, or the honest one of the source. */
const entry = fc.oneof(
  { weight: 9, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.nat({ max: 9 }).map(fromTun) },
  { weight: 1, arbitrary: fc.constantFrom(0x1_0000, 0x1_0001, 0x1_0002, 0x1_0003).map(fromHost) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(0, 0x1_0001, 0x1_0002, 0x8000_0001), fc.constantFrom(1, 2, 0xffff))
      .map(([network, peer]) => fromWireguardPeer(network, peer)),
  },
);

test('what passes stays in its network, its region and its host', () => {
  let passed = 0;
  fc.assert(
    fc.property(randomExchange, entry, shape, ({ site, source, target }, way, make) => {
      const filter = new PacketFilter(site.config, { flowSets: 1 });
      const entered = way ?? wayOf(site, source);
      const outcome = outcomeOf(filter, entered, make(source, target));
      if (outcome.verdict === Verdict.Drop) return;
      passed++;
      checkPassed(site, source, target, outcome.verdict, outcome.tun);
      // Whoever lies about its source does not get through.
      assert.equal(
        outcomeOf(filter, wayOf(site, source), make(source, target)).verdict !== 0,
        true,
      );
      if (way !== undefined) checkHonest(site, source, entered, make(source, target));
    }),
    { numRuns: NUM_RUNS },
  );
  assert.ok(passed > NUM_RUNS / 20, `only ${passed} packets passed`);
});

test('every packet has exactly one outcome and one counter, whatever its bytes', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    fc
      .tuple(randomExchange, shape, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }))))
      .map(([{ source, target }, make, changes]) => {
        const made = make(source, target);
        for (const [at, value] of changes) made[at % made.length] = value;
        return made;
      }),
  );
  fc.assert(
    fc.property(randomSite, fc.array(fc.tuple(bytes, entry), { maxLength: 8 }), (site, packets) => {
      const filter = new PacketFilter(site.config, { flowSets: 1 });
      let judged = 0;
      for (const [one, way] of packets) {
        const before = one.slice();
        const verdict = (way ?? fromTun(1))(filter, one, judged as Millis);
        judged++;
        assert.ok(
          [Verdict.Drop, Verdict.ToTun, Verdict.ToPeer, Verdict.ToGatewayPeer].includes(verdict),
        );
        if (verdict !== Verdict.Drop) assert.equal(filter.rejection, 0);
        assert.deepEqual(one, before);
        assert.equal(sum(filter.counters) + sum(filter.passes), judged);
      }
    }),
    { numRuns: NUM_RUNS_OF_BYTES },
  );
});

/** The oracle: what must hold of any packet that is not dropped, from what the design says. */
function checkPassed(
  site: RandomSite,
  source: string,
  target: string,
  verdict: Verdict,
  tun: number | undefined,
): void {
  const from = partsOf(source);
  const to = partsOf(target);
  assert.ok(from !== undefined && to !== undefined, 'both are of the site');
  const asksNames = to.network === 0 && to.host === 0;
  const tellsNames = from.network === 0 && from.host === 0;
  if (asksNames || tellsNames) {
    const member = asksNames ? from : to;
    assert.equal(member.host, site.self);
    assert.equal(runsHere(site, member), true);
    assert.equal(tun, asksNames ? 0 : tunOf(site, to));
    return;
  }
  assert.equal(from.network, to.network);
  if (from.network !== 0) checkTenant(site, from, to);
  if (verdict === Verdict.ToTun && tun !== 0) assert.equal(tun, tunOf(site, to));
  if (verdict === Verdict.ToTun && tun === 0) {
    assert.ok(to.host === 0 || (to.host === site.self && to.instance === 0));
  }
  checkPeers(site, from, to, verdict);
  if (to.host !== site.self) assert.ok(from.host === site.self || to.host === 0);
}

/** Invites are of network 0 and hosts' business, laptops of all others and the gateway's. */
function checkPeers(site: RandomSite, from: Parts, to: Parts, verdict: Verdict): void {
  const isHere = to.host === site.self;
  if (verdict === Verdict.ToPeer) assert.ok(!isHere || (to.network === 0 && to.instance === 0xa));
  if (verdict === Verdict.ToGatewayPeer) assert.ok(isHere && to.network !== 0);
  if (verdict === Verdict.ToGatewayPeer) assert.equal(to.instance, 0xa);
  if (from.network !== 0 && from.instance === 0xa) assert.notEqual(to.instance, 0xa);
}

function checkTenant(site: RandomSite, from: Parts, to: Parts): void {
  const network = site.config.networks.find((one) => one.id === from.network);
  assert.ok(network !== undefined, 'the network is here');
  const region = (host: number): string | undefined =>
    host === site.self || host === 0
      ? site.config.region
      : site.config.hosts.find((one) => one.id === host)?.region;
  assert.ok(region(from.host) !== undefined && region(to.host) !== undefined, 'hosts are known');
  if (network.regionScoped) assert.equal(region(from.host), region(to.host));
}

function tunOf(site: RandomSite, to: Parts): number | undefined {
  const { instances } = site.config;
  if (to.host !== site.self) return undefined;
  return instances.find((one) => one.network === to.network && one.instance === to.instance)?.tun;
}

function runsHere(site: RandomSite, parts: Parts): boolean {
  return tunOf(site, parts) !== undefined;
}

/** A packet that came in by a wrong interface and passed would be a lie that was believed. */
function checkHonest(site: RandomSite, source: string, way: Way, sent: Uint8Array): void {
  const honest = new Probe();
  const given = new Probe();
  wayOf(site, source)(honest as never, sent, 0 as Millis);
  way(given as never, sent, 0 as Millis);
  assert.deepEqual(given.entry, honest.entry);
}

/** Stands in for a filter to learn which interface a Way is. */
class Probe {
  entry: readonly (string | number)[] = [];

  judgeFromTun(tun: number): number {
    this.entry = ['tun', tun];
    return 0;
  }

  judgeFromHost(host: number): number {
    this.entry = ['host', host];
    return 0;
  }

  judgeFromWireguardPeer(network: number, peer: number): number {
    this.entry = ['peer', network, peer];
    return 0;
  }
}

function sum(counters: Float64Array): number {
  return counters.reduce((all, one) => all + one, 0);
}

// The wall between networks in the name server: whose table a look-up touches, and that a name of
// another network is answered as one that does not exist, to the byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkId } from '../../src/addressing/ids.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { RecordType } from '../../src/dns/protocol.ts';
import type { NetworkZone } from '../../src/dns/zone.ts';
import { FORWARDER_OPTIONS, Forwarder } from '../../src/nameserver/forwarder.ts';
import { makeNameserverCounters } from '../../src/nameserver/metrics.ts';
import { NAMESERVER_OPTIONS } from '../../src/nameserver/nameserver.ts';
import { Responder } from '../../src/nameserver/responder.ts';
import { SourceTable } from '../../src/nameserver/source-table.ts';
import { BLUE, makeQuestion, makeTestAnswerer, RED, RED_ZONE } from '../dns/dns-messages.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const { A, AAAA, ANY, PTR, SRV, TXT } = RecordType;
const RED_INSTANCE = 'fdaa:1:1111:1:1:1:a1:2';
const BLUE_MACHINE = '000000000000b1';
const SERVERS = [0 as NetworkId, RED];

/** Names of another network, each beside one of the same form and length that is nobody's. */
const FOREIGN: readonly (readonly [foreign: string, nobody: string])[] = [
  ['secret.internal', 'nobody.internal'],
  ['ams.secret.internal', 'ams.nobody.internal'],
  [`${BLUE_MACHINE}.vm.secret.internal`, '000000000000c1.vm.nobody.internal'],
  ['regions.secret.internal', 'regions.nobody.internal'],
  ['all.vms.secret.internal', 'all.vms.nobody.internal'],
  ['top1.nearest.of.secret.internal', 'top1.nearest.of.nobody.internal'],
  ['healthy.secret.internal', 'healthy.nobody.internal'],
  ['_http._tcp.secret.internal', '_http._tcp.nobody.internal'],
  ['role.kv._metadata.secret.internal', 'role.kv._metadata.nobody.internal'],
  [reverse('00022222000100010001'), reverse('00033333000100010001')],
];
/** Names that every network has, of its own. */
const OWN = ['web.internal', '_apps.internal', 'all._instances.internal', 'self.internal'];

test('Responder reads the table of the asker and no other', () => {
  const touched: string[] = [];
  const foreign = new Proxy({} as NetworkZone, {
    get: (_, key) => touched.push(String(key)),
    has: (_, key) => touched.push(String(key)) > 0,
    ownKeys: () => [String(touched.push('keys'))],
  });
  const { respond } = start(foreign);
  for (const name of [...FOREIGN.flat(), ...OWN]) {
    for (const type of [A, AAAA, ANY, PTR, SRV, TXT]) {
      for (const server of [...SERVERS, BLUE]) respond(name, type, server);
    }
  }
  assert.deepEqual(touched, []);
});

test('Responder answers alike for a name of another network and a name of none', () => {
  const { respond } = start({ ...RED_ZONE, apps: new Map() });
  for (const [name, nobody] of FOREIGN) {
    for (const type of [A, AAAA, ANY, PTR, SRV, TXT]) {
      for (const server of SERVERS) {
        const [found, expected] = [respond(name, type, server), respond(nobody, type, server)];
        assert.equal(withoutName(found, name), withoutName(expected, nobody), name);
      }
    }
  }
});

interface Started {
  respond(name: string, type: number, server: NetworkId): Buffer;
}

/** A responder for an instance of RED, where BLUE has a table too. */
function start(foreign: NetworkZone): Started {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const counters = makeNameserverCounters();
  const dependencies = { clock, random, counters, logger: SILENT_LOGGER };
  const forwarder = new Forwarder(dependencies, FORWARDER_OPTIONS);
  const sources = new SourceTable(NAMESERVER_OPTIONS.sources);
  const answerer = makeTestAnswerer();
  const responder = new Responder({ clock, counters, forwarder, answerer, sources });
  responder.setZone({
    networks: new Map([
      [BLUE, foreign],
      [RED, RED_ZONE],
    ]),
  });
  const source = sources.find(RED_INSTANCE, clock.now());
  assert.ok(source !== undefined);
  return {
    respond: (name, type, server) => {
      const response = responder.respond(makeQuestion(name, { type }), source, server, 'udp');
      assert.ok(response instanceof Uint8Array);
      return Buffer.from(response);
    },
  };
}

/** The reply but for the name that was asked for. */
function withoutName(reply: Buffer, name: string): string {
  return reply.toString('hex', 0, 12) + reply.toString('hex', 12 + name.length + 2);
}

/** The name of `fdaa:...:a1:2` with these digits of network and host in the reverse zone. */
function reverse(digits: string): string {
  return `${[...`fdaa${digits}00a10002`].reverse().join('.')}.ip6.arpa`;
}

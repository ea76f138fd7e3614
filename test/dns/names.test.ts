// Every form of a name and what a name is not, each as one line of a table: replies are read back
// by dns2, which shares no line with what makes them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkNameserverAddress } from '../../src/addressing/layout.ts';
import { Rcode, RecordType } from '../../src/dns/protocol.ts';
import type { NetworkZone } from '../../src/dns/zone.ts';
import { askAndRead, BLUE_ZONE, RED, RED_ZONE, SELF } from './dns-messages.ts';

const { A, AAAA, ANY, PTR, SOA, SRV, TXT } = RecordType;
const A1 = 'fdaa:1:1111:1:1:1:a1:2';
const A2 = 'fdaa:1:1111:1:1:1:a2:2';
const A3 = 'fdaa:1:1111:1:1:1:a3:2';

const [M0, M1, M2, M3] = ['a0', 'a1', 'a2', 'a3'].map((end) => end.padStart(14, '0'));
const [I0, I1, I2, I3] = [
  [M0, 'a0', 'lax'],
  [M1, 'a1', 'ord'],
  [M2, 'a2', 'ord'],
  [M3, 'a3', 'nrt'],
].map(([id, end, region]) => {
  return `instance=${id},app=web,ip=fdaa:1:1111:1:1:1:${end}:2,region=${region}`;
});

const APEXES = ['internal', 'a.a.d.f.ip6.arpa', 'fly-local-6pn', 'i6pn.modal.local'];

/** Of `laptop`. */
const PEER_REVERSE = '3.0.0.0.a.0.0.0.0.0.0.0.1.0.0.0.1.0.0.0.1.1.1.1.1.0.0.0.a.a.d.f.ip6.arpa';

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
  ['_instances.internal', TXT, [`${I1};${I2};${I3}`]],
  ['all._instances.internal', TXT, [`${I0};${I1};${I2};${I3}`]],
  ['all._apps.internal', TXT, ['idle,web']],
  ['all.regions.web.internal', TXT, ['lax,nrt,ord']],
  ['all.vms.web.internal', TXT, [`${M0} lax,${M1} ord,${M2} ord,${M3} nrt`]],
  ['primary.role.kv._metadata.web.internal', AAAA, [A1]],
  ['role.kv._metadata.web.internal', AAAA, [A1, A2, A3]],
  ['replica.ROLE.kv._metadata.web.internal', AAAA, [A2]],
  ['1.2.version.kv._metadata.web.internal', AAAA, [A1]],
  ['empty.kv._metadata.web.internal', AAAA, [A1]],
  ['healthy.web.internal', AAAA, [A1]],
  ['top1.nearest.of.web.internal', AAAA, [A1]],
  ['top2.nearest.of.web.internal', AAAA, [A1, A2]],
  ['top99.nearest.of.web.internal', AAAA, [A1, A2, A3]],
  [
    '_http._tcp.web.internal',
    SRV,
    [`1 8080 ${M1}.vm.web.internal`, `1 8081 ${M2}.vm.web.internal`],
  ],
  ['_dns._udp.web.internal', SRV, [`1 53 ${M1}.vm.web.internal`]],
  ['_api.internal', AAAA, [networkNameserverAddress(RED)]],
  ['_API.internal', AAAA, [networkNameserverAddress(RED)]],
  ['_peer.internal', TXT, ['anna,laptop']],
  ['anna._peer.internal', AAAA, ['fdaa:1:1111:1:1:0:a:1']],
  ['Interactive-X._peer.internal', AAAA, ['fdaa:1:1111:1:1:0:a:2']],
  [PEER_REVERSE, PTR, ['laptop._peer.internal']],
  ['self.internal', AAAA, [SELF]],
  ['fly-local-6pn', AAAA, [SELF]],
  ['i6pn.modal.local', AAAA, [SELF]],
  [reverseOf('a1'), PTR, [`${M1}.vm.web.internal`]],
  [reverseOf('a0'), PTR, [`${M0}.vm.web.internal`]],
];

for (const [name, type, expected] of PRESENT) {
  test(`answer() knows type ${type} of ${name}`, () => {
    const reply = askAndRead(RED_ZONE, name, { type });
    const records = reply.answers.filter((one) => one.type !== SOA);
    const found = records.map((one) => {
      if (one.target !== undefined) return `${one.weight} ${one.port} ${one.target}`;
      return one.address ?? one.domain ?? [one.data].flat().join('');
    });
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
  ['0.a.a.d.f.ip6.arpa', AAAA],
  [reverseOf('a1').slice(2), PTR],
  [reverseOf('a1'), AAAA],
  ['000000000000a0.vm.web.internal', AAAA],
  ['lax.web.internal', AAAA],
  ['batch.process.web.internal', AAAA],
  ['_api.internal', A],
  ['_peer.internal', AAAA],
  ['anna._peer.internal', TXT],
  ['_instances.internal', AAAA],
  ['_metadata.web.internal', AAAA],
  ['kv._metadata.web.internal', AAAA],
  ['spare.role.kv._metadata.web.internal', AAAA],
  ['2.version.kv._metadata.web.internal', AAAA],
  ['of.web.internal', AAAA],
  ['nearest.of.web.internal', AAAA],
  ['top3.nearest.of.idle.internal', AAAA],
  ['healthy.idle.internal', AAAA],
  ['_tcp.web.internal', SRV],
  ['_ftp._tcp.web.internal', SRV],
  ['_http._tcp.web.internal', AAAA],
  ['self.internal', A],
  ['fly-local-6pn', A],
  ['i6pn.modal.local', TXT],
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
  'x.a.a.d.f.ip6.arpa',
  `0.${reverseOf('a1')}`,
  reverseOf('b1'),
  'x._api.internal',
  '_api.web.internal',
  '_apps.web.internal',
  '_instances.web.internal',
  'x.self.internal',
  'x.fly-local-6pn',
  'x.i6pn.modal.local',
  'nobody._peer.internal',
  'x.anna._peer.internal',
  'all._peer.internal',
  'all.internal',
  'all.web.internal',
  'x.all.vms.web.internal',
  'some.vms.web.internal',
  'x._metadata.web.internal',
  'nobody.role.kv._metadata.web.internal',
  'primary.kv._metadata.web.internal',
  'primary.role.kv._metadata.idle.internal',
  'top0.nearest.of.web.internal',
  'top01.nearest.of.web.internal',
  'top.nearest.of.web.internal',
  'x.top1.nearest.of.web.internal',
  'x.of.web.internal',
  'http._tcp.web.internal',
  '_http._udp.web.internal',
  '_none._tcp.web.internal',
  '_x._http._tcp.web.internal',
  '_tcp.idle.internal',
  'x.healthy.web.internal',
];

for (const name of ABSENT) {
  test(`answer() knows no ${name}`, () => {
    for (const type of [AAAA, A, TXT, PTR, ANY]) {
      assertNegative(RED_ZONE, name, type, Rcode.NameError);
    }
  });
}

test('answer() knows the names of one network alone', () => {
  assert.equal(askAndRead(BLUE_ZONE, 'web.internal').header.rcode, Rcode.NameError);
  assert.equal(askAndRead(RED_ZONE, 'secret.internal').header.rcode, Rcode.NameError);
});

/** The name of `fdaa:1:1111:1:1:1:<end>:2` in the reverse zone. */
function reverseOf(end: string): string {
  const digits = `fdaa0001111100010001000100${end}0002`;
  return `${[...digits].reverse().join('.')}.ip6.arpa`;
}

function assertNegative(zone: NetworkZone, name: string, type: number, rcode: Rcode): void {
  const reply = askAndRead(zone, name, { type });
  assert.equal(reply.header.rcode, rcode);
  assert.equal(reply.header.aa, 1);
  assert.equal(reply.answers.length, 0);
  const apex = APEXES.find((one) => name === one || name.endsWith(`.${one}`));
  assert.deepEqual(
    reply.authorities.map((one) => [one.name, one.type, one.ttl, one.minimum]),
    [[apex, SOA, 5, 5]],
  );
}

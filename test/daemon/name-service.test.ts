// What `p6nctl dns lookup` and `watch` say, with a real name server that listens nowhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MachineId, NetworkId } from '../../src/addressing/ids.ts';
import type { LocalInstance } from '../../src/agent/ports.ts';
import type { NameAnswer, NameQuestion } from '../../src/api/contract/names.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { LocalNameService } from '../../src/daemon/name-service.ts';
import type { NetworkZone } from '../../src/dns/zone.ts';
import { Nameserver } from '../../src/nameserver/nameserver.ts';
import type { Principal } from '../../src/registry/authority.ts';
import { BLUE, makeInstance, makeZone, RED, RED_ZONE, ZONE } from '../dns/dns-messages.ts';
import { UNBOUND_DEVICE_SOCKETS } from '../fakes/device-sockets.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

/** The service asks nothing of who asks: its door does. */
const ANYONE = {} as Principal;

const LOOKUPS: readonly (readonly [question: NameQuestion, answer: Partial<NameAnswer>])[] = [
  [
    { name: 'nrt.web.internal', network: 'red' },
    {
      name: 'nrt.web.internal',
      type: 'AAAA',
      network: 'red',
      network_id: RED,
      outcome: 'NOERROR',
      handler: 'region',
      why: 'The name exists (the started instances of a region).',
      records: [{ name: 'nrt.web.internal', type: 'AAAA', ttl: 5, data: 'fdaa:1:1111:1:1:1:a3:2' }],
    },
  ],
  [
    { name: 'regions.web.internal.', type: 'txt', network: 'RED' },
    { type: 'TXT', handler: 'lists', records: [textRecord('regions.web.internal', 'nrt,ord')] },
  ],
  [
    { name: '_dns._udp.web.internal', type: 'SRV', network: String(RED) },
    { records: [serviceRecord('_dns._udp.web.internal', '0 1 53 000000000000a1.vm.web.internal')] },
  ],
  [
    { name: 'idle.internal', network: 'red' },
    {
      outcome: 'NOERROR',
      why: 'The name exists (all started instances of an app) and has no record of this type.',
      records: [],
    },
  ],
  [
    { name: 'secret.internal', network: 'red' },
    {
      outcome: 'NXDOMAIN',
      handler: 'absence',
      why: 'The name does not exist for this network.',
      records: [],
    },
  ],
  [
    { name: 'secret.internal', network: 'blue' },
    { outcome: 'NOERROR', network_id: BLUE },
  ],
  [
    { name: 'example.com', network: 'red' },
    {
      outcome: 'SERVFAIL',
      handler: 'forwarding',
      why: 'Nobody knows at the moment (names of others, asked of the resolvers of the host).',
    },
  ],
];

for (const [question, expected] of LOOKUPS) {
  const { name, type = 'AAAA', network } = question;
  test(`LocalNameService.lookup() answers for ${type} of ${name} in ${network}`, async () => {
    const answer = await start().names.lookup(ANYONE, question);
    assert.deepEqual({ ...answer, ...expected }, answer);
  });
}

const REFUSED: readonly (readonly [question: NameQuestion, code: string, message: RegExp])[] = [
  [{ name: 'web.internal' }, 'VALUE_INVALID', /it may be for red \(69905\), blue \(139810\)/],
  [{ name: 'web.internal', network: 'none' }, 'NOT_FOUND', /network "none": nothing here/],
  [{ name: 'a..b', network: 'red' }, 'VALUE_INVALID', /"a..b": it is no name of DNS/],
  [{ name: '', network: 'red' }, 'VALUE_INVALID', /it is no name of DNS/],
  [{ name: 'x'.repeat(64), network: 'red' }, 'VALUE_INVALID', /it is no name of DNS/],
  [{ name: 'web.internal', type: 'AXFR', network: 'red' }, 'VALUE_INVALID', /type "AXFR"/],
  [{ name: 'web.internal', type: 'toString', network: 'red' }, 'VALUE_INVALID', /type "toString"/],
];

for (const [question, code, message] of REFUSED) {
  test(`LocalNameService.lookup() refuses ${JSON.stringify(question)}`, async () => {
    const { names } = start();
    const isRefusal = (error: unknown): boolean =>
      error instanceof P6nError && error.code === code && message.test(error.message);
    await assert.rejects(names.lookup(ANYONE, question), isRefusal);
    const watching = names.watch(ANYONE, question, new AbortController().signal);
    await assert.rejects(next(watching[Symbol.asyncIterator]()), isRefusal);
  });
}

test('LocalNameService.lookup() takes the only network of this host', async () => {
  const { names } = start([instanceOf(RED, 'red'), instanceOf(RED, 'red')]);
  assert.equal((await names.lookup(ANYONE, { name: 'web.internal' })).network, 'red');
});

test('LocalNameService.lookup() is not counted among the questions of instances', async () => {
  const { names, nameserver } = start();
  await names.lookup(ANYONE, { name: 'web.internal', network: 'red' });
  assert.ok(Object.values(nameserver.counters()).every((count) => count === 0));
});

test('LocalNameService.watch() tells of each change once, and of nothing else', async () => {
  const { names, nameserver, setRed } = start();
  const abort = new AbortController();
  const question = { name: 'web.internal', network: 'red' };
  const watching = names.watch(ANYONE, question, abort.signal)[Symbol.asyncIterator]();
  assert.equal((await next(watching)).records.length, 3);
  let told = 0;
  const later = next(watching).then((answer) => {
    told += 1;
    return answer;
  });
  // The same again, in another order, and a change of another name.
  nameserver.setZone(ZONE);
  setRed(makeZone({ web: [...RED_ZONE.apps.get('web')!.instances], other: [] }));
  await names.lookup(ANYONE, question);
  assert.equal(told, 0);
  setRed(makeZone({ web: [makeInstance(0xa1, 'ord')] }));
  assert.equal((await later).records.length, 1);
  setRed(makeZone({}));
  const gone = await next(watching);
  assert.deepEqual([gone.outcome, gone.records.length], ['NXDOMAIN', 0]);
  const end = watching.next();
  abort.abort();
  assert.equal((await end).done, true);
});

test('LocalNameService.watch() watches no names of others', async () => {
  const question = { name: 'example.com', network: 'red' };
  const watching = start().names.watch(ANYONE, question, new AbortController().signal);
  await assert.rejects(next(watching[Symbol.asyncIterator]()), /it is a name of others/);
});

function start(instances = [instanceOf(RED, 'red'), instanceOf(BLUE, 'blue')]): {
  names: LocalNameService;
  nameserver: Nameserver;
  setRed: (zone: NetworkZone) => void;
} {
  const nameserver = new Nameserver({
    sockets: UNBOUND_DEVICE_SOCKETS,
    clock: new ManualClock(),
    logger: SILENT_LOGGER,
    random: new SeededRandom(1),
  });
  nameserver.setZone(ZONE);
  return {
    nameserver,
    names: new LocalNameService({ nameserver, instances: () => instances, networks: () => [] }),
    setRed: (zone) => nameserver.setZone({ networks: new Map([...ZONE.networks, [RED, zone]]) }),
  };
}

function instanceOf(network: NetworkId, networkName: string): LocalInstance {
  const machineId = '000000000000a1' as MachineId;
  return { instance: { machineId, network }, networkName } as unknown as LocalInstance;
}

async function next(watching: AsyncIterator<NameAnswer>): Promise<NameAnswer> {
  const { done, value } = await watching.next();
  assert.notEqual(done, true);
  return value as NameAnswer;
}

function textRecord(name: string, data: string): NameAnswer['records'][number] {
  return { name, type: 'TXT', ttl: 5, data };
}

function serviceRecord(name: string, data: string): NameAnswer['records'][number] {
  return { name, type: 'SRV', ttl: 5, data };
}

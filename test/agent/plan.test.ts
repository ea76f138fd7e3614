// The plan as a table: what is known in, what this host shall be out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceId, MachineId, NetworkId } from '../../src/addressing/ids.ts';
import { instanceAddress, presenceAddress } from '../../src/addressing/layout.ts';
import type { JournalRecord } from '../../src/agent/journal-record.ts';
import { awaitedNamespace } from '../../src/agent/namespace.ts';
import type { plan } from '../../src/agent/plan.ts';
import type { CopyView } from '../../src/agent/ports.ts';
import { toBase64 } from '../../src/base/bytes.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import type { Instance, Invite } from '../../src/registry/model.ts';
import {
  HOST,
  makeApp,
  makeHost,
  makeIdentity,
  makeKey,
  makeNetwork,
  makeRemoteInstance,
  NETWORK,
  nameCount,
  OTHER_HOST,
} from './agent-world.ts';
import { NOW, planOf } from './plan-input.ts';

const REVISION = { incarnation: '0123456789abcdef', number: 1 };
const OTHER_NETWORK = 0x30000 as NetworkId;

test('plan() gives every other host a peer with its endpoint', () => {
  const { device, filter } = planOf({
    copy: { hosts: [makeHost(HOST), makeHost(OTHER_HOST, { region: 'fra' })] },
  }).dataplane;
  assert.deepEqual(
    device.peers.map(({ publicKey }) => toBase64(publicKey)),
    [makeKey(OTHER_HOST & 0xff)],
  );
  assert.deepEqual(device.peers[0]?.route, { kind: 'host', hostId: OTHER_HOST, key: 'current' });
  assert.equal(device.peers[0]?.endpoint?.address, '192.0.2.1');
  assert.equal(device.peers[0]?.persistentKeepaliveSeconds, undefined);
  assert.deepEqual(filter.hosts, [
    { id: HOST, region: 'local' },
    { id: OTHER_HOST, region: 'fra' },
  ]);
});

test('plan() keeps the way open from a host that only calls out', () => {
  const input = { copy: { hosts: [makeHost(OTHER_HOST), makeHost(0x10002, { endpoints: [] })] } };
  const { peers } = planOf({ ...input, identity: makeIdentity({ callsOut: true }) }).dataplane
    .device;
  assert.deepEqual(
    peers.map(({ persistentKeepaliveSeconds }) => persistentKeepaliveSeconds),
    [25, undefined],
  );
});

test('plan() tries a host wherever it may be, and by its next key too', () => {
  const next = { publicKey: makeKey(77), generation: 2, signature: '' };
  const places = { endpoints: ['192.0.2.1:1'], observed: { [HOST]: '203.0.113.7:4000' } };
  const hosts = [makeHost(OTHER_HOST, { ...places, next })];
  const [current, other] = planOf({ copy: { hosts } }).dataplane.device.peers;
  assert.deepEqual(current?.endpoint, { address: '192.0.2.1', port: 1 });
  assert.deepEqual(current?.alternatives, [{ address: '203.0.113.7', port: 4000 }]);
  assert.equal(toBase64(other?.publicKey ?? new Uint8Array()), next.publicKey);
  assert.deepEqual(other?.route, { kind: 'host', hostId: OTHER_HOST, key: 'next' });
});

test('plan() names nothing of hosts that are absent or drained', () => {
  const records = [makeRecord(1, {})];
  const names = (copy: Partial<CopyView>): number =>
    nameCount(planOf({ copy: { instances: [makeRemoteInstance()], ...copy }, records }).zone);
  const hosts = [makeHost(HOST), makeHost(OTHER_HOST)];
  assert.equal(names({ hosts }), 2);
  const absences = [{ kind: 'host-absence', host: OTHER_HOST, since: NOW }] as const;
  assert.equal(names({ hosts, absences }), 1);
  assert.equal(names({ hosts: [makeHost(HOST), makeHost(OTHER_HOST, { drainedAt: NOW })] }), 1);
  assert.equal(names({ hosts: [makeHost(HOST, { drainedAt: NOW }), makeHost(OTHER_HOST)] }), 1);
});

test('plan() reaches the servers of the identity while the copy lacks them', () => {
  const server = {
    id: OTHER_HOST,
    region: 'ams',
    publicKey: makeKey(9),
    endpoints: ['[2001:db8::1]:51820'],
  };
  const identity = makeIdentity({ servers: [server] });
  const alone = planOf({ identity }).dataplane;
  assert.equal(alone.device.peers[0]?.endpoint?.address, '2001:db8::1');
  assert.deepEqual(alone.filter.hosts[1], { id: OTHER_HOST, region: 'ams' });
  const hosts = [makeHost(OTHER_HOST, { role: 'server' })];
  // What is believed without a copy is older than where the host was led since.
  const believed = planOf({ identity, copy: { hosts } }).dataplane;
  assert.equal(believed.device.peers.length, 1);
  assert.equal(believed.device.peers[0]?.endpoint?.address, '2001:db8::1');
  const known = planOf({ identity, copy: { hosts, revision: REVISION } }).dataplane;
  assert.equal(known.device.peers.length, 1);
  assert.equal(known.device.peers[0]?.endpoint?.address, '192.0.2.1');
});

test('plan() has no peer in a server that was removed from the site', () => {
  const removed = { id: OTHER_HOST, region: 'ams', publicKey: makeKey(9), endpoints: [] };
  const { device, filter } = planOf({
    identity: makeIdentity({ servers: [removed] }),
    copy: { revision: REVISION, hosts: [makeHost(HOST), makeHost(0x10002, { role: 'server' })] },
  }).dataplane;
  assert.deepEqual(
    device.peers.map(({ publicKey }) => toBase64(publicKey)),
    [makeKey(2)],
  );
  assert.deepEqual(
    filter.hosts.map(({ id }) => id),
    [HOST, 0x10002],
  );
});

test('plan() leaves out a host whose key is none', () => {
  const hosts = [makeHost(OTHER_HOST, { publicKey: 'AAAA' }), makeHost(0x10002)];
  assert.equal(planOf({ copy: { hosts } }).dataplane.device.peers.length, 1);
});

test('plan() asks for the names among the endpoints', () => {
  const hosts = [
    makeHost(OTHER_HOST, { endpoints: ['192.0.2.1:1', 'a.example:2', '[2001:db8::1]:3', 'junk'] }),
  ];
  assert.deepEqual([...planOf({ copy: { hosts } }).endpointNames], ['a.example']);
});

for (const [what, change, served] of [
  ['that is open', {}, true],
  ['of another server', { server: OTHER_HOST }, false],
  ['that has expired', { expiresAt: NOW }, false],
  ['that is used by a host yet to speak', { use: useBy(8) }, true],
  ['that is used by a host that has spoken', { use: useBy(9) }, false],
] as const) {
  test(`plan() ${served ? 'serves' : 'does not serve'} an invite ${what}`, () => {
    const result = planOf({
      identity: makeIdentity({ role: 'server' }),
      invites: [makeInvite(change)],
      handshakes: new Set([makeKey(9)]),
    });
    assert.deepEqual(
      result.dataplane.device.peers.map(({ route }) => route),
      served ? [{ kind: 'prefixes', prefixes: ['fdaa::1:0:0:a:5/128'] }] : [],
    );
    assert.deepEqual(
      result.dataplane.filter.wireguardPeers,
      served ? [{ network: 0, peer: 5 }] : [],
    );
    assert.equal(result.changesAt, served ? NOW + 1000 : undefined);
  });
}

test('plan() serves no invite on a host that is no server', () => {
  const { dataplane } = planOf({ invites: [makeInvite({})] });
  assert.deepEqual(dataplane.device.peers, []);
  assert.equal(dataplane.filter.server, false);
});

test('plan() gives the host link an address for each network with an instance here', () => {
  const record = makeRecord(1, {});
  const { hostLink, listeners } = planOf({ records: [record] });
  assert.deepEqual(hostLink, {
    namespace: undefined,
    name: 'p6n0',
    mtu: 1420,
    addresses: [
      { address: 'fdaa:0:0:1::1', preferred: true },
      { address: 'fdaa::3', preferred: false },
      { address: 'fdaa:2::3', preferred: false },
      { address: presenceAddress(NETWORK, HOST), preferred: true },
    ],
    routes: ['fdaa::/16'],
    exclusive: true,
  });
  assert.deepEqual(listeners, ['fdaa::3', 'fdaa:2::3']);
});

test('plan() gives an instance its TUN, its address and its route', () => {
  const record = makeRecord(7, {});
  const { dataplane, instanceLinks } = planOf({ records: [record] });
  assert.deepEqual(dataplane.tuns, [
    { tun: 0, name: 'p6n0', namespace: undefined, mtu: 1420, persistent: true },
    { tun: 7, name: 'p6n0', namespace: '/proc/7/ns/net', mtu: 1420, persistent: true },
  ]);
  assert.deepEqual(dataplane.filter.instances, [
    { network: NETWORK, instance: record.instance.instanceId, tun: 7 },
  ]);
  assert.deepEqual(instanceLinks.get(record.instance.machineId), {
    namespace: '/proc/7/ns/net',
    name: 'p6n0',
    mtu: 1420,
    addresses: [{ address: record.instance.address, preferred: true }],
    routes: ['fdaa::/16'],
    exclusive: false,
  });
});

for (const [what, change, live, named, follows] of [
  ['started', {}, true, true, true],
  ['created', { state: 'created' }, true, false, true],
  ['stopped', { state: 'stopped' }, false, false, true],
] as const) {
  test(`plan() of an instance that is ${what}`, () => {
    const result = planOf({ records: [makeRecord(1, change)], copy: { apps: [makeApp('web')] } });
    assert.equal(result.dataplane.filter.instances.length, live ? 1 : 0);
    assert.equal(result.dataplane.filter.networks.length, live ? 1 : 0);
    assert.equal(result.zone.networks.size, live ? 1 : 0);
    assert.equal(namesOf(result, NETWORK).length, named ? 1 : 0);
    assert.equal(result.followed.has(NETWORK), follows);
  });
}

test('plan() of an instance that is removed is as if there were none', () => {
  const removed = { ...makeRecord(1, {}), removed: true };
  assert.deepEqual(planOf({ records: [removed] }), planOf({}));
});

test('plan() of an instance without its namespace leaves it out', () => {
  const result = planOf({ records: [makeRecord(1, {})], namespaces: new Map() });
  assert.equal(result.dataplane.tuns.length, 1);
  assert.equal(result.dataplane.filter.instances.length, 0);
  assert.equal(result.zone.networks.size, 0);
});

test('plan() makes an interface that is handed over where its owner takes it from', () => {
  const attachment = { ...awaitedNamespace('/run/docker/netns/x'), handover: 'p6n-1' };
  const awaited: JournalRecord = { ...makeRecord(1, {}), origin: 'attached', attachment };
  const { machineId } = awaited.instance;
  const before = planOf({ records: [awaited], namespaces: new Map([[machineId, undefined]]) });
  const tun = { tun: 1, mtu: 1420, persistent: true, movable: true };
  assert.deepEqual(before.dataplane.tuns[1], { ...tun, name: 'p6n-1', namespace: undefined });
  const { path } = attachment;
  const after = planOf({ records: [awaited], namespaces: new Map([[machineId, path]]) });
  assert.deepEqual(after.dataplane.tuns[1], { ...tun, name: 'p6n0', namespace: path });
  assert.deepEqual([before.instanceLinks.size, after.instanceLinks.size], [0, 0]);
});

test('plan() names only networks with an instance here', () => {
  const { zone } = planOf({
    records: [makeRecord(1, {})],
    copy: {
      apps: [makeApp('web'), makeApp('idle'), makeApp('secret', OTHER_NETWORK)],
      instances: [remote(2, { network: OTHER_NETWORK, app: 'secret' })],
    },
  });
  assert.deepEqual([...zone.networks.keys()], [NETWORK]);
  assert.deepEqual([...(zone.networks.get(NETWORK)?.apps.keys() ?? [])], ['idle', 'web']);
});

test('plan() names started instances of all hosts, ordered by machine id', () => {
  const result = planOf({
    records: [makeRecord(2, {})],
    copy: {
      apps: [makeApp('web')],
      instances: [remote(3, {}), remote(1, {}), remote(4, { state: 'stopped' })],
    },
  });
  assert.deepEqual(namesOf(result, NETWORK), [machineId(1), machineId(2), machineId(3)]);
});

test('plan() names no instance that is about to stop', () => {
  const unnamed = new Set([machineId(1)]);
  const result = planOf({ records: [makeRecord(1, {}), makeRecord(2, {})], unnamed });
  assert.deepEqual(namesOf(result, NETWORK), [machineId(2)]);
  assert.equal(result.dataplane.filter.instances.length, 2);
});

test('plan() believes the journal, and not the copy, about its own instances', () => {
  const own = makeRecord(1, { state: 'stopped' });
  const result = planOf({
    records: [own, makeRecord(2, {})],
    copy: {
      apps: [makeApp('web')],
      instances: [{ ...own.instance, state: 'started' }, remote(5, { host: HOST })],
    },
  });
  assert.deepEqual(namesOf(result, NETWORK), [machineId(2)]);
});

test('plan() keeps the names of a region-scoped network to the region', () => {
  const input = {
    records: [makeRecord(1, {})],
    copy: {
      networks: [makeNetwork(NETWORK, { regionScoped: true })],
      apps: [makeApp('web')],
      hosts: [makeHost(OTHER_HOST, { region: 'fra' })],
      instances: [remote(2, { region: 'fra' }), remote(3, {})],
    },
  };
  const result = planOf(input);
  assert.deepEqual(namesOf(result, NETWORK), [machineId(1), machineId(3)]);
  assert.deepEqual(result.dataplane.filter.networks, [{ id: NETWORK, regionScoped: true }]);
  const wide = planOf({ ...input, copy: { ...input.copy, networks: [makeNetwork()] } });
  assert.deepEqual(namesOf(wide, NETWORK), [machineId(1), machineId(2), machineId(3)]);
});

test('plan() remembers from the journal that a network is region-scoped', () => {
  const record = { ...makeRecord(1, {}), network: { name: 'n', regionScoped: true } };
  const result = planOf({ records: [record], copy: { networks: [] } });
  assert.deepEqual(result.dataplane.filter.networks, [{ id: NETWORK, regionScoped: true }]);
});

test('plan() knows the regions of all hosts', () => {
  const { zone } = planOf({
    records: [makeRecord(1, {})],
    copy: { hosts: [makeHost(OTHER_HOST, { region: 'fra' })] },
  });
  assert.deepEqual([...(zone.networks.get(NETWORK)?.regions ?? [])], ['local', 'fra']);
});

test('plan() of the same knowledge is the same plan', () => {
  const input = { records: [makeRecord(1, {})], copy: { hosts: [makeHost(OTHER_HOST)] } };
  assert.deepEqual(planOf(input), planOf(input));
});

test('plan() names stopped instances apart, with what they declare', () => {
  const services = [{ name: 'http', port: 80, protocol: 'tcp' }] as const;
  const checks = [{ type: 'tcp', service: 'http' }] as const;
  const records = [
    makeRecord(1, { services, checks, health: 'passing' }),
    makeRecord(2, { state: 'stopped', metadata: { a: 'b' } }),
    makeRecord(3, { state: 'created' }),
    makeRecord(4, { health: 'passing' }),
  ];
  const instances = [remote(5, { state: 'stopped' }), remote(6, { checks, health: 'failing' })];
  const { zone } = planOf({ records, copy: { instances }, nearestHosts: [OTHER_HOST] });
  const network = zone.networks.get(NETWORK);
  assert.deepEqual(network?.nearestHosts, [HOST, OTHER_HOST]);
  const web = network?.apps.get('web');
  assert.deepEqual(
    web?.instances.map((one) => [one.machineId, one.host, one.healthy, one.services]),
    [
      [machineId(1), HOST, true, services],
      [machineId(4), HOST, false, []],
      [machineId(6), OTHER_HOST, false, []],
    ],
  );
  assert.deepEqual(
    web?.stopped.map((one) => [one.machineId, one.metadata]),
    [
      [machineId(2), { a: 'b' }],
      [machineId(5), {}],
    ],
  );
});

function namesOf({ zone }: ReturnType<typeof plan>, network: NetworkId): readonly string[] {
  const apps = [...(zone.networks.get(network)?.apps.values() ?? [])];
  return apps.flatMap(({ instances }) => instances.map((instance) => instance.machineId));
}

function machineId(number: number): MachineId {
  return number.toString(16).padStart(14, '0') as MachineId;
}

function remote(number: number, overrides: Partial<Instance>): Instance {
  return { ...makeRecord(number, {}).instance, host: OTHER_HOST, ...overrides };
}

function makeRecord(number: number, overrides: Partial<Instance>): JournalRecord {
  const instanceId = (0x40000 + number) as InstanceId;
  return {
    instance: {
      kind: 'instance',
      machineId: machineId(number),
      app: 'web',
      network: NETWORK,
      host: HOST,
      instanceId,
      address: instanceAddress(NETWORK, HOST, instanceId),
      name: `web-${number}`,
      group: 'app',
      region: 'local',
      metadata: {},
      state: 'started',
      createdAt: NOW,
      updatedAt: NOW,
      ...overrides,
    },
    network: { name: 'net', regionScoped: false },
    origin: 'run',
    tun: number,
    command: ['server'],
    workingDirectory: '/',
    attachment: undefined,
    exit: undefined,
    removed: false,
    pending: false,
  };
}

function makeInvite(overrides: Partial<Invite>): Invite {
  return {
    kind: 'invite',
    server: HOST,
    number: 5,
    publicKey: makeKey(7),
    region: undefined,
    role: 'agent',
    createdAt: NOW,
    expiresAt: (NOW + 1000) as WallMillis,
    signature: '',
    use: undefined,
    ...overrides,
  };
}

function useBy(key: number): Invite['use'] {
  return { publicKey: makeKey(key), host: OTHER_HOST };
}

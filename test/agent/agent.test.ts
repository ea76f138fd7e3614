// The agent on a host in memory: the order in which things are applied, that a second run changes
// nothing, that one failure stays one failure, and what survives a restart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MachineId } from '../../src/addressing/ids.ts';
import { instanceAddress } from '../../src/addressing/layout.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import type { Instance, Invite } from '../../src/registry/model.ts';
import {
  AgentWorld,
  HOST,
  makeApp,
  makeHost,
  makeKey,
  makeNetwork,
  NETWORK,
  nameCount,
  OTHER_HOST,
  until,
} from './agent-world.ts';

const RUN = { app: 'web', command: ['server'] };
const BROKEN = new P6nError('SYSTEM', 'Cannot do it: broken');

test('Agent.start() brings up the host: data plane, link, listener, names', async () => {
  const world = new AgentWorld();
  await world.start();
  assert.deepEqual(world.log, ['dataplane', 'link host', 'listeners 1', 'names 0']);
  assert.deepEqual(world.listeners, ['fdaa::3']);
});

test('Agent changes nothing when nothing has changed', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  await agent.instances.run(RUN);
  world.log.length = 0;
  for (let i = 0; i < 3; i++) {
    agent.changed();
    assert.equal((await agent.applied()).changes, 0);
  }
  assert.deepEqual(world.log, []);
});

test('Agent run() goes from namespace to data plane to link to names', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  world.log.length = 0;
  const { instance } = await agent.instances.run(RUN);
  assert.deepEqual(
    world.log.filter((step) => step !== 'publish'),
    [
      'launch',
      'follow',
      'dataplane',
      'link host',
      'link /proc/1000/ns/net',
      'listeners 2',
      'names 0',
      'names 1',
    ],
  );
  assert.equal(instance.state, 'started');
  assert.equal(instance.address, instanceAddress(NETWORK, HOST, instance.instanceId));
  assert.equal(world.supervisors[0]?.spec?.environment['P6N_PRIVATE_IP'], instance.address);
  assert.deepEqual([...world.followed], [NETWORK]);
  await until(() => world.published.has(instance.machineId));
  await until(() => agent.instances.show(instance.machineId).published);
});

test('Agent withdraws names before listeners before the data plane', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run(RUN);
  world.log.length = 0;
  await agent.instances.stop(instance.name);
  assert.deepEqual(
    world.log.filter((step) => step !== 'publish'),
    ['names 0', 'listeners 1', 'dataplane', 'link host'],
  );
});

test('Agent keeps the address of an instance through stop and start', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const first = await agent.instances.run({ ...RUN, name: 'one' });
  const stopped = await agent.instances.stop('one');
  assert.equal(stopped.instance.state, 'stopped');
  assert.equal(stopped.exit?.signal, 'SIGTERM');
  const again = await agent.instances.start('one');
  assert.equal(again.instance.state, 'started');
  assert.equal(again.instance.address, first.instance.address);
  assert.equal(again.instance.machineId, first.instance.machineId);
  assert.notEqual(again.namespace, first.namespace);
  assert.equal(again.exit, undefined);
});

test('Agent takes note of a command that ends by itself', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run(RUN);
  world.supervisors[0]?.end({ code: 3, signal: undefined, at: 0 as WallMillis });
  await until(() => agent.instances.show(instance.name).instance.state === 'stopped');
  assert.equal(agent.instances.show(instance.name).exit?.code, 3);
  await until(() => world.published.get(instance.machineId)?.state === 'stopped');
  await agent.applied();
  assert.equal(nameCount(world.zone!), 0);
});

test('Agent run() of a command that ends at once reports it stopped', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance, exit } = await agent.instances.run({ ...RUN, command: ['true'] });
  assert.equal(instance.state, 'stopped');
  assert.equal(exit?.code, 0);
});

test('Agent run() of a command that cannot be run leaves nothing behind', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  await assert.rejects(agent.instances.run({ ...RUN, name: 'one', command: ['missing'] }), {
    code: 'COMMAND_FAILED',
  });
  assert.deepEqual(agent.instances.list(), []);
  assert.equal(world.published.size, 0);
  await agent.instances.run({ ...RUN, name: 'one' });
});

test('Agent run() fails alone when its link cannot be set up', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  world.failing.set('link /proc/1000/ns/net', BROKEN);
  await assert.rejects(agent.instances.run({ ...RUN, name: 'one' }), { code: 'SYSTEM' });
  const { instance } = await agent.instances.run({ ...RUN, name: 'two' });
  assert.equal(instance.state, 'started');
  assert.equal(nameCount(world.zone!), 1);
});

test('Agent tells a broken instance from the others, and tries it again', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  await first.instances.run({ ...RUN, name: 'one' });
  await first.instances.run({ ...RUN, name: 'two' });
  await first.stop();
  for (const supervisor of world.supervisors) supervisor.initialState = 'running';
  world.failing.set('link /proc/1000/ns/net', BROKEN);
  const agent = await world.start();
  assert.match(agent.instances.show('one').problem ?? '', /broken/);
  assert.equal(agent.instances.show('two').problem, undefined);
  assert.equal(nameCount(world.zone!), 2);
  world.failing.clear();
  world.log.length = 0;
  world.timers.fire(1000);
  await agent.applied();
  assert.deepEqual(
    world.log.filter((step) => step !== 'publish'),
    ['link /proc/1000/ns/net'],
  );
  assert.equal(agent.instances.show('one').problem, undefined);
});

test('Agent applies the rest when the data plane reports a failure', async () => {
  const world = new AgentWorld();
  world.failing.set('dataplane', BROKEN);
  const agent = await world.start();
  assert.deepEqual(world.log, ['dataplane', 'link host', 'listeners 1', 'names 0']);
  assert.deepEqual([...agent.problems.keys()], ['dataplane']);
  world.failing.clear();
  world.log.length = 0;
  world.timers.fire(1000);
  await agent.applied();
  assert.deepEqual(world.log, ['dataplane']);
});

test('Agent finds running instances again after a restart', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  const { instance } = await first.instances.run(RUN);
  await first.stop();
  for (const supervisor of world.supervisors) supervisor.initialState = 'running';
  world.links.clear();
  const agent = await world.start();
  const found = agent.instances.show(instance.machineId);
  assert.equal(found.instance.state, 'started');
  assert.equal(found.instance.address, instance.address);
  assert.equal(found.namespace, '/proc/1000/ns/net');
  assert.ok(world.links.has('/proc/1000/ns/net'));
  assert.equal(nameCount(world.zone!), 1);
});

test('Agent calls an instance stopped whose supervisor is gone after a restart', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  const { instance } = await first.instances.run(RUN);
  await first.stop();
  world.supervisors.length = 0;
  const agent = await world.start();
  assert.equal(agent.instances.show(instance.machineId).instance.state, 'stopped');
  assert.deepEqual(world.abandoned, [instance.machineId]);
});

test('Agent ends what is left of an instance whose supervisor is killed', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run(RUN);
  world.supervisors[0]?.end(undefined);
  await until(() => agent.instances.show(instance.name).instance.state === 'stopped');
  assert.deepEqual(world.abandoned, [instance.machineId]);
});

test('Agent tells servers until one listens, also after a restart', async () => {
  const world = new AgentWorld();
  const error = new P6nError('SERVER_UNREACHABLE', 'Cannot reach a server: silence');
  world.failing.set('publish', error);
  const first = await world.start();
  const { instance } = await first.instances.run(RUN);
  assert.equal(first.instances.show(instance.name).published, false);
  await first.stop();
  for (const supervisor of world.supervisors) supervisor.initialState = 'running';
  world.failing.clear();
  const agent = await world.start();
  await until(() => world.published.get(instance.machineId)?.state === 'started');
  world.failing.set('unpublish', error);
  await agent.instances.remove(instance.name, { force: true });
  assert.deepEqual(agent.instances.list(), []);
  world.failing.clear();
  await agent.stop();
  const last = await world.start();
  await until(() => !world.published.has(instance.machineId));
  assert.deepEqual(last.instances.list(), []);
});

test('Agent tells a server everything again after a restart, and when it is asked to', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  const { instance } = await first.instances.run(RUN);
  await until(() => first.instances.show(instance.name).published);
  await first.stop();
  for (const supervisor of world.supervisors) supervisor.initialState = 'running';
  world.published.clear();
  const agent = await world.start();
  await until(() => world.published.has(instance.machineId));
  world.published.clear();
  agent.republish();
  await until(() => world.published.has(instance.machineId));
});

test('Agent has a server remove an instance of this host that it does not know', async () => {
  const world = new AgentWorld();
  const stranger = { ...remoteInstance(), host: HOST };
  const other = { ...remoteInstance(), machineId: 'fedcba98765432' as MachineId };
  world.copy.instances = [stranger, other];
  for (const one of [stranger, other]) world.published.set(one.machineId, one);
  await world.start();
  await until(() => !world.published.has(stranger.machineId));
  assert.deepEqual([...world.published.keys()], [other.machineId]);
});

test('Agent refuses a name that is taken, two at once too', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const results = await Promise.allSettled([
    agent.instances.run({ ...RUN, name: 'one' }),
    agent.instances.run({ ...RUN, name: 'one' }),
  ]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  await assert.rejects(agent.instances.run({ ...RUN, name: 'one' }), { code: 'NAME_TAKEN' });
});

test('Agent refuses to run an app that does not exist and says what to do', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  await assert.rejects(agent.instances.run({ ...RUN, app: 'api' }), (error: P6nError) => {
    assert.equal(error.code, 'NOT_FOUND');
    assert.match(error.hint ?? '', /p6nctl apps create api/);
    return true;
  });
});

test('Agent asks a server for an app of a network that it does not follow', async () => {
  const world = new AgentWorld();
  const network = makeNetwork(0x30000, { regionScoped: true });
  world.servers.set('api', { app: makeApp('api', network.id), network });
  const agent = await world.start();
  const { instance, networkName } = await agent.instances.run({ ...RUN, app: 'api' });
  assert.equal(instance.network, network.id);
  assert.equal(networkName, network.name);
  assert.deepEqual(world.config?.filter.networks, [{ id: network.id, regionScoped: true }]);
  assert.deepEqual([...world.zone!.networks.get(network.id)!.apps.keys()], ['api']);
});

test('Agent refuses operations that do not fit the state', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  await agent.instances.run({ ...RUN, name: 'one' });
  await assert.rejects(agent.instances.start('one'), { code: 'INSTANCE_STATE' });
  await assert.rejects(agent.instances.remove('one'), { code: 'INSTANCE_STATE' });
  await agent.instances.stop('one');
  await assert.rejects(agent.instances.stop('one'), { code: 'INSTANCE_STATE' });
  await agent.instances.remove('one');
  await assert.rejects(agent.instances.stop('one'), { code: 'NOT_FOUND' });
  assert.throws(() => agent.instances.show('one'), { code: 'NOT_FOUND' });
});

for (const [what, request] of [
  ['an empty command', { command: [] }],
  ['a command with a zero byte', { command: ['a\0b'] }],
  ['a command that is too long', { command: ['x'.repeat(200_000)] }],
  ['a relative working directory', { workingDirectory: 'here' }],
  ['too much metadata', { metadata: { key: 'x'.repeat(100_000) } }],
] as const) {
  test(`Agent run() refuses ${what}`, async () => {
    const agent = await new AgentWorld().start();
    await assert.rejects(agent.instances.run({ ...RUN, ...request }), { code: 'VALUE_INVALID' });
  });
}

test('Agent names the instances of other hosts as the copy has them', async () => {
  const world = new AgentWorld();
  world.copy.hosts = [makeHost(HOST), makeHost(OTHER_HOST)];
  const agent = await world.start();
  await agent.instances.run(RUN);
  world.log.length = 0;
  world.copy = { ...world.copy, instances: [remoteInstance()] };
  agent.changed();
  await agent.applied();
  assert.deepEqual(world.log, ['names 2']);
});

test('Agent serves an invite until its host has spoken with its own key', async () => {
  const world = new AgentWorld();
  world.identity = { ...world.identity, role: 'server' };
  const invite: Invite = {
    kind: 'invite',
    server: HOST,
    number: 1,
    publicKey: makeKey(7),
    region: undefined,
    role: 'agent',
    createdAt: world.clock.wallNow(),
    expiresAt: (world.clock.wallNow() + 3_600_000) as WallMillis,
    use: undefined,
  };
  world.invites = [invite];
  const agent = await world.start();
  assert.equal(world.config?.filter.wireguardPeers.length, 1);
  world.invites = [{ ...invite, use: { publicKey: makeKey(8), host: OTHER_HOST } }];
  agent.handshakeCompleted(makeKey(9));
  await agent.applied();
  assert.equal(world.config?.device.peers.length, 1);
  agent.handshakeCompleted(makeKey(8));
  await agent.applied();
  assert.equal(world.config?.device.peers.length, 0);
});

test('Agent drops an invite that expires', async () => {
  const world = new AgentWorld();
  world.identity = { ...world.identity, role: 'server' };
  world.invites = [
    {
      kind: 'invite',
      server: HOST,
      number: 1,
      publicKey: makeKey(7),
      region: undefined,
      role: 'agent',
      createdAt: world.clock.wallNow(),
      expiresAt: (world.clock.wallNow() + 5000) as WallMillis,
      use: undefined,
    },
  ];
  const agent = await world.start();
  assert.equal(world.config?.device.peers.length, 1);
  world.clock.advance(5000);
  world.timers.fire(5000);
  await agent.applied();
  assert.equal(world.config?.device.peers.length, 0);
});

test('Agent gives a peer its endpoint once the name is resolved', async () => {
  const world = new AgentWorld();
  world.copy.hosts = [makeHost(OTHER_HOST, { endpoints: ['host.example:51820'] })];
  const agent = await world.start();
  assert.equal(endpointOf(world), undefined);
  world.resolved = ['192.0.2.9', '192.0.2.10'];
  world.timers.fire(60_000);
  await until(() => endpointOf(world) === '192.0.2.9');
  // The first answer stays for as long as it is one of several.
  world.resolved = ['192.0.2.10', '192.0.2.9'];
  world.timers.fire(300_000);
  await agent.applied();
  assert.equal(endpointOf(world), '192.0.2.9');
});

test('Agent looks after its own link although nothing has changed', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  await agent.instances.run(RUN);
  world.log.length = 0;
  world.timers.fire(60_000);
  await agent.applied();
  assert.deepEqual(world.log, ['link host']);
});

function endpointOf(world: AgentWorld): string | undefined {
  return world.config?.device.peers[0]?.endpoint?.address;
}

function remoteInstance(): Instance {
  return {
    kind: 'instance',
    machineId: '0123456789abcd' as MachineId,
    app: 'web',
    network: NETWORK,
    host: OTHER_HOST,
    instanceId: 0x50000 as Instance['instanceId'],
    address: instanceAddress(NETWORK, OTHER_HOST, 0x50000 as Instance['instanceId']),
    name: 'remote',
    group: 'app',
    region: 'local',
    metadata: {},
    state: 'started',
    createdAt: 0 as WallMillis,
    updatedAt: 0 as WallMillis,
  };
}

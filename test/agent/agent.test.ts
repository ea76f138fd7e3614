// The agent on a host in memory: the order in which things are applied, that a second run changes
// nothing, that one failure stays one failure, and what survives a restart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MachineId } from '../../src/addressing/ids.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import type { Invite } from '../../src/registry/model.ts';
import {
  AgentWorld,
  HOST,
  makeHost,
  makeKey,
  makeRemoteInstance,
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

test('Agent withdraws names, then the command, listeners and the data plane', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run(RUN);
  world.log.length = 0;
  await agent.instances.stop(instance.name);
  assert.deepEqual(
    world.log.filter((step) => step !== 'publish'),
    ['names 0', 'stop', 'names 0', 'listeners 1', 'dataplane', 'link host'],
  );
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

test('Agent applies nothing before it knows what moved interfaces are called', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  await first.instances.run(RUN);
  const namespace = { path: '/proc/self/ns/net' };
  await first.instances.attach({ app: 'web', owner: 'engine/1', handover: 'p6n-1', namespace });
  await first.stop();
  for (const supervisor of world.supervisors) supervisor.initialState = 'running';
  world.foundInterface = 'p6n1';
  world.log.length = 0;
  await world.start();
  const steps = world.log.filter((step) => step !== 'publish');
  assert.deepEqual(steps.slice(0, 4), ['find', 'find link', 'follow', 'dataplane']);
  const { name } = world.config?.tuns.at(-1) ?? {};
  assert.equal(name, 'p6n1');
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

test('Agent waits for a supervisor that does not answer, and lets its command be', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  const { instance } = await first.instances.run(RUN);
  await first.stop();
  for (const supervisor of world.supervisors) supervisor.initialState = 'running';
  world.links.clear();
  world.failing.set('find', BROKEN);
  const agent = await world.start();
  assert.equal(agent.instances.show(instance.machineId).instance.state, 'started');
  assert.ok(!world.log.includes('stop'));
  assert.deepEqual(world.abandoned, []);
  world.failing.clear();
  await until(() => world.links.has('/proc/1000/ns/net'));
  assert.equal(agent.instances.show(instance.machineId).pid, 4711);
});

test('Agent ends a command by force whose supervisor never answers', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  const { instance } = await first.instances.run(RUN);
  await first.stop();
  world.failing.set('find', BROKEN);
  const agent = await world.start();
  await agent.instances.stop(instance.machineId, { graceMs: 0 });
  assert.equal(agent.instances.show(instance.machineId).instance.state, 'stopped');
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

test('Agent tells everything again after a restart, and to another registry', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  const { instance } = await first.instances.run(RUN);
  await until(() => first.instances.show(instance.name).published);
  await first.stop();
  for (const supervisor of world.supervisors) supervisor.initialState = 'running';
  world.published.clear();
  const agent = await world.start();
  await until(() => world.published.has(instance.machineId));
  world.copy = { ...world.copy, revision: { incarnation: 'a', number: 1 } };
  agent.changed();
  await agent.applied();
  world.published.clear();
  world.copy = { ...world.copy, revision: { incarnation: 'b', number: 1 } };
  agent.changed();
  await until(() => world.published.has(instance.machineId));
});

test('Agent stops an instance whose app is gone, says why, and lets the server be', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run(RUN);
  await until(() => agent.instances.show(instance.machineId).published);
  const gone = new P6nError('NOT_FOUND', 'Cannot find app "web": there is none');
  world.failing.set('publish', gone);
  world.copy = { ...world.copy, apps: [] };
  agent.changed();
  await until(() => agent.instances.show(instance.machineId).problem === gone.message);
  assert.equal(agent.instances.show(instance.machineId).instance.state, 'stopped');
  const told = world.log.filter((step) => step === 'publish').length;
  agent.changed();
  await agent.applied();
  assert.equal(world.log.filter((step) => step === 'publish').length, told);
  await agent.instances.remove(instance.machineId);
  await until(() => world.log.includes('unpublish'));
});

test('Agent tells of an instance again whose app went and came again at once', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run(RUN);
  const { machineId } = instance;
  await until(() => agent.instances.show(machineId).published);
  const apps = [...world.copy.apps];
  world.published.delete(machineId);
  world.copy = {
    ...world.copy,
    apps: apps.map((app) => ({ ...app, createdAt: (app.createdAt + 1) as WallMillis })),
  };
  agent.changed();
  await until(() => world.published.has(machineId));
});

test('Agent has a server remove an instance of this host that it does not know', async () => {
  const world = new AgentWorld();
  const stranger = { ...makeRemoteInstance(), host: HOST };
  const other = { ...makeRemoteInstance(), machineId: 'fedcba98765432' as MachineId };
  world.copy.instances = [stranger, other];
  for (const one of [stranger, other]) world.published.set(one.machineId, one);
  await world.start();
  await until(() => !world.published.has(stranger.machineId));
  assert.deepEqual([...world.published.keys()], [other.machineId]);
});

test('Agent has an unknown instance removed again when it comes again', async () => {
  const world = new AgentWorld();
  const stranger = { ...makeRemoteInstance(), host: HOST };
  const agent = await world.start();
  const removals = (): number => world.log.filter((step) => step === 'unpublish').length;
  for (const times of [1, 2]) {
    world.copy = { ...world.copy, instances: [stranger] };
    agent.changed();
    await until(() => removals() === times);
    world.copy = { ...world.copy, instances: [] };
    // Once more after the round that removed it: that one has looked before.
    for (let round = 0; round < 2; round++) {
      agent.changed();
      await agent.applied();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

test('Agent names the instances of other hosts as the copy has them', async () => {
  const world = new AgentWorld();
  world.copy.hosts = [makeHost(HOST), makeHost(OTHER_HOST)];
  const agent = await world.start();
  await agent.instances.run(RUN);
  world.log.length = 0;
  world.copy = { ...world.copy, instances: [makeRemoteInstance()] };
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
    signature: '',
    use: undefined,
  };
  world.invites = [invite];
  const agent = await world.start();
  assert.equal(world.config?.filter.wireguardPeers.length, 1);
  world.invites = [{ ...invite, use: { publicKey: makeKey(8), host: OTHER_HOST } }];
  agent.notice({ type: 'handshake', publicKey: makeKey(9) });
  await agent.applied();
  assert.equal(world.config?.device.peers.length, 1);
  agent.notice({ type: 'handshake', publicKey: makeKey(8) });
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
      signature: '',
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

test('Agent makes a TUN again that is lost, with what stood on it', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  await agent.instances.run(RUN);
  for (const [tun, steps] of [
    [1, ['dataplane', 'link /proc/1000/ns/net']],
    [0, ['listeners 0', 'dataplane', 'link host', 'listeners 2']],
  ] as const) {
    await until(() => agent.instances.list().every(({ published }) => published));
    world.log.length = 0;
    agent.notice({ type: 'tun-failed', tun });
    world.timers.fire(500);
    await agent.applied();
    assert.deepEqual(world.log, steps);
  }
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

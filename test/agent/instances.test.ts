// What people do with instances, on a host in memory: states, names, refusals, and that a failure
// leaves nothing behind.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { instanceAddress } from '../../src/addressing/layout.ts';
import { JOURNAL_FOLDER } from '../../src/agent/journal.ts';
import { parseRecord } from '../../src/agent/journal-record.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import {
  AgentWorld,
  HOST,
  makeApp,
  makeNetwork,
  NETWORK,
  nameCount,
  until,
} from './agent-world.ts';

const RUN = { app: 'web', command: ['server'] };
const BROKEN = new P6nError('SYSTEM', 'Cannot do it: broken');

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

test('Agent stop() resolves when a crash does not bring the instance back', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run({ ...RUN, name: 'one' });
  await agent.instances.stop('one');
  const file = join(world.folder, JOURNAL_FOLDER, `${instance.machineId}.json`);
  assert.equal(parseRecord(readFileSync(file, 'utf8'))?.instance.state, 'stopped');
});

test('Agent stop() by force ends one that waits for the command', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  await agent.instances.run({ ...RUN, name: 'one' });
  const supervisor = world.supervisors[0]!;
  supervisor.isStubborn = true;
  const stopped = agent.instances.stop('one');
  await until(() => world.log.includes('stop'));
  const states = await Promise.all([stopped, agent.instances.stop('one', { graceMs: 0 })]);
  assert.deepEqual(
    states.map(({ instance }) => instance.state),
    ['stopped', 'stopped'],
  );
  await assert.rejects(agent.instances.stop('one'), { code: 'INSTANCE_STATE' });
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

test('Agent ends what is left of an instance whose supervisor is killed', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run(RUN);
  world.supervisors[0]?.end(undefined);
  await until(() => agent.instances.show(instance.name).instance.state === 'stopped');
  assert.deepEqual(world.abandoned, [instance.machineId]);
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
  ['a command that is too long', { command: [long(200_000)] }],
  ['a relative working directory', { workingDirectory: 'here' }],
  ['metadata with an empty key', { metadata: { '': 'x' } }],
  ['metadata with a long key', { metadata: { [long(129)]: 'x' } }],
  ['metadata with a long value', { metadata: { key: long(4097) } }],
  ['too much metadata', { metadata: pairs(64, long(2000)) }],
  ['too many metadata', { metadata: pairs(65, 'x') }],
] as const) {
  test(`Agent run() refuses ${what}`, async () => {
    const agent = await new AgentWorld().start();
    await assert.rejects(agent.instances.run({ ...RUN, ...request }), { code: 'VALUE_INVALID' });
  });
}

function long(length: number): string {
  return 'x'.repeat(length);
}

function pairs(count: number, value: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, value]));
}

test('Agent setMetadata() changes one pair, and names and servers hear of it', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run({ ...RUN, metadata: { tier: 'front', a: 'b' } });
  const { machineId } = instance;
  const changed = await agent.instances.setMetadata(machineId, { key: 'tier', value: 'back' });
  assert.deepEqual(changed.instance.metadata, { a: 'b', tier: 'back' });
  const less = await agent.instances.setMetadata(instance.name, { key: 'a', value: undefined });
  assert.deepEqual(less.instance.metadata, { tier: 'back' });
  await until(() => Object.keys(world.published.get(machineId)?.metadata ?? {}).length === 1);
  const named = [...(world.zone?.networks.values() ?? [])]
    .flatMap(({ apps }) => [...apps.values()])
    .flatMap(({ instances }) => instances);
  assert.deepEqual(
    named.map(({ metadata }) => metadata),
    [{ tier: 'back' }],
  );
});

test('Agent setMetadata() keeps the limits of metadata', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const pairs = Object.fromEntries(Array.from({ length: 64 }, (_one, index) => [`k${index}`, 'v']));
  const { instance } = await agent.instances.run({ ...RUN, metadata: pairs });
  const set = (key: string, value: string): Promise<unknown> =>
    agent.instances.setMetadata(instance.machineId, { key, value });
  for (const [key, value] of [
    ['another', 'v'],
    ['', 'v'],
    ['k'.repeat(129), 'v'],
    ['k0', 'v'.repeat(4_097)],
  ] as const) {
    await assert.rejects(set(key, value), { code: 'VALUE_INVALID' });
  }
  await set('k0', '__proto__');
  assert.equal(agent.instances.show(instance.machineId).instance.metadata['k0'], '__proto__');
});

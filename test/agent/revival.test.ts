// What runs always is started again when the machine or its supervisor has gone, and nothing else:
// on a host in memory, whose supervisors a test takes away.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Agent } from '../../src/agent/agent.ts';
import { JOURNAL_FOLDER, Journal } from '../../src/agent/journal.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { AgentWorld, until } from './agent-world.ts';

const ALWAYS = {
  app: 'web',
  name: 'one',
  command: ['server'],
  settings: { restart: { when: 'always' } },
} as const;
const FIRST_PAUSE_MS = 500;

/** The state after all that happens by itself. */
async function stateOf(agent: Agent): Promise<string> {
  await agent.applied();
  return agent.instances.show('one').instance.state;
}

/** As a next p6nd finds it. */
function journalOf({ folder }: AgentWorld): Promise<Journal> {
  return Journal.open(join(folder, JOURNAL_FOLDER), SILENT_LOGGER);
}

/** Whether p6nd is to start again what has stopped, by what is on disk. */
async function startsAgain(world: AgentWorld): Promise<boolean> {
  for (;;) {
    const [record] = (await journalOf(world)).instances();
    if (record?.instance.state === 'stopped') return record.startsAgain === true;
    await new Promise(setImmediate);
  }
}

/** What a boot leaves: the journal, and no process. */
async function boot(world: AgentWorld, before: Agent): Promise<Agent> {
  await before.stop();
  world.supervisors.length = 0;
  return await world.start();
}

test('Agent starts again after a boot what is to run always, as it was', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  const { instance } = await first.instances.run(ALWAYS);
  const agent = await boot(world, first);
  assert.equal(await stateOf(agent), 'stopped');
  world.timers.fire(FIRST_PAUSE_MS);
  await until(() => agent.instances.show('one').instance.state === 'started');
  assert.equal(agent.instances.show('one').instance.address, instance.address);
  await until(() => world.published.get(instance.machineId)?.state === 'started');
  world.timers.fire(60_000);
  await agent.applied();
  assert.equal(world.supervisors.length, 1);
});

test('Agent leaves stopped after a boot what is to run once or after failures', async () => {
  for (const settings of [{}, { restart: { when: 'on-failure' } }] as const) {
    const world = new AgentWorld();
    const first = await world.start();
    await first.instances.run({ ...ALWAYS, settings });
    const agent = await boot(world, first);
    world.timers.fire(60_000);
    assert.equal(await stateOf(agent), 'stopped');
  }
});

test('Agent leaves stopped what somebody has stopped, before a boot and after', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  await first.instances.run(ALWAYS);
  await first.instances.stop('one');
  const second = await boot(world, first);
  world.timers.fire(60_000);
  assert.equal(await stateOf(second), 'stopped');
  await second.instances.start('one');
  const third = await boot(world, second);
  assert.equal((await third.instances.stop('one')).instance.state, 'stopped');
  world.timers.fire(60_000);
  assert.equal(await stateOf(third), 'stopped');
  await assert.rejects(third.instances.stop('one'), { code: 'INSTANCE_STATE' });
});

test('Agent starts again what has lost its supervisor, and not what has ended', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  await agent.instances.run(ALWAYS);
  world.supervisors[0]?.end(undefined);
  await until(() => agent.instances.show('one').instance.state === 'stopped');
  await agent.applied();
  assert.equal(await startsAgain(world), true);
  world.timers.fire(FIRST_PAUSE_MS);
  await until(() => agent.instances.show('one').instance.state === 'started');
  world.supervisors[1]?.end({ code: 1, signal: undefined, at: 0 as WallMillis, isFinal: true });
  await until(() => agent.instances.show('one').instance.state === 'stopped');
  await agent.applied();
  world.timers.fire(60_000);
  assert.equal(await stateOf(agent), 'stopped');
  assert.equal(world.supervisors.length, 2);
  assert.equal(await startsAgain(world), false);
});

test('Agent leaves stopped what was cut off in a start after it was stopped', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  await first.instances.run(ALWAYS);
  await first.instances.stop('one');
  const journal = await journalOf(world);
  const [record] = journal.instances();
  assert.ok(record !== undefined);
  const { instance } = record;
  await first.stop();
  await journal.put({ ...record, instance: { ...instance, state: 'created' } });
  const second = await boot(world, first);
  assert.equal(await stateOf(second), 'stopped');
  assert.equal(await startsAgain(world), false);
});

test('Agent tries a start again ever more rarely, and over its own restart', async () => {
  const world = new AgentWorld();
  const first = await world.start();
  await first.instances.run(ALWAYS);
  world.failing.set('launch', new P6nError('SYSTEM', 'Cannot launch: broken'));
  const second = await boot(world, first);
  await stateOf(second);
  for (const pauseMs of [500, 1000, 2000]) {
    world.log.length = 0;
    world.timers.fire(pauseMs - 1);
    await second.applied();
    assert.ok(!world.log.includes('launch'));
    world.timers.fire(pauseMs);
    await until(() => world.log.includes('launch'));
    await until(() => second.instances.show('one').instance.state === 'stopped');
    await until(() => second.instances.show('one').problem?.includes('broken') === true);
    await second.applied();
  }
  world.failing.clear();
  const third = await boot(world, second);
  await stateOf(third);
  world.timers.fire(FIRST_PAUSE_MS);
  await until(() => third.instances.show('one').instance.state === 'started');
});

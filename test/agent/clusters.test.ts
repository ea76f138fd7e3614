// Clusters on a host in memory: what is refused before anything is made, and that nothing of one
// that fails goes on.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { JOURNAL_FOLDER } from '../../src/agent/journal.ts';
import { METADATA_PAIRS_MAX } from '../../src/registry/model.ts';
import { AgentWorld } from './agent-world.ts';

const REMOVAL = { recursive: true, force: true };
const RUN = { app: 'web', command: ['server'] };

test('Agent runCluster() makes members with ranks, each told the addresses of all', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const members = await agent.instances.runCluster({ ...RUN, name: 'one' }, 3);
  const addresses = members.map(({ instance }) => instance.address).join();
  const facts = world.supervisors.map(({ spec }) => {
    const { P6N_CLUSTER_IPS: all, P6N_CLUSTER_RANK: rank } = spec?.environment ?? {};
    return [rank, all];
  });
  assert.deepEqual(facts.sort(), [
    ['0', addresses],
    ['1', addresses],
    ['2', addresses],
  ]);
  assert.deepEqual(
    members.map(({ instance }) => [instance.name, instance.metadata['p6n_cluster_rank']]),
    [
      ['one-0', '0'],
      ['one-1', '1'],
      ['one-2', '2'],
    ],
  );
});

test('Agent runCluster() makes nothing that a server would refuse', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const pairs = Array.from({ length: METADATA_PAIRS_MAX }, (_, n) => [`key-${n}`, '']);
  const tooMany = { ...RUN, metadata: Object.fromEntries(pairs) as Record<string, string> };
  const tooLong = { ...RUN, name: 'n'.repeat(62) };
  for (const request of [tooMany, tooLong]) {
    await assert.rejects(agent.instances.runCluster(request, 2), /Cannot/);
    assert.deepEqual(agent.instances.list(), []);
  }
  assert.deepEqual([world.supervisors.length, world.published.size], [0, 0]);
});

test('Agent runCluster() ends all members where one fails, on a full disk too', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  // From the first end on.
  world.log.push = (...steps) => {
    if (steps.includes('stop')) rmSync(join(world.folder, JOURNAL_FOLDER), REMOVAL);
    return steps.length;
  };
  await assert.rejects(agent.instances.runCluster({ ...RUN, command: ['missing'] }, 3), {
    code: 'COMMAND_FAILED',
  });
  for (const { ended } of world.supervisors) assert.equal((await ended)?.signal, 'SIGTERM');
});

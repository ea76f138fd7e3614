// A server and fifty followers, real but for the mesh between them; the figures of a thousand are
// those of test/bench/scale.ts.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Simulation } from './control-plane/simulation.ts';

const SIZE = { hosts: 51, networks: 60, instances: 600, hostsPerNetwork: 10 };
const CHANGES = 300;

let simulation: Simulation;

before(async () => {
  simulation = new Simulation(SIZE, 1);
  await simulation.found();
  await simulation.follow();
  await simulation.converged();
});

after(() => simulation.end());

test('fifty followers converge through changes', async () => {
  await simulation.write(CHANGES, 1_000);
  await simulation.converged();
  assert.equal((await simulation.state()).resets, simulation.hosts.length);
});

test('fifty followers go on from where they were when the server was killed', async () => {
  await simulation.write(CHANGES, 1_000);
  await simulation.killServer();
  await simulation.restartServer();
  await simulation.write(CHANGES, 1_000);
  await simulation.converged();
  const { resets, disconnects } = await simulation.state();
  assert.ok(disconnects >= simulation.hosts.length);
  assert.equal(resets, simulation.hosts.length, 'nobody began anew');
});

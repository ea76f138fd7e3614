// The order of hosts by round trip: who is measured, when, and what becomes of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import { hostAddress } from '../../src/addressing/layout.ts';
import {
  Distances,
  ECHOES_AT_ONCE_MAX,
  MEASURE_INTERVAL_MS,
  MEASURED_HOSTS_MAX,
} from '../../src/agent/distances.ts';
import type { Instance } from '../../src/registry/model.ts';
import { HOST, ManualTimers, makeIdentity, makeRemoteInstance, until } from './agent-world.ts';

class Scene {
  readonly timers: ManualTimers = new ManualTimers();
  readonly asked: (readonly string[])[] = [];
  readonly roundTrips: Map<HostId, number> = new Map();
  hosts: readonly HostId[] = [];
  changes = 0;
  readonly distances: Distances = new Distances({
    echo: {
      measure: (source, targets) => {
        assert.equal(source, hostAddress(HOST));
        this.asked.push(targets);
        const answers = [...this.roundTrips].map(([host, ms]) => [hostAddress(host), ms] as const);
        return Promise.resolve(new Map(answers.filter(([one]) => targets.includes(one))));
      },
    },
    identity: () => makeIdentity(),
    copy: {
      current: () => {
        const instances = [HOST, ...this.hosts].map(
          (host): Instance => ({ ...makeRemoteInstance(), host }),
        );
        return { hosts: [], networks: [], apps: [], instances };
      },
    },
    timers: this.timers,
    onChange: () => {
      this.changes += 1;
    },
  });

  async round(start: () => void = () => this.timers.fire(MEASURE_INTERVAL_MS)): Promise<void> {
    const before = this.asked.length;
    start();
    await until(() => this.asked.length > before);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

const [B, C, D] = [1, 2, 3].map((n) => (HOST + n) as HostId) as [HostId, HostId, HostId];

test('Distances orders the hosts that answer, and measures a new one at once', async () => {
  const scene = new Scene();
  scene.hosts = [B, C];
  scene.roundTrips.set(B, 20).set(C, 5).set(D, 1);
  await scene.round(() => scene.distances.look());
  assert.deepEqual(scene.distances.nearestHosts, [C, B]);
  assert.deepEqual(scene.asked, [[hostAddress(B), hostAddress(C)]]);
  scene.distances.look();
  assert.equal(scene.asked.length, 1);
  scene.hosts = [B, C, D];
  await scene.round(() => scene.distances.look());
  assert.deepEqual(scene.distances.nearestHosts, [D, C, B]);
  assert.equal(scene.changes, 2);
});

test('Distances bears a round trip out of line and a lost echo', async () => {
  const scene = new Scene();
  scene.hosts = [B, C];
  scene.roundTrips.set(B, 10).set(C, 5);
  await scene.round(() => scene.distances.look());
  scene.roundTrips.set(C, 20);
  await scene.round();
  assert.deepEqual(scene.distances.nearestHosts, [C, B]);
  scene.roundTrips.delete(C);
  await scene.round();
  assert.deepEqual(scene.distances.nearestHosts, [C, B]);
  await scene.round();
  assert.deepEqual(scene.distances.nearestHosts, [B]);
  assert.equal(scene.changes, 2);
});

test('Distances forgets a host without instances, and stops', async () => {
  const scene = new Scene();
  scene.hosts = [B, C];
  scene.roundTrips.set(B, 10).set(C, 5);
  await scene.round(() => scene.distances.look());
  scene.hosts = [B];
  await scene.round();
  assert.deepEqual(scene.distances.nearestHosts, [B]);
  scene.distances.stop();
  const rounds = scene.asked.length;
  scene.timers.fire(MEASURE_INTERVAL_MS);
  assert.equal(scene.asked.length, rounds);
});

test('Distances measures a bounded number of hosts a round, and all of them in turn', async () => {
  const scene = new Scene();
  scene.hosts = Array.from({ length: MEASURED_HOSTS_MAX + 10 }, (_, n) => (HOST + 1 + n) as HostId);
  await scene.round(() => scene.distances.look());
  assert.equal(scene.asked.flat().length, MEASURED_HOSTS_MAX);
  assert.ok(scene.asked.every((targets) => targets.length <= ECHOES_AT_ONCE_MAX));
  await scene.round();
  assert.equal(new Set(scene.asked.flat()).size, scene.hosts.length);
});

// Checks of doctor on hosts whose faults take longer to make than to tell.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Check, Patient } from '../../../src/cli/doctor/finding.ts';
import { PEERS, REGISTRY } from '../../../src/cli/doctor/mesh.ts';
import { patientOf } from '../../../src/cli/doctor/patient.ts';
import { HOST, STATUS } from '../../fakes/api-services.ts';

function examine(check: Check, host: object, hosts: object = {}) {
  const client = { host, hosts };
  return check.examine({ client, status: STATUS } as unknown as Patient);
}

test('a server whose registry does not answer is told', async () => {
  const metrics = (up: number) => ({ metrics: async () => `a 1\np6n_registry_up ${up}\n` });
  const [found] = await examine(REGISTRY, metrics(0));
  assert.equal(found?.level, 'problem');
  assert.match(found.found, /registry of this server does not answer/);
  assert.equal((await examine(REGISTRY, metrics(1)))[0]?.level, 'good');
  const status = { ...STATUS, registry: { state: 'unavailable', since: 1 } } as const;
  const [told] = await REGISTRY.examine({ status } as unknown as Patient);
  assert.equal(told?.level, 'problem');
});

test('a host is said to be down by servers alone', async () => {
  const path = { state: 'lost' };
  const reasons = [];
  for (const liveness of ['alive', 'absent', 'unknown']) {
    const list = async () => ({ hosts: [{ ...HOST, liveness, path }] });
    const [found] = await examine(PEERS, {}, { list });
    reasons.push([found?.level, found?.why?.split(/[,:]/)[0]]);
  }
  assert.deepEqual(reasons, [
    ['problem', 'It lives'],
    ['warning', 'No server hears of it either'],
    ['warning', 'No server has said whether it lives.'],
  ]);
});

test('a host is examined by root alone', async (context) => {
  const user = process as { geteuid: () => number };
  context.mock.method(user, 'geteuid', () => 1000);
  await assert.rejects(patientOf({} as never), { code: 'NOT_ROOT' });
});

// Machines as the Machines API has them: each status, body and error that is documented, for the
// instances of the host that answers and for those of others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceView } from '../../src/api/contract/instances.ts';
import { METADATA_VALUE_LENGTH_MAX } from '../../src/api/contract/metadata.ts';
import type { MetadataChange } from '../../src/api/services.ts';
import { HYSTERESIS_MS } from '../../src/registry/liveness/absences.ts';
import { HOST_LEASE_MS } from '../../src/registry/liveness/host-leases.ts';
import type { Host, Instance } from '../../src/registry/model.ts';
import { INSTANCE } from '../fakes/api-services.ts';
import { type Answer, type MachinesScene, machinesScene } from './machines-scene.ts';

interface Scene extends MachinesScene {
  readonly other: Host;
  /** A record of the other host, and its change. */
  readonly put: (change?: Partial<Instance>) => Promise<Instance>;
  readonly changes: MetadataChange[];
}

/** App "web" with one instance of this host; what `put` adds is of another. */
async function scene(own: readonly InstanceView[] = [INSTANCE]): Promise<Scene> {
  const changes: MetadataChange[] = [];
  const made = await machinesScene({
    list: () => Promise.resolve(own),
    setMetadata: (_principal, _reference, change) => {
      changes.push(change);
      return Promise.resolve(INSTANCE);
    },
  });
  const { server, site } = made;
  const { app } = await site.registry.createApp({ name: 'web' });
  const { host: other } = await site.join(server.id, 'two');
  const put = async (change: Partial<Instance> = {}): Promise<Instance> => {
    const record = site.instance(app, other.id, 1, { state: 'started', ...change });
    await site.registry.putInstance(other.id, record);
    return record;
  };
  return { ...made, other, put, changes };
}

const HERE = `/v1/apps/web/machines/${INSTANCE.id}`;
const NOWHERE = '/v1/apps/web/machines/eeeeeeeeeeeeee';

test('GET machines/ID tells a machine of this host whole', async () => {
  const { ask } = await scene([
    {
      ...INSTANCE,
      health: 'failing',
      services: [{ name: 'http', port: 80, protocol: 'tcp' }],
      created_at: 1_708_631_799_000,
    },
  ]);
  const { body, status } = await ask(`GET ${HERE}`);
  assert.equal(status, 200);
  assert.deepEqual(body, {
    id: INSTANCE.id,
    name: 'web-1',
    state: 'started',
    region: 'ams',
    instance_id: INSTANCE.id,
    private_ip: INSTANCE.address,
    created_at: '2024-02-22T19:56:39.000Z',
    updated_at: '1970-01-01T00:00:00.002Z',
    config: {
      metadata: { tier: 'front', fly_process_group: 'app' },
      services: [{ protocol: 'tcp', internal_port: 80 }],
    },
    checks: [{ name: 'health', status: 'critical' }],
    host_status: 'ok',
  });
});

test('GET machines/ID tells a machine of another host', async () => {
  const { ask, put } = await scene();
  const { address, machineId } = await put({ group: 'worker' });
  const { body } = await ask(`GET /v1/apps/web/machines/${machineId}`);
  const { config, host_status, private_ip, checks } = body as Record<string, unknown>;
  assert.deepEqual([host_status, private_ip, checks], ['unknown', address, []]);
  assert.deepEqual(config, { metadata: { fly_process_group: 'worker' }, services: [] });
});

test('GET machines/ID says whether servers hear of its host', async () => {
  const { ask, other, put, server, site } = await scene();
  const { machineId } = await put();
  const { absences, leases } = site.registry;
  const told = async (): Promise<unknown> => {
    const { body } = await ask(`GET /v1/apps/web/machines/${machineId}`);
    return (body as Record<string, unknown>)['host_status'];
  };
  await leases.renew(other.id, server.id, []);
  assert.equal(await told(), 'ok');
  site.clock.advance(HOST_LEASE_MS + 1_000);
  await absences.look();
  site.clock.advance(HYSTERESIS_MS);
  await absences.look();
  assert.equal(await told(), 'unreachable');
});

test('GET machines lists the machines of an app on all hosts', async () => {
  const { ask, put, site, server } = await scene();
  const { machineId } = await put();
  const { app } = await site.registry.createApp({ name: 'shop' });
  await site.registry.putInstance(server.id, site.instance(app, server.id, 2));
  const listed = await ask('GET /v1/apps/web/machines?include_deleted=false&summary=false');
  assert.deepEqual(idsOf(listed), [INSTANCE.id, machineId]);
});

for (const [query, found] of [
  ['?state=started', ['own', 'other']],
  ['?state=stopped', []],
  ['?state=stopped,started&region=ams', ['own']],
  ['?region=', ['own', 'other']],
  ['?metadata.tier=front', ['own']],
  ['?metadata.tier=back', ['other']],
  ['?metadata.tier=', []],
  ['?metadata.fly_process_group=app', ['own', 'other']],
  ['?metadata.constructor=x', []],
] as const) {
  test(`GET machines${query} finds ${found.join(' and ') || 'none'}`, async () => {
    const { ask, put } = await scene();
    const { machineId } = await put({ metadata: { tier: 'back' } });
    const ids = { own: INSTANCE.id, other: machineId };
    assert.deepEqual(
      idsOf(await ask(`GET /v1/apps/web/machines${query}`)),
      found.map((one) => ids[one]),
    );
  });
}

test('GET machines of an app without any is an empty list', async () => {
  const { ask } = await scene([]);
  const listed = await ask('GET /v1/apps/web/machines');
  assert.deepEqual([listed.status, listed.body], [200, []]);
});

for (const [line, payload] of [
  ['GET /v1/apps/none/machines'],
  [`GET /v1/apps/none/machines/${INSTANCE.id}`],
  [`GET ${NOWHERE}`],
  ['GET /v1/apps/web/machines/web-1'],
  [`GET ${NOWHERE}/wait?state=destroyed`],
  [`GET ${HERE}/wait?instance_id=01J`],
  [`GET ${NOWHERE}/metadata`],
  [`POST ${NOWHERE}/metadata/tier`, { value: 'back' }],
  [`DELETE ${NOWHERE}/metadata/tier`],
] as const) {
  test(`${line} answers 404`, async () => {
    const { ask } = await scene();
    const missing = await ask(line, payload);
    assert.equal(missing.status, 404, missing.text);
    assertError(missing);
  });
}

for (const [line, payload] of [
  [`GET ${HERE}/wait?state=created`],
  [`GET ${HERE}/wait?timeout=61`],
  [`GET ${HERE}/wait?timeout=-1`],
  ['GET /v1/apps/web/machines?colour=red'],
  [`POST ${HERE}/metadata/tier`, { value: 7 }],
  [`POST ${HERE}/metadata/tier`, {}],
  [`POST ${HERE}/metadata/tier`, { value: 'x'.repeat(METADATA_VALUE_LENGTH_MAX + 1) }],
  [`POST ${HERE}/metadata/fly_process_group`, { value: 'worker' }],
  [`DELETE ${HERE}/metadata/fly_process_group`],
] as const) {
  test(`${line} ${JSON.stringify(payload ?? '').slice(0, 40)} answers 400`, async () => {
    const { ask, changes } = await scene();
    const refused = await ask(line, payload);
    assert.equal(refused.status, 400, refused.text);
    assertError(refused);
    assert.deepEqual(changes, []);
  });
}

for (const query of ['', '?state=started', `?state=started&timeout=0&instance_id=${INSTANCE.id}`]) {
  test(`GET wait${query} answers at once for a machine that is started`, async () => {
    const { ask } = await scene();
    const waited = await ask(`GET ${HERE}/wait${query}`);
    assert.deepEqual([waited.status, waited.body], [200, { ok: true }]);
  });
}

for (const state of ['stopped', 'suspended', 'destroyed']) {
  test(`GET wait?state=${state} answers 408 when the time is over`, async () => {
    const { ask } = await scene();
    const late = await ask(`GET ${HERE}/wait?state=${state}&timeout=0`);
    assert.equal(late.status, 408, late.text);
    assertError(late);
  });
}

test('GET wait answers when the machine of another host gets into the state', async () => {
  const { ask, put } = await scene();
  const { machineId } = await put();
  const waited = ask(`GET /v1/apps/web/machines/${machineId}/wait?state=stopped`);
  await put({ state: 'stopped' });
  assert.deepEqual((await waited).body, { ok: true });
});

test('GET wait?state=destroyed answers when the machine is removed', async () => {
  const { ask, other, put, site } = await scene();
  const { machineId } = await put();
  const waited = ask(`GET /v1/apps/web/machines/${machineId}/wait?state=destroyed`);
  // Asked later on another connection, so the wait has begun or begins with this.
  await ask(`GET /v1/apps/web/machines/${machineId}`);
  await site.registry.removeInstance(other.id, machineId);
  const { body, status, text } = await waited;
  assert.deepEqual([status, body], [200, { ok: true }], text);
});

test('GET metadata tells the pairs with the process group', async () => {
  const { ask } = await scene();
  const { body, status } = await ask(`GET ${HERE}/metadata`);
  assert.equal(status, 200);
  assert.deepEqual(body, { tier: 'front', fly_process_group: 'app' });
});

test('POST and DELETE metadata/KEY answer 204 and change this host', async () => {
  const { ask, changes } = await scene();
  const set = await ask(`POST ${HERE}/metadata/tier%2Fa`, { value: '' });
  const taken = await ask(`DELETE ${HERE}/metadata/tier`);
  assert.deepEqual([set.status, set.text, taken.status, taken.text], [204, '', 204, '']);
  assert.deepEqual(changes, [
    { key: 'tier/a', value: '' },
    { key: 'tier', value: undefined },
  ]);
});

test('POST metadata/KEY of another host answers 403 and names the host', async () => {
  const { ask, put, changes } = await scene();
  const { machineId } = await put();
  const refused = await ask(`POST /v1/apps/web/machines/${machineId}/metadata/a`, { value: 'b' });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /"two/);
  assertError(refused);
  assert.deepEqual(changes, []);
});

function idsOf({ body, status }: Answer): readonly string[] {
  assert.equal(status, 200);
  return (body as readonly { readonly id: string }[]).map(({ id }) => id);
}

/** What every documented error has. */
function assertError({ body }: Answer): void {
  const { error, status } = body as Record<string, unknown>;
  assert.ok(typeof error === 'string' && error.length > 0);
  assert.equal(status, 'unknown');
}

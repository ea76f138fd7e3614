// Apps as the Machines API has them, to the letter: each status, body and error that is documented,
// and each habit of the client that comes with it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machinesScene } from './machines-scene.ts';

/** Exactly what the client posts when it was given nothing but a name. */
const BARE = { name: 'web', org_slug: '', network: '', app_role_id: '' };

test('POST /v1/apps answers 201 with id and time, in milliseconds', async () => {
  const { ask, site } = await machinesScene();
  const created = await ask('POST /v1/apps', { app_name: 'web', org_slug: 'default' });
  assert.equal(created.status, 201);
  assert.deepEqual(created.body, { id: 'web', created_at: site.clock.wallNow() });
});

for (const [what, body] of Object.entries({
  'the documented app_name': { app_name: 'web' },
  'the name that the client sends': BARE,
  'an organization and a network': { app_name: 'web', org_slug: 'default', network: 'default' },
  subdomains: { app_name: 'web', org_slug: 'default', enable_subdomains: true },
})) {
  test(`POST /v1/apps?wait=true takes ${what}`, async () => {
    const { ask } = await machinesScene();
    const created = await ask('POST /v1/apps?wait=true', body);
    assert.equal(created.status, 201, created.text);
    assert.equal(await network(ask, 'web'), 'default');
  });
}

test('POST /v1/apps makes the network that it names', async () => {
  const { ask } = await machinesScene();
  assert.equal((await ask('GET /v1/networks/Blue-1')).status, 404);
  const created = await ask('POST /v1/apps', { app_name: 'web', network: 'Blue-1' });
  assert.equal(created.status, 201);
  assert.equal(await network(ask, 'web'), 'Blue-1');
  assert.equal((await ask('GET /v1/networks/Blue-1')).status, 200);
});

test('POST /v1/apps answers 422 to a taken name, in the words that clients know', async () => {
  const { ask } = await machinesScene();
  await ask('POST /v1/apps', BARE);
  const taken = await ask('POST /v1/apps', { ...BARE, network: 'other' });
  assert.equal(taken.status, 422);
  const { error, status } = taken.body as Record<string, unknown>;
  assert.equal(error, 'Validation failed: Name has already been taken');
  assert.equal(status, 'name_taken');
});

for (const [what, body] of Object.entries({
  'no name': { org_slug: 'default' },
  'an empty name': { name: '', app_name: '' },
  'two names': { name: 'web', app_name: 'shop' },
  'a name in capitals': { name: 'Web' },
  'a name that is too long': { name: 'w'.repeat(64) },
  'a network that starts with a digit': { name: 'web', network: '1blue' },
  'a number as name': { name: 7 },
  'a list': [],
  'no JSON': '{"name":',
  'an empty body': '',
})) {
  test(`POST /v1/apps answers 400 to ${what}`, async () => {
    const { ask } = await machinesScene();
    const refused = await ask('POST /v1/apps', body);
    assert.equal(refused.status, 400, refused.text);
    assertError(refused.body);
    assert.deepEqual((await ask('GET /v1/apps')).body, { total_apps: 0, apps: [] });
  });
}

test('POST /v1/apps answers 404 to an organization that does not exist', async () => {
  const { ask } = await machinesScene();
  const refused = await ask('POST /v1/apps', { app_name: 'web', org_slug: 'nobody' });
  assert.equal(refused.status, 404);
  assertError(refused.body);
});

test('GET /v1/apps lists what an organization has, and counts it', async () => {
  const { ask, site, server } = await machinesScene();
  await ask('POST /v1/organizations', { name: 'acme' });
  await ask('POST /v1/apps', { app_name: 'shop', org_slug: 'acme', network: 'blue' });
  await ask('POST /v1/apps', { app_name: 'web' });
  const found = await site.registry.lookupApp('shop');
  assert.ok(found !== undefined);
  await site.registry.putInstance(server.id, site.instance(found.app, server.id, 1));
  const { body, status } = await ask('GET /v1/apps?org_slug=acme');
  assert.equal(status, 200);
  assert.deepEqual(body, {
    total_apps: 1,
    apps: [
      {
        id: 'shop',
        name: 'shop',
        machine_count: 1,
        volume_count: 0,
        network: 'blue',
        organization: { name: 'acme', slug: 'acme' },
      },
    ],
  });
});

for (const [query, total] of [
  ['', 2],
  ['?org_slug=', 2],
  ['?org_slug=default', 1],
  ['?org_slug=default&app_role=', 1],
  ['?org_slug=nobody', 0],
] as const) {
  test(`GET /v1/apps${query} finds ${total} of two`, async () => {
    const { ask } = await machinesScene();
    await ask('POST /v1/organizations', { name: 'acme' });
    await ask('POST /v1/apps', { app_name: 'shop', org_slug: 'acme' });
    await ask('POST /v1/apps', { app_name: 'web' });
    const { body, status } = await ask(`GET /v1/apps${query}`);
    assert.equal(status, 200);
    assert.equal((body as { total_apps: number }).total_apps, total);
  });
}

test('GET /v1/apps/NAME tells an app whole, at once after it was made', async () => {
  const { ask, site } = await machinesScene();
  await ask('POST /v1/apps?wait=true', BARE);
  const { body, status } = await ask('GET /v1/apps/web');
  assert.equal(status, 200);
  assert.deepEqual(body, {
    id: 'web',
    name: 'web',
    status: 'pending',
    organization: { name: 'default', slug: 'default' },
    network: 'default',
    machine_count: 0,
    volume_count: 0,
    created_at: site.clock.wallNow(),
  });
});

test('GET /v1/apps/NAME says that an app with a machine is deployed', async () => {
  const { ask, site, server } = await machinesScene();
  await ask('POST /v1/apps', BARE);
  const found = await site.registry.lookupApp('web');
  assert.ok(found !== undefined);
  await site.registry.putInstance(server.id, site.instance(found.app, server.id, 1));
  const { body } = await ask('GET /v1/apps/web');
  assert.equal((body as { status: string }).status, 'deployed');
});

test('GET /v1/apps/NAME answers 404 to a name that is free', async () => {
  const { ask } = await machinesScene();
  const missing = await ask('GET /v1/apps/web');
  assert.equal(missing.status, 404);
  assertError(missing.body);
});

for (const [what, query, headers] of [
  ['without a body', '', {}],
  ['by force', '?force=true', {}],
  ['with the type of a body and none', '', { 'content-type': 'application/json' }],
] as const) {
  test(`DELETE /v1/apps/NAME ${what} answers 202 without a body`, async () => {
    const { ask } = await machinesScene();
    await ask('POST /v1/apps', BARE);
    const removed = await ask(`DELETE /v1/apps/web${query}`, undefined, headers);
    assert.deepEqual([removed.status, removed.text], [202, ''], removed.text);
    assert.equal((await ask('GET /v1/apps/web')).status, 404);
  });
}

test('DELETE /v1/apps/NAME answers 404 to a name that is free', async () => {
  const { ask } = await machinesScene();
  const missing = await ask('DELETE /v1/apps/web');
  assert.equal(missing.status, 404);
  assertError(missing.body);
});

test('DELETE /v1/apps/NAME answers 409 while the app has machines, unless by force', async () => {
  const { ask, site, server } = await machinesScene();
  await ask('POST /v1/apps', BARE);
  const found = await site.registry.lookupApp('web');
  assert.ok(found !== undefined);
  await site.registry.putInstance(server.id, site.instance(found.app, server.id, 1));
  for (const query of ['', '?force=false']) {
    const refused = await ask(`DELETE /v1/apps/web${query}`);
    assert.equal(refused.status, 409);
    assertError(refused.body);
  }
  const removed = await ask('DELETE /v1/apps/web?force=true');
  assert.deepEqual([removed.status, removed.text], [202, '']);
  assert.deepEqual(await site.registry.listInstances({ app: 'web' }), []);
});

test('a name is free again when its app is gone', async () => {
  const { ask } = await machinesScene();
  await ask('POST /v1/apps', BARE);
  await ask('DELETE /v1/apps/web');
  assert.equal((await ask('POST /v1/apps', BARE)).status, 201);
});

for (const authorization of ['Bearer fo1_x', 'FlyV1 fm2_x,fm2_y']) {
  test(`the unix socket needs no "${authorization}", and takes it`, async () => {
    const { ask } = await machinesScene();
    assert.equal((await ask('GET /v1/apps', undefined, { authorization })).status, 200);
  });
}

test('every answer has a request id of its own, errors among them', async () => {
  const { ask } = await machinesScene();
  const answers = [await ask('GET /v1/apps'), await ask('GET /v1/apps/web'), await ask('GET /')];
  const ids = new Set(answers.map(({ headers }) => headers['fly-request-id']));
  assert.equal(ids.size, 3);
  assert.ok(!ids.has(undefined));
});

test('GET / answers 404, by which clients see that somebody is there', async () => {
  const { ask } = await machinesScene();
  const missing = await ask('GET /');
  assert.equal(missing.status, 404);
  assertError(missing.body);
});

/** What every documented error has. */
function assertError(body: unknown): void {
  const { error, status } = body as Record<string, unknown>;
  assert.ok(typeof error === 'string' && error.length > 0);
  assert.equal(status, 'unknown');
}

type Ask = Awaited<ReturnType<typeof machinesScene>>['ask'];

async function network(ask: Ask, app: string): Promise<string> {
  const { body } = await ask(`GET /v1/apps/${app}`);
  return (body as { network: string }).network;
}

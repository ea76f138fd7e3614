// Whoever has a token: what it opens, what it does not, and that nothing opens without one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkNameserverAddress, wireguardPeerAddress } from '../../src/addressing/layout.ts';
import { networkApi, tokenApi } from '../../src/api/token-api.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { NewToken } from '../../src/registry/tokens.ts';
import { TOKEN_LENGTH_MAX } from '../../src/tokens/format.ts';
import { narrowToken } from '../../src/tokens/mint.ts';
import { INSTANCE } from '../fakes/api-services.ts';
import { makeSigner } from '../fakes/site.ts';
import { type Asking, TokenScene } from './token-scene.ts';

const scene = await TokenScene.start();

test('without a token that is good there is HTTP 401 in the body of the Machines API', async () => {
  const good = await scene.token();
  const refused: Readonly<Record<string, string>> = {
    'no scheme': good,
    'another scheme': `Basic ${good}`,
    'no token': 'Bearer ',
    'something else': 'Bearer fm2_abc',
    'half a token': `Bearer ${good.slice(0, -9)}`,
    'a token that is too long': `Bearer ${good}${'A'.repeat(2 * TOKEN_LENGTH_MAX)}`,
    'two words': `Bearer ${good} ${good}`,
  };
  for (const [name, authorization] of [['nothing', undefined], ...Object.entries(refused)]) {
    const asking = authorization === undefined ? {} : { authorization };
    const { body, headers, status } = await scene.ask('GET /v1/apps', asking);
    assert.equal(status, 401, name);
    assert.equal(body.code, 'TOKEN_REFUSED');
    assert.equal(body.status, 'unknown');
    assert.equal(headers['www-authenticate'], 'Bearer');
    assert.doesNotMatch(JSON.stringify(body), /p6nt_/);
  }
  assert.equal((await scene.ask('GET /v1/apps', { token: good })).status, 200);
});

test('clients of the Machines API may send the token in their scheme, among others', async () => {
  const token = await scene.token();
  for (const authorization of [`FlyV1 ${token}`, `FlyV1 fm2_x,${token},fo1_y`, `bearer ${token}`]) {
    assert.equal((await scene.ask('GET /v1/apps', { authorization })).status, 200, authorization);
  }
});

test('a token that has ended, was revoked or is of another key opens nothing', async () => {
  const short = await scene.token({ ttlMs: 1_000 });
  const { record, token } = await scene.site.registry.tokens.create({});
  const narrowed = narrowToken(token, { verbs: ['read'] }, scene.site.random);
  for (const one of [short, token, narrowed]) {
    assert.equal((await scene.ask('GET /v1/apps', { token: one })).status, 200);
  }
  scene.site.clock.advance(1_000);
  assert.match((await scene.ask('GET /v1/apps', { token: short })).body.error ?? '', /has ended/);
  scene.revoked = new Set([record.id]);
  for (const one of [token, narrowed]) {
    const { body, status } = await scene.ask('GET /v1/apps', { token: one });
    assert.equal(status, 401);
    assert.match(body.error ?? '', /was revoked/);
  }
  scene.revoked = undefined;
  const fresh = await scene.token();
  assert.equal((await scene.ask('GET /v1/apps', { token: fresh })).status, 503);
  scene.revoked = new Set();
  scene.siteKey = makeSigner(77).publicKey;
  assert.equal((await scene.ask('GET /v1/apps', { token: fresh })).status, 401);
  scene.siteKey = scene.site.signer.publicKey;
  assert.equal((await scene.ask('GET /v1/apps', { token: fresh })).status, 200);
});

test('that there is no such route needs no token', async () => {
  assert.equal((await scene.ask('GET /')).status, 404);
  assert.equal((await scene.ask('GET /v1/nothing')).status, 404);
});

interface Row {
  readonly line: string;
  readonly payload?: object;
  /** With a token for: the site, organization default, app web, and reading alone. */
  readonly statuses: readonly [number, number, number, number];
}

const TOKENS: readonly NewToken[] = [
  {},
  { organizations: ['default'] },
  { apps: ['web'] },
  { verbs: ['read'] },
];

const ROWS: readonly Row[] = [
  { line: 'GET /v1/openapi.json', statuses: [200, 200, 200, 200] },
  { line: 'GET /v1/organizations', statuses: [200, 200, 200, 200] },
  {
    line: 'POST /v1/organizations',
    payload: { name: 'other' },
    statuses: [201, 403, 403, 403],
  },
  { line: 'GET /v1/networks/blue', statuses: [200, 200, 403, 200] },
  { line: 'GET /v1/networks/blue?organization=acme', statuses: [200, 403, 403, 200] },
  { line: 'POST /v1/networks', payload: { name: 'red' }, statuses: [201, 409, 403, 403] },
  {
    line: 'POST /v1/networks',
    payload: { name: 'red', organization: 'acme' },
    statuses: [201, 403, 403, 403],
  },
  { line: 'DELETE /v1/networks/red', statuses: [204, 404, 403, 403] },
  { line: 'GET /v1/apps/web', statuses: [200, 200, 200, 200] },
  { line: 'GET /v1/apps/db', statuses: [200, 200, 403, 200] },
  // An app of another organization is there, and says so: clients tell names by that.
  { line: 'GET /v1/apps/mail', statuses: [200, 403, 403, 200] },
  { line: 'GET /v1/apps/absent', statuses: [404, 404, 404, 404] },
  { line: 'DELETE /v1/apps/mail', statuses: [409, 403, 403, 403] },
  {
    line: 'POST /v1/apps',
    payload: { app_name: 'new', org_slug: 'acme' },
    statuses: [201, 403, 403, 403],
  },
  {
    line: 'POST /v1/apps',
    payload: { name: 'web', org_slug: '', network: '', app_role_id: '' },
    statuses: [422, 422, 422, 403],
  },
  { line: 'GET /v1/apps/web/machines', statuses: [200, 200, 200, 200] },
  { line: 'GET /v1/apps/db/machines', statuses: [200, 200, 403, 200] },
  { line: 'GET /v1/hosts', statuses: [200, 403, 403, 200] },
  { line: 'GET /v1/site', statuses: [200, 403, 403, 200] },
  { line: 'GET /v1/invites', statuses: [200, 403, 403, 200] },
  { line: 'POST /v1/invites', payload: {}, statuses: [201, 403, 403, 403] },
  // A server has the site's key, which makes every token.
  { line: 'POST /v1/invites', payload: { role: 'server' }, statuses: [403, 403, 403, 403] },
  { line: 'GET /v1/audit', statuses: [200, 403, 403, 200] },
  { line: 'GET /v1/status', statuses: [200, 403, 403, 200] },
  { line: 'GET /metrics', statuses: [200, 403, 403, 200] },
  // What gives rights away, runs as root or writes files of the host is no matter for tokens.
  { line: 'GET /v1/tokens', statuses: [403, 403, 403, 403] },
  { line: 'POST /v1/tokens', payload: {}, statuses: [403, 403, 403, 403] },
  { line: 'DELETE /v1/tokens/0123456789abcdef', statuses: [403, 403, 403, 403] },
  {
    line: 'PATCH /v1/site',
    payload: { host_operators_write: true },
    statuses: [403, 403, 403, 403],
  },
  { line: 'POST /v1/site/rotate', statuses: [403, 403, 403, 403] },
  { line: 'POST /v1/host/reset', statuses: [403, 403, 403, 403] },
  { line: 'POST /v1/host/rotate-key', statuses: [403, 403, 403, 403] },
  { line: 'POST /v1/hosts/one/rehome', statuses: [403, 403, 403, 403] },
  { line: 'GET /v1/registry', statuses: [403, 403, 403, 403] },
  { line: 'POST /v1/registry/export', payload: { path: '/x' }, statuses: [403, 403, 403, 403] },
  {
    line: 'POST /v1/instances/run',
    payload: { app: 'web', command: ['id'] },
    statuses: [403, 403, 403, 403],
  },
  {
    line: 'POST /v1/instances/attach',
    payload: { app: 'web', pid: 1 },
    statuses: [403, 403, 403, 403],
  },
  // The instance is one of app web.
  { line: 'GET /v1/instances/web-1', statuses: [200, 200, 200, 200] },
  { line: 'POST /v1/instances/web-1/stop', payload: {}, statuses: [200, 200, 200, 403] },
  { line: 'DELETE /v1/instances/web-1', statuses: [204, 204, 204, 403] },
];

for (const { line, payload, statuses } of ROWS) {
  test(`${line} with ${JSON.stringify(payload ?? {})} answers each token`, async () => {
    const found: number[] = [];
    for (const request of TOKENS) {
      const token = await scene.token(request);
      const answer = await scene.ask(line, {
        token,
        ...(payload === undefined ? {} : { payload }),
      });
      if (answer.status === 403) assert.equal(answer.body.code, 'NOT_PERMITTED');
      found.push(answer.status);
    }
    assert.deepEqual(found, statuses);
  });
}

const SEEN: readonly [NewToken, Readonly<Record<string, readonly string[]>>][] = [
  [{}, { apps: ['db', 'mail', 'shop', 'web'], organizations: ['acme', 'default'] }],
  [{ organizations: ['acme'] }, { apps: ['mail'], organizations: ['acme'] }],
  [{ apps: ['web', 'mail'] }, { apps: ['mail', 'web'], organizations: [] }],
  [
    { organizations: ['acme'], apps: ['web'] },
    { apps: [], organizations: [] },
  ],
];

for (const [request, expected] of SEEN) {
  test(`lists show a token for ${JSON.stringify(request)} what it may see`, async () => {
    const own = await TokenScene.start();
    const token = await own.token(request);
    const lists = await seen(own, token);
    assert.deepEqual(lists.apps, expected['apps']);
    assert.deepEqual(lists.organizations, expected['organizations']);
    assert.deepEqual(lists.instances, expected['apps']);
    assert.equal(lists.total, lists.apps.length);
  });
}

test('a narrowed token sees and does less, and never more', async () => {
  const wide = await scene.token({ organizations: ['default'] });
  const narrow = narrowToken(wide, { apps: ['web'], verbs: ['read'] }, scene.site.random);
  assert.equal((await scene.ask('GET /v1/apps/web', { token: narrow })).status, 200);
  assert.equal((await scene.ask('GET /v1/apps/db', { token: narrow })).status, 403);
  assert.equal((await scene.ask('DELETE /v1/apps/web', { token: narrow })).status, 403);
  const other = narrowToken(narrow, { organizations: ['acme'] }, scene.site.random);
  assert.equal((await scene.ask('GET /v1/apps/mail', { token: other })).status, 403);
  assert.equal((await scene.ask('GET /v1/apps/web', { token: other })).status, 403);
  const ended = narrowToken(wide, { expiresAt: 1 as WallMillis }, scene.site.random);
  assert.equal((await scene.ask('GET /v1/apps', { token: ended })).status, 401);
});

test('a token for an app is none for what another organization names so afterwards', async () => {
  const { registry } = scene.site;
  await registry.createApp({ name: 'brief' });
  const token = await scene.token({ apps: ['brief'] });
  assert.equal((await scene.ask('GET /v1/apps/brief', { token })).status, 200);
  await registry.removeApp('brief', { force: false });
  const payload = { name: 'brief', org_slug: 'acme' };
  assert.equal((await scene.ask('POST /v1/apps', { token, payload })).status, 403);
  await registry.createApp({ name: 'brief', organization: 'acme' });
  assert.equal((await scene.ask('GET /v1/apps/brief', { token })).status, 403);
});

test('a token for an app is none for instances of one that had its name before', async () => {
  const own = await TokenScene.start();
  const { registry } = own.site;
  const { network } = await own.app('web');
  own.own = [{ ...INSTANCE, network_id: network, host_id: 0x1_ffff }];
  const { app, id } = INSTANCE;
  const paths = [
    `/v1/instances/${id}`,
    `/v1/instances/${id}/output`,
    `/v1/apps/${app}/machines/${id}`,
    `/v1/apps/${app}/machines/${id}/metadata`,
  ];
  const token = await own.token({ organizations: ['default'] });
  for (const path of paths) {
    assert.equal((await own.ask(`GET ${path}`, { token })).status, 200, path);
  }
  await registry.removeApp(app, { force: true });
  await registry.createApp({ name: app, network: 'blue', organization: 'acme' });
  for (const organization of ['acme', 'default']) {
    const other = await own.token({ organizations: [organization] });
    for (const path of paths) {
      const { status } = await own.ask(`GET ${path}`, { token: other });
      assert.ok(status === 403 || status === 404, `${path} for ${organization}: ${status}`);
    }
    const { body: list } = await own.ask('GET /v1/instances', { token: other });
    const ids = (list['instances'] as { id: string }[]).map((one) => one.id);
    assert.ok(!ids.includes(id));
    const { body } = await own.ask(`GET /v1/apps/${app}/machines`, { token: other });
    assert.ok(!JSON.stringify(body).includes(id));
  }
});

test('where an instance is, a token asks a server twice', async () => {
  const own = await TokenScene.start();
  const token = await own.token({ apps: ['web'] });
  const { registry } = own.services;
  const asked: string[] = [];
  for (const name of ['getApp', 'getNetwork', 'listApps', 'listNetworks'] as const) {
    const method = registry[name].bind(registry) as () => never;
    registry[name] = (...words: readonly unknown[]) => {
      asked.push(name);
      return method(...(words as []));
    };
  }
  assert.equal((await own.ask('GET /v1/instances/web-1', { token })).status, 200);
  assert.deepEqual(asked, ['getApp', 'getNetwork']);
});

test('what a token changes stands in the audit under its id', async () => {
  const { record, token } = await scene.site.registry.tokens.create({});
  const abort = new AbortController();
  const changes = scene.site.registry.changes(undefined, abort.signal)[Symbol.asyncIterator]();
  await changes.next();
  const by = async (): Promise<unknown> => (await changes.next()).value?.accounts[0]?.by;
  await scene.ask('POST /v1/networks', { token, payload: { name: 'grey' } });
  assert.deepEqual(await by(), { kind: 'token', token: record.id });
  const { body } = await scene.ask('POST /v1/invites', { token, payload: {} });
  assert.deepEqual(await by(), { kind: 'token', token: record.id });
  const { number } = body['invite'] as { readonly number: number };
  await scene.ask(`DELETE /v1/invites/${number}`, { token });
  assert.deepEqual(await by(), { kind: 'token', token: record.id });
  abort.abort();
});

test('an instance sees its own network and nothing else, whatever its token allows', async () => {
  const own = await TokenScene.start();
  const token = await own.token();
  const { address: from = '' } = (await own.site.registry.listInstances({ app: 'web' }))[0] ?? {};
  const ask = async (line: string, payload?: object): Promise<number> => {
    const asking = { token, from, ...(payload === undefined ? {} : { payload }) };
    return (await own.ask(line, asking, own.inside)).status;
  };
  assert.equal(await ask('GET /v1/apps/web'), 200);
  assert.equal(await ask('GET /v1/apps/db'), 200);
  assert.equal(await ask('GET /v1/apps/shop'), 403);
  assert.equal(await ask('GET /v1/apps/mail'), 403);
  assert.equal(await ask('GET /v1/apps/shop/machines'), 403);
  assert.equal(await ask('GET /v1/hosts'), 403);
  assert.equal(await ask('GET /v1/networks/Blue'), 200);
  assert.equal(await ask('GET /v1/networks/green'), 403);
  assert.equal(await ask('POST /v1/apps', { name: 'one', network: 'blue' }), 201);
  assert.equal(await ask('POST /v1/apps', { name: 'two', network: 'green' }), 403);
  assert.equal(await ask('POST /v1/apps', { name: 'two' }), 403);
  assert.equal(await ask('POST /v1/networks', { name: 'new' }), 403);
  assert.equal(await ask('POST /v1/organizations', { name: 'new' }), 403);
  const lists = await seen(own, token, from);
  assert.deepEqual(lists.apps, ['db', 'one', 'web']);
  assert.deepEqual(lists.instances, ['db', 'web']);
});

test('inside the networks nobody but instances and WireGuard peers is served', async () => {
  const token = await scene.token();
  const { network } = await scene.app('web');
  const [{ id: host } = assert.fail()] = await scene.site.registry.listHosts();
  const laptop = wireguardPeerAddress(network, host, 7);
  const served = await scene.ask('GET /v1/apps/web', { token, from: laptop }, scene.inside);
  assert.equal(served.status, 200);
  for (const from of [
    '127.0.0.1',
    'fdaa::3',
    networkNameserverAddress(network),
    'fdaa:0:0:1:0::1',
    'fdaa:0:0:1:0:0:a:7',
    '2001:db8::1',
  ]) {
    assert.equal(
      (await scene.ask('GET /v1/apps', { token, from }, scene.inside)).status,
      403,
      from,
    );
  }
  const stranger = await scene.ask('GET /v1/apps', { from: laptop }, scene.inside);
  assert.equal(stranger.status, 401);
});

test('who comes from inside a network sees that network alone at every door', async () => {
  const token = await scene.token();
  const { network } = await scene.app('shop');
  const [{ id: host } = assert.fail()] = await scene.site.registry.listHosts();
  const from = wireguardPeerAddress(network, host, 7);
  for (const door of [scene.door, scene.inside]) {
    assert.equal((await scene.ask('GET /v1/apps/shop', { token, from }, door)).status, 200);
    assert.equal((await scene.ask('GET /v1/apps/mail', { token, from }, door)).status, 403);
  }
});

test('who asks too much is refused for a while, and keeps no other from asking', async () => {
  const never = { burst: 3, perSecond: 0 };
  const rates = { asker: never, all: { burst: 9, perSecond: 0 } };
  const options = { check: scene.check, logger: SILENT_LOGGER, rates };
  const [outside, inside] = [tokenApi, networkApi].map((api) => api(scene.services, options));
  const { network } = await scene.app('web');
  const [{ id: host } = assert.fail()] = await scene.site.registry.listHosts();
  const statuses = async (asking: Asking, door = outside): Promise<number[]> => {
    const found: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      found.push((await scene.ask('GET /v1/openapi.json', asking, door)).status);
    }
    return found;
  };
  const good = [200, 200, 200, 429];
  assert.deepEqual(await statuses({ token: await scene.token() }), good);
  // Strangers have no part in it.
  assert.deepEqual(await statuses({}), [401, 401, 401, 401]);
  assert.deepEqual(await statuses({ token: await scene.token() }), good);
  assert.deepEqual(await statuses({ token: await scene.token() }), good);
  assert.deepEqual(await statuses({ token: await scene.token() }), [429, 429, 429, 429]);
  // A network is one, whoever of it asks, with whatever token or none.
  const [one, two] = [7, 8].map((number) => wireguardPeerAddress(network, host, number));
  assert.deepEqual(await statuses({ from: one ?? '' }, inside), [401, 401, 401, 429]);
  const token = await scene.token();
  assert.deepEqual(await statuses({ from: two ?? '', token }, inside), [429, 429, 429, 429]);
  const { network: green } = await scene.app('shop');
  const from = wireguardPeerAddress(green, host, 7);
  assert.deepEqual(await statuses({ from, token }, inside), good);
});

test('who is refused is counted', async () => {
  const before = scene.door.refusedRequests;
  await scene.ask('GET /v1/apps');
  await scene.ask('GET /v1/hosts', { token: await scene.token({ apps: ['web'] }) });
  assert.equal(scene.door.refusedRequests, before + 2);
});

async function seen(
  own: TokenScene,
  token: string,
  from?: string,
): Promise<{ apps: string[]; organizations: string[]; instances: string[]; total: unknown }> {
  const door = from === undefined ? own.door : own.inside;
  const get = async (path: string): Promise<Readonly<Record<string, unknown>>> =>
    (await own.ask(`GET ${path}`, { token, ...(from === undefined ? {} : { from }) }, door)).body;
  const apps = await get('/v1/apps');
  const { organizations } = await get('/v1/organizations');
  const { instances } = await get('/v1/instances');
  return {
    apps: (apps['apps'] as { name: string }[]).map(({ name }) => name).sort(),
    organizations: (organizations as { name: string }[]).map(({ name }) => name).sort(),
    instances: (instances as { app: string }[]).map(({ app }) => app).sort(),
    total: apps['total_apps'],
  };
}

// The habits of clients of the Machines API that speak with a token, each as a test: what they send
// besides what is documented, and what they make of the answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { narrowToken } from '../../src/tokens/mint.ts';
import { TokenScene } from './token-scene.ts';

const scene = await TokenScene.start();
const token = await scene.token({ organizations: ['default'] });

test('a create with empty texts makes an app of the default network', async () => {
  const payload = { name: 'fresh', org_slug: '', network: '', app_role_id: '' };
  const created = await scene.ask('POST /v1/apps?wait=true', { token, payload });
  assert.equal(created.status, 201);
  assert.deepEqual(Object.keys(created.body).sort(), ['created_at', 'id']);
  const { network } = await scene.app('fresh');
  const { id } = await scene.site.registry.findNetwork({ name: 'default' });
  assert.equal(network, id);
});

test('a client that waits for its app finds it at once', async () => {
  // 404 and 401 would make it try again, anything else would be final.
  assert.equal((await scene.ask('GET /v1/apps/fresh', { token })).status, 200);
});

test('a free name is 404, one of another organization 403, a bad token 401', async () => {
  assert.equal((await scene.ask('GET /v1/apps/nobodys', { token })).status, 404);
  assert.equal((await scene.ask('GET /v1/apps/mail', { token })).status, 403);
  assert.equal((await scene.ask('GET /v1/apps/nobodys', { token: 'fm2_x' })).status, 401);
});

test('a name that another organization has is taken, in the words that clients know', async () => {
  const { body, status } = await scene.ask('POST /v1/apps', { token, payload: { name: 'mail' } });
  assert.equal(status, 422);
  assert.equal(body.error, 'Validation failed: Name has already been taken');
  assert.equal(body.status, 'name_taken');
});

test('errors have "error" and "status", and every answer a request id', async () => {
  for (const line of ['GET /v1/apps/nobodys', 'GET /v1/apps/mail', 'GET /v1/hosts', 'GET /x']) {
    const { body, headers } = await scene.ask(line, { token });
    assert.equal(typeof body.error, 'string');
    assert.equal(body.status, 'unknown');
    assert.match(String(headers['fly-request-id']), /^[0-9a-f-]{36}$/);
  }
});

test('a delete has no body, and neither has its answer', async () => {
  const { body, status } = await scene.ask('DELETE /v1/apps/fresh?force=true', { token });
  assert.equal(status, 202);
  assert.deepEqual(body, {});
});

test('a filter by an organization that the token is not for shows nothing of it', async () => {
  const { body, status } = await scene.ask('GET /v1/apps?org_slug=acme&app_role=', { token });
  assert.equal(status, 200);
  assert.deepEqual(body, { total_apps: 0, apps: [] });
});

test('a token that its holder has narrowed is sent as any other', async () => {
  const narrow = narrowToken(token, { verbs: ['read'] }, scene.site.random);
  const authorization = `FlyV1 ${narrow}`;
  assert.equal((await scene.ask('GET /v1/apps', { authorization })).status, 200);
  const payload = { name: 'more' };
  assert.equal((await scene.ask('POST /v1/apps', { authorization, payload })).status, 403);
});

test('what is not here is 404: machines made by request, addresses of apps, policies', async () => {
  for (const line of [
    'POST /v1/apps/web/machines',
    'GET /v1/apps/web/ip_assignments',
    'GET /v1/apps/web/network_policies',
    'POST /v1/tokens/oidc',
  ]) {
    assert.equal((await scene.ask(line, { token })).status, 404, line);
  }
});

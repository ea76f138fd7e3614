// What the routes make of requests: the shapes of the Machines API, limits, errors without
// internals, and lists that stay useful when no server answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Check } from 'typebox/value';
import { meshApi, operatorApi } from '../../src/api/api.ts';
import { APP_CREATED, APP_LIST, APP_VIEW } from '../../src/api/contract/apps.ts';
import { ERROR_BODY, type ErrorBody } from '../../src/api/contract/error.ts';
import { EXPLANATION } from '../../src/api/contract/explain.ts';
import { HOST_LIST, HOST_VIEW } from '../../src/api/contract/hosts.ts';
import {
  INSTANCE_LIST,
  INSTANCE_VIEW,
  type InstanceList,
} from '../../src/api/contract/instances.ts';
import { INVITE_CREATED, INVITE_LIST } from '../../src/api/contract/invites.ts';
import { NAME_ANSWER } from '../../src/api/contract/names.ts';
import { NETWORK_LIST, NETWORK_VIEW } from '../../src/api/contract/networks.ts';
import { ORGANIZATION_LIST, ORGANIZATION_VIEW } from '../../src/api/contract/organizations.ts';
import { OUTPUT_LINE } from '../../src/api/contract/output.ts';
import type { Contract } from '../../src/api/contract/schema.ts';
import { STATUS_VIEW } from '../../src/api/contract/status.ts';
import { ERROR_CODES, type ErrorCode, P6nError } from '../../src/base/errors.ts';
import { type LogFields, type Logger, SILENT_LOGGER } from '../../src/base/logger.ts';
import {
  type FakeServices,
  FEED,
  FEED_TEXT,
  fakeServices,
  HOST_ADDRESS,
  INSTANCE,
  SECRET,
  values,
} from '../fakes/api-services.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly json: () => unknown;
}

async function request(
  services: FakeServices,
  line: string,
  payload?: object | string,
): Promise<Answer> {
  const [method = '', url = ''] = line.split(' ');
  const response = await operatorApi(services, SILENT_LOGGER).app.inject({
    method: method as 'GET',
    url,
    ...(payload === undefined ? {} : { payload }),
    ...(typeof payload === 'string' ? { headers: { 'content-type': 'application/json' } } : {}),
  });
  return { status: response.statusCode, body: response.body, json: () => response.json() };
}

const ANSWERS: readonly (readonly [string, Contract<never>, object?])[] = [
  ['GET /v1/organizations', ORGANIZATION_LIST as Contract<never>],
  ['POST /v1/organizations', ORGANIZATION_VIEW as Contract<never>, { name: 'acme' }],
  ['GET /v1/networks', NETWORK_LIST as Contract<never>],
  ['POST /v1/networks', NETWORK_VIEW as Contract<never>, { name: 'blue' }],
  ['GET /v1/apps', APP_LIST as Contract<never>],
  ['POST /v1/apps', APP_CREATED as Contract<never>, { app_name: 'web' }],
  ['GET /v1/apps/web', APP_VIEW as Contract<never>],
  ['GET /v1/hosts', HOST_LIST as Contract<never>],
  ['GET /v1/hosts/one', HOST_VIEW as Contract<never>],
  ['GET /v1/invites', INVITE_LIST as Contract<never>],
  ['POST /v1/invites', INVITE_CREATED as Contract<never>, {}],
  ['GET /v1/instances', INSTANCE_LIST as Contract<never>],
  ['GET /v1/instances/web-1', INSTANCE_VIEW as Contract<never>],
  ['POST /v1/instances/run', INSTANCE_VIEW as Contract<never>, { app: 'web', command: ['x'] }],
  ['GET /v1/status', STATUS_VIEW as Contract<never>],
  ['GET /v1/names/lookup?name=web.internal', NAME_ANSWER as Contract<never>],
  ['POST /v1/explain', EXPLANATION as Contract<never>, { from: 'fdaa::1', to: 'fdaa::2' }],
];

for (const [line, contract, payload] of ANSWERS) {
  test(`${line} answers as its contract says`, async () => {
    const answer = await request(fakeServices(), line, payload);
    assert.ok(Check(contract, answer.json()), answer.body);
  });
}

const NEW_APPS: Readonly<Record<string, { body: object; app: object | undefined }>> = {
  'app_name alone': { body: { app_name: 'web' }, app: newApp() },
  'name alone': { body: { name: 'web' }, app: newApp() },
  'empty texts': {
    body: { name: 'web', org_slug: '', network: '', app_role_id: '' },
    app: newApp(),
  },
  'an empty app_name beside a name': { body: { app_name: '', name: 'web' }, app: newApp() },
  'both names alike': { body: { app_name: 'web', name: 'web' }, app: newApp() },
  'a network and an organization': {
    body: { app_name: 'web', org_slug: 'acme', network: 'blue' },
    app: newApp('acme', 'blue'),
  },
  'two names': { body: { app_name: 'web', name: 'shop' }, app: undefined },
  'no name': { body: { network: 'blue' }, app: undefined },
  'an empty name': { body: { name: '' }, app: undefined },
};

function newApp(organization?: string, network?: string): object {
  return { name: 'web', organization, network };
}

for (const [name, { app, body }] of Object.entries(NEW_APPS)) {
  test(`POST /v1/apps ${app === undefined ? 'refuses' : 'takes'} ${name}`, async () => {
    const services = fakeServices();
    const answer = await request(services, 'POST /v1/apps?wait=true', body);
    assert.equal(answer.status, app === undefined ? 400 : 201, answer.body);
    const asked = services.calls.map((call) => call.arguments[1]);
    assert.deepEqual(asked, app === undefined ? [] : [app]);
  });
}

test('POST /v1/apps answers a taken name as the Machines API does', async () => {
  const taken = new P6nError('NAME_TAKEN', 'Cannot create app "web": the name is taken');
  const services = fakeServices({ registry: { createApp: () => Promise.reject(taken) } });
  const answer = await request(services, 'POST /v1/apps', { app_name: 'web' });
  assert.equal(answer.status, 422);
  assert.equal((answer.json() as ErrorBody).status, 'name_taken');
});

test('DELETE /v1/apps answers 202 without a body', async () => {
  const answer = await request(fakeServices(), 'DELETE /v1/apps/web');
  assert.deepEqual([answer.status, answer.body], [202, '']);
});

test('GET /v1/apps takes an organization, and an empty one as none', async () => {
  const services = fakeServices();
  await request(services, 'GET /v1/apps?org_slug=acme');
  await request(services, 'GET /v1/apps?org_slug=');
  assert.deepEqual(
    services.calls.map((call) => call.arguments[1]),
    [{ org_slug: 'acme' }, {}],
  );
});

const WRONG: readonly (readonly [string, (object | string)?])[] = [
  ['POST /v1/networks', { name: 'blue', id: 7 }],
  ['POST /v1/networks', {}],
  ['POST /v1/networks', '{"name":'],
  ['POST /v1/networks', '"blue"'],
  ['POST /v1/networks'],
  ['GET /v1/networks?org=acme'],
  ['GET /v1/networks?organization=a&organization=b'],
  ['DELETE /v1/invites/0'],
  ['DELETE /v1/invites/x'],
  ['DELETE /v1/invites/65536'],
  ['POST /v1/instances/attach', { app: 'web' }],
  ['POST /v1/instances/attach', { app: 'web', pid: 1, netns: '/x' }],
  ['POST /v1/instances/attach', { app: 'web', handover: 'p6n-1' }],
  ['POST /v1/instances/attach', { app: 'web', handover: 'p6n-1', owner: 'a', pid: 1 }],
  ['POST /v1/explain', { from: 'fdaa::1', to: 'fdaa::2', port: '80' }],
  ['POST /v1/instances/web-1/stop', { grace_ms: -1 }],
  ['DELETE /v1/instances/web-1?force=true'],
];

for (const [line, payload] of WRONG) {
  test(`${line} refuses ${JSON.stringify(payload) ?? 'no body'}`, async () => {
    const services = fakeServices();
    const answer = await request(services, line, payload);
    assert.equal(answer.status, 400, answer.body);
    assert.equal((answer.json() as ErrorBody).code, 'VALUE_INVALID');
    assert.ok(Check(ERROR_BODY, answer.json()));
    assert.deepEqual(services.calls, []);
  });
}

test('a property that a contract does not know is named', async () => {
  const answer = await request(fakeServices(), 'POST /v1/networks', { name: 'blue', colour: 1 });
  assert.match((answer.json() as ErrorBody).error, /"colour"/);
});

test('a body above the limit is refused', async () => {
  const services = fakeServices();
  const answer = await request(services, 'POST /v1/networks', { name: 'x'.repeat(70_000) });
  assert.equal(answer.status, 413);
  assert.deepEqual(services.calls, []);
});

test('an unknown route is an error with a code', async () => {
  const answer = await request(fakeServices(), 'GET /v2/networks?secret=x');
  assert.equal(answer.status, 404);
  const body = answer.json() as ErrorBody;
  assert.equal(body.code, 'NOT_FOUND');
  assert.doesNotMatch(body.error, /secret/);
});

const STATUSES: Readonly<Record<string, number>> = {
  usage: 400,
  unproved: 401,
  denied: 403,
  missing: 404,
  conflict: 409,
  environment: 503,
  internal: 500,
};

for (const [code, fault] of Object.entries(ERROR_CODES)) {
  test(`${code} of a service is HTTP status ${STATUSES[fault]}`, async () => {
    const error = new P6nError(code as ErrorCode, 'Cannot do it: the facts', { hint: 'Do so.' });
    const services = fakeServices({ registry: { listHosts: () => Promise.reject(error) } });
    const answer = await request(services, 'GET /v1/hosts');
    assert.equal(answer.status, STATUSES[fault]);
    const body = answer.json() as ErrorBody;
    assert.ok(Check(ERROR_BODY, body), answer.body);
    assert.equal(body.code, code);
    if (fault !== 'internal')
      assert.deepEqual([body.error, body.hint], [error.message, error.hint]);
  });
}

test('an unknown error is logged and not told', async () => {
  const logged: (readonly [string, LogFields | undefined])[] = [];
  const logger: Logger = {
    ...SILENT_LOGGER,
    error: (message, fields) => logged.push([message, fields]),
  };
  const services = fakeServices({
    registry: { listHosts: () => Promise.reject(new Error('table "x" in /var/lib/p6n')) },
  });
  const response = await operatorApi(services, logger).app.inject({ url: '/v1/hosts' });
  assert.equal(response.statusCode, 500);
  assert.doesNotMatch(response.body, /table|var/);
  assert.equal(logged.length, 1);
  assert.match(String(logged[0]?.[1]?.['error']), /table "x"/);
});

test('an invite is not to be kept by caches', async () => {
  const { app } = operatorApi(fakeServices(), SILENT_LOGGER);
  const response = await app.inject({ method: 'POST', url: '/v1/invites', payload: {} });
  assert.equal(response.headers['cache-control'], 'no-store');
});

const ELSEWHERE = {
  ...INSTANCE,
  id: 'ffffffffffffff',
  host: 'two',
  host_id: 0x10001,
  name: 'web-2',
};
const FORGOTTEN = { ...INSTANCE, id: '00000000000000', name: 'gone' };

test('GET /v1/instances tells this host from itself and others from the registry', async () => {
  const services = fakeServices({
    registry: {
      listInstances: () =>
        Promise.resolve({ instances: [{ ...INSTANCE, state: 'stopped' }, FORGOTTEN, ELSEWHERE] }),
    },
  });
  const { instances } = (await request(services, 'GET /v1/instances')).json() as InstanceList;
  assert.deepEqual(instances, [INSTANCE, ELSEWHERE]);
});

test('GET /v1/instances?here=1 asks no server', async () => {
  const services = fakeServices();
  const { instances } = (
    await request(services, 'GET /v1/instances?here=1')
  ).json() as InstanceList;
  assert.deepEqual(instances, [INSTANCE]);
  assert.deepEqual(
    services.calls.map((call) => call.method),
    ['list'],
  );
});

for (const [query, count] of [
  ['app=web', 1],
  ['app=shop', 0],
  ['network=blue', 1],
  ['network=BLUE', 1],
  ['network=red', 0],
  ['host=one', 1],
  ['host=two', 0],
] as const) {
  test(`GET /v1/instances?here=1&${query} lists ${count}`, async () => {
    const answer = await request(fakeServices(), `GET /v1/instances?here=1&${query}`);
    assert.equal((answer.json() as InstanceList).instances.length, count);
  });
}

test('GET /v1/instances says that it is incomplete without a server', async () => {
  const lost = new P6nError('SERVER_UNREACHABLE', 'Cannot reach the server');
  const services = fakeServices({ registry: { listInstances: () => Promise.reject(lost) } });
  const answer = await request(services, 'GET /v1/instances');
  assert.equal(answer.status, 200);
  const list = answer.json() as InstanceList;
  assert.deepEqual(list, { instances: [INSTANCE], incomplete: 'Cannot reach the server' });
  assert.ok(Check(INSTANCE_LIST, list));
});

test('GET /v1/instances/ID finds an instance of another host by its id alone', async () => {
  const missing = new P6nError('NOT_FOUND', 'Cannot find it: there is none');
  const services = fakeServices({
    instances: { show: () => Promise.reject(missing) },
    registry: { listInstances: () => Promise.resolve({ instances: [ELSEWHERE] }) },
  });
  const byId = await request(services, `GET /v1/instances/${ELSEWHERE.id}`);
  assert.deepEqual(byId.json(), ELSEWHERE);
  assert.equal((await request(services, 'GET /v1/instances/web-2')).status, 404);
  assert.equal((await request(services, 'GET /v1/instances/eeeeeeeeeeeeee')).status, 404);
});

test('GET /v1/instances/ID/output streams lines of its contract', async () => {
  const answer = await request(fakeServices(), 'GET /v1/instances/web-1/output?follow=1');
  const lines = parseLines(answer.body);
  for (const line of lines) assert.ok(Check(OUTPUT_LINE, line), JSON.stringify(line));
  assert.deepEqual(lines, [
    { type: 'heartbeat' },
    { type: 'stdout', data: 'b3V0Cg==' },
    { type: 'stderr', data: 'ZXJyCg==' },
    { type: 'skipped', bytes: 12 },
    { type: 'exit', code: 0 },
  ]);
});

test('GET /v1/instances/ID/output of none is an error and no stream', async () => {
  const missing = new P6nError('NOT_FOUND', 'Cannot find it: there is none');
  const services = fakeServices({ instances: { show: () => Promise.reject(missing) } });
  assert.equal((await request(services, 'GET /v1/instances/x/output')).status, 404);
});

test('a stream whose source fails ends with the error', async () => {
  const services = fakeServices({
    instances: {
      // biome-ignore lint/correctness/useYield: the source fails before its first value
      output: async function* () {
        await Promise.resolve();
        throw new P6nError('INSTANCE_STATE', 'Cannot read: it is removed', { hint: 'Look.' });
      },
    },
  });
  const answer = await request(services, 'GET /v1/instances/web-1/output');
  assert.deepEqual(parseLines(answer.body).at(-1), {
    type: 'failed',
    error: 'Cannot read: it is removed',
    status: 'unknown',
    code: 'INSTANCE_STATE',
    hint: 'Look.',
  });
});

async function follow(query: string): Promise<{ answer: Answer; asked: readonly unknown[] }> {
  let asked: readonly unknown[] = [];
  const services = fakeServices({
    follow: {
      follow: (_principal, networks, after) => {
        asked = [[...networks], after];
        return values(FEED_TEXT);
      },
    },
  });
  const response = await meshApi(services, SILENT_LOGGER).app.inject({
    url: `/v1/follow${query}`,
    remoteAddress: HOST_ADDRESS,
    headers: { authorization: `Bearer ${SECRET}` },
  });
  const json = (): unknown => response.json();
  return { answer: { status: response.statusCode, body: response.body, json }, asked };
}

test('GET /v1/follow streams the feed from the start', async () => {
  const { answer, asked } = await follow('');
  assert.deepEqual(parseLines(answer.body), [{ type: 'heartbeat' }, ...FEED]);
  assert.deepEqual(asked, [[], undefined]);
});

test('GET /v1/follow goes on from a revision in the networks that it names', async () => {
  const { asked } = await follow('?networks=65536,4294967295&incarnation=a&number=7');
  assert.deepEqual(asked, [[65_536, 4_294_967_295], { incarnation: 'a', number: 7 }]);
  const { asked: lacking } = await follow('?networks=65536&incarnation=a&number=7&lacks=65536');
  assert.deepEqual(lacking, [[65_536], { incarnation: 'a', number: 7, lacks: [65_536] }]);
});

for (const query of [
  '?networks=0',
  '?networks=4294967296',
  '?incarnation=a',
  '?number=7',
  '?lacks=x',
]) {
  test(`GET /v1/follow${query} is refused`, async () => {
    const { answer } = await follow(query);
    assert.equal(answer.status, 400, answer.body);
  });
}

test('GET /v1/follow takes as many networks as its limit and no more', async () => {
  const most = Array.from({ length: 4_096 }, (_one, index) => 0xffff_0000 - index);
  assert.equal((await follow(`?networks=${most.join(',')}`)).answer.status, 200);
  const more = Array.from({ length: 4_097 }, () => 65_536);
  assert.equal((await follow(`?networks=${more.join(',')}`)).answer.status, 409);
});

function parseLines(body: string): readonly unknown[] {
  assert.ok(body.endsWith('\n'));
  return body
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

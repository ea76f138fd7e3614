// Who may ask what: every route of every server with every kind of caller.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enrolmentApi, meshApi, operatorApi } from '../../src/api/api.ts';
import type { ErrorBody } from '../../src/api/contract/error.ts';
import type { ApiServer } from '../../src/api/http-server.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import {
  type FakeServices,
  fakeServices,
  HERE,
  HOST,
  HOST_ADDRESS,
  INSTANCE,
  INVITE_ADDRESS,
  OTHER_HOST_ADDRESS,
  SECRET,
} from '../fakes/api-services.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Asked {
  readonly method: Method;
  readonly url: string;
  readonly payload?: object;
  /** What the operator of the host, the host itself and its p6nctl get. */
  readonly operator: number;
  readonly host: number;
  readonly hostOperator: number;
}

const RECORD = {
  kind: 'instance',
  machineId: INSTANCE.id,
  app: 'web',
  network: INSTANCE.network_id,
  host: HERE,
  instanceId: 0xb83b_0002,
  address: 'fdaa:18:a7b:1:0:b83b:2:2',
  name: 'web-1',
  group: 'app',
  region: 'ams',
  metadata: {},
  state: 'started',
  createdAt: 1,
  updatedAt: 2,
};

const MACHINE = `/v1/apps/web/machines/${INSTANCE.id}`;

const ROUTES: readonly Asked[] = [
  ask('GET', '/v1/organizations', [200, 200, 200]),
  ask('POST', '/v1/organizations', [201, 403, 403], { name: 'acme' }),
  ask('GET', '/v1/networks', [200, 200, 200]),
  ask('POST', '/v1/networks', [201, 403, 201], { name: 'blue' }),
  ask('GET', '/v1/networks/blue', [200, 200, 200]),
  ask('DELETE', '/v1/networks/blue', [204, 403, 204]),
  ask('GET', '/v1/apps', [200, 200, 200]),
  ask('POST', '/v1/apps', [201, 403, 201], { app_name: 'web' }),
  ask('GET', '/v1/apps/web', [200, 200, 200]),
  ask('DELETE', '/v1/apps/web', [202, 403, 202]),
  ask('GET', '/v1/site', [200, 200, 200]),
  ask('PATCH', '/v1/site', [200, 403, 403], {}),
  ask('POST', '/v1/site/rotate', [200, 403, 403]),
  ask('GET', '/v1/hosts?paths=1', [200, 200, 200]),
  ask('POST', '/v1/hosts/one/drain', [200, 403, 403]),
  ask('POST', '/v1/hosts/one/rehome', [200, 403, 403]),
  ask('POST', '/v1/hosts/one/undrain', [200, 403, 403]),
  ask('POST', '/v1/host/rotate-key', [200, 404, 404]),
  ask('GET', '/v1/hosts/one', [200, 200, 200]),
  ask('DELETE', '/v1/hosts/one', [204, 403, 403]),
  ask('GET', '/v1/wireguard', [200, 200, 200]),
  ask('POST', '/v1/wireguard', [201, 403, 201], {
    ...{ name: 'anna', network: 'blue', public_key: HOST.public_key },
  }),
  ask('GET', '/v1/wireguard/anna?network=blue', [200, 200, 200]),
  ask('DELETE', '/v1/wireguard/anna?network=blue', [204, 403, 204]),
  ask('GET', '/v1/invites', [200, 403, 403]),
  ask('POST', '/v1/invites', [201, 403, 403], {}),
  ask('DELETE', '/v1/invites/7', [204, 403, 403]),
  ask('GET', '/v1/instances', [200, 200, 200]),
  ask('GET', '/v1/instances/web-1', [200, 404, 404]),
  ask('POST', '/v1/instances/run', [201, 404, 404], { app: 'web', command: ['sleep'] }),
  ask('POST', '/v1/instances/run-cluster', [201, 404, 404], {
    app: 'web',
    command: ['sleep'],
    size: 2,
  }),
  ask('POST', '/v1/instances/attach', [201, 404, 404], { app: 'web', pid: 7 }),
  ask('POST', '/v1/instances/web-1/start', [200, 404, 404]),
  ask('POST', '/v1/instances/web-1/stop', [200, 404, 404], {}),
  ask('DELETE', '/v1/instances/web-1', [204, 404, 404]),
  ask('GET', '/v1/instances/web-1/output', [200, 404, 404]),
  ask('GET', '/v1/instances/web-1/surroundings', [200, 404, 404]),
  ask('GET', '/v1/openapi.json', [200, 404, 404]),
  ask('GET', '/v1/apps/web/machines', [200, 404, 404]),
  ask('GET', MACHINE, [200, 404, 404]),
  ask('GET', `${MACHINE}/wait`, [200, 404, 404]),
  ask('GET', `${MACHINE}/metadata`, [200, 404, 404]),
  ask('POST', `${MACHINE}/metadata/tier`, [204, 404, 404], { value: 'back' }),
  ask('DELETE', `${MACHINE}/metadata/tier`, [204, 404, 404]),
  ask('GET', '/v1/events', [200, 403, 200]),
  ask('GET', '/v1/audit', [200, 404, 404]),
  ask('GET', '/v1/capture?network=blue', [200, 404, 404]),
  ask('GET', '/v1/debug', [200, 404, 404]),
  ask('GET', '/metrics', [200, 404, 404]),
  ask('GET', '/v1/visits?network=blue', [200, 404, 404]),
  ask('POST', '/v1/ping', [200, 404, 404], { network_id: 7, address: 'fdaa::1' }),
  ask('GET', '/v1/status', [200, 404, 404]),
  ask('POST', '/v1/host/reset', [202, 404, 404]),
  ask('POST', '/v1/explain', [200, 404, 404], { from: 'fdaa::1', to: 'fdaa::2' }),
  ask('GET', '/v1/names/lookup?name=web.internal', [200, 404, 404]),
  ask('GET', '/v1/names/watch?name=web.internal', [200, 404, 404]),
  ask('GET', '/v1/follow', [404, 200, 403]),
  // The app is one that does not exist: 404 is the answer of the service.
  ask('GET', '/v1/records/apps/web', [404, 404, 403]),
  ask('POST', '/v1/self/heartbeat', [404, 204, 403], { acknowledged: [] }),
  ask('PUT', '/v1/self/gateway', [404, 204, 403], {
    ...{ public_key: HOST.public_key, endpoints: [] },
  }),
  ask('PUT', '/v1/self/next-key', [404, 204, 403], { public_key: HOST.public_key }),
  ask('GET', '/v1/self/next-key', [404, 200, 403]),
  ask('DELETE', '/v1/self/next-key', [404, 204, 403]),
  ask('GET', '/v1/self/site-key', [404, 200, 403]),
  ask('POST', '/v1/self/switch-key', [404, 204, 403], { public_key: HOST.public_key }),
  ask('GET', '/v1/tokens', [200, 404, 404]),
  ask('POST', '/v1/tokens', [201, 404, 404], {}),
  ask('DELETE', '/v1/tokens/0123456789abcdef', [204, 404, 404]),
  ask('GET', '/v1/registry', [200, 404, 404]),
  ask('POST', '/v1/registry/export', [200, 404, 404], { path: '/x' }),
  ask('POST', '/v1/registry/import', [200, 404, 404], { path: '/x' }),
  ask('POST', '/v1/registry/accept', [200, 404, 404], {}),
  ask('POST', '/v1/self/ids', [404, 204, 403], { networks: [] }),
  ask('PATCH', '/v1/self', [404, 204, 403], { region: 'fra' }),
  ask('PUT', `/v1/self/instances/${INSTANCE.id}`, [404, 204, 403], RECORD),
  ask('DELETE', `/v1/self/instances/${INSTANCE.id}`, [404, 204, 403]),
  ask('POST', '/v1/enrol', [404, 404, 404], {}),
];

function ask(
  method: Method,
  url: string,
  [operator, host, hostOperator]: readonly [number, number, number],
  payload?: object,
): Asked {
  return {
    method,
    url,
    operator,
    host,
    hostOperator,
    ...(payload === undefined ? {} : { payload }),
  };
}

interface Caller {
  readonly address?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const HOST_CALLER: Caller = {
  address: HOST_ADDRESS,
  headers: { authorization: `Bearer ${SECRET}` },
};
const HOST_OPERATOR_CALLER: Caller = {
  address: HOST_ADDRESS,
  headers: { authorization: `Bearer ${SECRET}`, 'x-p6n-operator': '1' },
};

async function status(
  server: ApiServer,
  asked: Pick<Asked, 'method' | 'url' | 'payload'>,
  caller: Caller = {},
): Promise<{ status: number; body: string }> {
  const { method, payload, url } = asked;
  const response = await server.app.inject({
    method,
    url,
    ...(payload === undefined ? {} : { payload }),
    ...(caller.address === undefined ? {} : { remoteAddress: caller.address }),
    ...(caller.headers === undefined ? {} : { headers: caller.headers }),
  });
  return { status: response.statusCode, body: response.body };
}

for (const asked of ROUTES) {
  test(`${asked.method} ${asked.url} answers each caller as it should`, async () => {
    const services = fakeServices();
    const operator = await status(operatorApi(services, SILENT_LOGGER), asked);
    assert.equal(operator.status, asked.operator, operator.body);
    const mesh = meshApi(services, SILENT_LOGGER);
    const host = await status(mesh, asked, HOST_CALLER);
    assert.equal(host.status, asked.host, host.body);
    const hostOperator = await status(mesh, asked, HOST_OPERATOR_CALLER);
    assert.equal(hostOperator.status, asked.hostOperator, hostOperator.body);
  });
}

test('every route stands in the table above', async () => {
  const services = fakeServices();
  const servers = [operatorApi(services, SILENT_LOGGER), meshApi(services, SILENT_LOGGER)];
  for (const { app } of [...servers, enrolmentServer(services)]) {
    await app.ready();
    const served = app.printRoutes({ commonPrefix: false }).match(/[A-Z]{3,}/g) ?? [];
    const known = ROUTES.filter((one) =>
      app.hasRoute({ method: one.method, url: pattern(one.url) }),
    );
    assert.equal(served.length, known.length, app.printRoutes({ commonPrefix: false }));
  }
});

function pattern(url: string): string {
  return url
    .replace(/\?.*$/, '')
    .replace(/(networks|apps|hosts|wireguard)\/\w+$/, '$1/:name')
    .replace(/hosts\/\w+\/(\w*drain|rehome)$/, 'hosts/:name/$1')
    .replace('apps/web/machines', 'apps/:app/machines')
    .replace(/machines\/\w+/, 'machines/:id')
    .replace(/metadata\/\w+$/, 'metadata/:key')
    .replace(/invites\/\w+$/, 'invites/:number')
    .replace(/tokens\/\w+$/, 'tokens/:id')
    .replace(/self\/instances\/\w+$/, 'self/instances/:id')
    .replace(/v1\/instances\/web-1/, 'v1/instances/:reference');
}

test('a refused caller reaches no service', async () => {
  const services = fakeServices();
  const mesh = meshApi(services, SILENT_LOGGER);
  const refused = ROUTES.filter((one) => one.host === 403);
  for (const asked of refused) await status(mesh, asked, HOST_CALLER);
  assert.ok(refused.length > 5);
  assert.deepEqual(services.calls, []);
});

const STRANGERS: Readonly<Record<string, Caller>> = {
  'no secret': { address: HOST_ADDRESS },
  'a wrong secret': { address: HOST_ADDRESS, headers: { authorization: 'Bearer wrong' } },
  'a secret in another scheme': {
    address: HOST_ADDRESS,
    headers: { authorization: `Basic ${SECRET}` },
  },
  'a secret that is too long': {
    address: HOST_ADDRESS,
    headers: { authorization: `Bearer ${'x'.repeat(600)}` },
  },
  'an address outside of the plan': { ...HOST_CALLER, address: '192.0.2.1' },
  'an invite': { ...HOST_CALLER, address: INVITE_ADDRESS },
  'an instance': { ...HOST_CALLER, address: INSTANCE.address },
  "a host's presence in a tenant's network": { ...HOST_CALLER, address: 'fdaa:18:a7b:1::1' },
};

for (const [name, caller] of Object.entries(STRANGERS)) {
  test(`the mesh refuses ${name}`, async () => {
    const services = fakeServices();
    const mesh = meshApi(services, SILENT_LOGGER);
    for (const url of ['/v1/hosts', '/v1/follow', '/v1/nothing']) {
      const answer = await status(mesh, { method: 'GET', url }, caller);
      assert.equal(answer.status, 403, url);
      assert.equal((JSON.parse(answer.body) as ErrorBody).code, 'NOT_PERMITTED');
    }
    assert.deepEqual(services.calls, []);
  });
}

test("a host's secret is asked for by the host of the source address", async () => {
  const asked: number[] = [];
  const services: FakeServices = {
    ...fakeServices(),
    authenticator: {
      isHostSecret: (host) => {
        asked.push(host);
        return Promise.resolve(true);
      },
    },
  };
  const mesh = meshApi(services, SILENT_LOGGER);
  await status(mesh, { method: 'GET', url: '/v1/hosts' }, HOST_CALLER);
  const other = { ...HOST_CALLER, address: OTHER_HOST_ADDRESS };
  await status(mesh, { method: 'GET', url: '/v1/hosts' }, other);
  assert.deepEqual(asked, [HERE, HERE + 1]);
  assert.deepEqual(
    services.calls.map((call) => call.arguments[0]),
    [
      { kind: 'host', host: HERE },
      { kind: 'host', host: HERE + 1 },
    ],
  );
});

test('a host cannot write an instance of another host', async () => {
  const services = fakeServices();
  const mesh = meshApi(services, SILENT_LOGGER);
  const url = `/v1/self/instances/${INSTANCE.id}`;
  const other = { ...HOST_CALLER, address: OTHER_HOST_ADDRESS };
  const answer = await status(mesh, { method: 'PUT', url, payload: RECORD }, other);
  assert.equal(answer.status, 403);
  assert.deepEqual(services.calls, []);
});

const BAD_RECORDS: Readonly<Record<string, object>> = {
  'another id than the path': { machineId: '0123456789abce' },
  'an address of another host': { address: 'fdaa:18:a7b:1:1:b83b:2:2' },
  'an address of another network': { address: 'fdaa:18:a7c:1:0:b83b:2:2' },
  'the network of the hosts': { network: 0 },
  'an instance id that is kept for services': { instanceId: 10 },
};

for (const [name, change] of Object.entries(BAD_RECORDS)) {
  test(`a host cannot write a record with ${name}`, async () => {
    const services = fakeServices();
    const mesh = meshApi(services, SILENT_LOGGER);
    const url = `/v1/self/instances/${INSTANCE.id}`;
    const payload = { ...RECORD, ...change };
    const answer = await status(mesh, { method: 'PUT', url, payload }, HOST_CALLER);
    assert.equal(answer.status, 400, answer.body);
    assert.deepEqual(services.calls, []);
  });
}

const ENROLMENT = { public_key: HOST.public_key, name: 'two', endpoints: [] };

function enrolmentServer(services: FakeServices, clock = new ManualClock()): ApiServer {
  return enrolmentApi({ enrolment: services.enrolment, clock, logger: SILENT_LOGGER }, HERE);
}

test('an invite may enrol, under its number', async () => {
  const services = fakeServices();
  const asked = { method: 'POST', url: '/v1/enrol', payload: ENROLMENT } as const;
  const answer = await status(enrolmentServer(services), asked, { address: INVITE_ADDRESS });
  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual(services.calls, [
    { method: 'enrol', arguments: [{ kind: 'invite', number: 7 }, ENROLMENT] },
  ]);
});

test('an invite may do nothing else', async () => {
  const server = enrolmentServer(fakeServices());
  for (const asked of ROUTES.filter((one) => one.url !== '/v1/enrol')) {
    const answer = await status(server, asked, { address: INVITE_ADDRESS });
    assert.ok([404, 429].includes(answer.status), `${asked.url}: ${answer.status}`);
  }
});

for (const [name, address] of Object.entries({
  'a host': HOST_ADDRESS,
  'an invite of another server': 'fdaa:0:0:1:1:0:a:7',
  "a tenant's laptop": 'fdaa:18:a7b:1:0:0:a:7',
  'an address outside of the plan': '2001:db8::1',
})) {
  test(`enrolment refuses ${name}`, async () => {
    const services = fakeServices();
    const asked = { method: 'POST', url: '/v1/enrol', payload: ENROLMENT } as const;
    const answer = await status(enrolmentServer(services), asked, { address });
    assert.equal(answer.status, 403);
    assert.deepEqual(services.calls, []);
  });
}

test('enrolment answers so many of an invite at once, and the others all the same', async () => {
  const services = fakeServices();
  const clock = new ManualClock();
  const server = enrolmentServer(services, clock);
  const asked = { method: 'POST', url: '/v1/enrol', payload: ENROLMENT } as const;
  const invite = { address: INVITE_ADDRESS };
  const statuses: number[] = [];
  for (let turn = 0; turn < 40; turn += 1) {
    statuses.push((await status(server, asked, invite)).status);
  }
  assert.equal(statuses.filter((one) => one === 200).length, 8);
  assert.equal(statuses.at(-1), 429);
  const other = { address: INVITE_ADDRESS.replace(/7$/, '8') };
  assert.equal((await status(server, asked, other)).status, 200);
  clock.advance(1_000);
  assert.equal((await status(server, asked, invite)).status, 200);
  assert.equal((await status(server, asked, invite)).status, 429);
  // All together have a limit as well.
  const answers: number[] = [];
  for (let number = 0x100; number < 0x200; number += 1) {
    const address = INVITE_ADDRESS.replace(/7$/, number.toString(16));
    answers.push((await status(server, asked, { address })).status);
  }
  assert.equal(answers.filter((one) => one === 200).length, 127);
});

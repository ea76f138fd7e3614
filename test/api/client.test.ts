// The client against a real server on a unix socket: every call reaches its route, every failure
// comes back as the error that it was, and streams end when they should.

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HostId, InstanceId, MachineId, NetworkId } from '../../src/addressing/ids.ts';
import { operatorApi } from '../../src/api/api.ts';
import { ApiClient } from '../../src/api/client.ts';
import { enrol } from '../../src/api/enrol.ts';
import type { ApiTarget } from '../../src/api/exchange.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import type { Instance } from '../../src/registry/model.ts';
import {
  APP,
  EVENTS_SAMPLE,
  fakeServices,
  HERE,
  HOST,
  INSTANCE,
  INVITE,
  NETWORK,
  ORGANIZATION,
  SECRET,
  STATUS,
} from '../fakes/api-services.ts';
import { client, failure, folder, leaveSocket, mesh, raw, serve, socketPath } from './sockets.ts';

/** Queries have no prototype, which is of no interest here. */
function plain(value: unknown): unknown {
  return typeof value === 'object' ? { ...value } : value;
}

const OPERATOR = { kind: 'operator' };

test('ApiClient asks what its caller asks', async () => {
  const services = fakeServices();
  const api = client(await serve(operatorApi(services, SILENT_LOGGER)));
  const asked = async (promise: Promise<unknown>): Promise<readonly unknown[]> => {
    const answer = await promise;
    const call = services.calls.pop();
    const [principal, ...rest] = call?.arguments ?? [];
    assert.deepEqual(principal, OPERATOR);
    return [call?.method, ...rest.map(plain), answer];
  };
  const { status: _, created_at: __, ...summary } = APP;
  const stopped = { ...INSTANCE, state: 'stopped' };
  const run = { app: 'web', command: ['sleep', '60'] };
  const attach = { app: 'web', pid: 7 };
  const explanation = {
    verdict: 'drop',
    rule: 'network-mismatch',
    sentence: 'The networks differ.',
  };
  const pair = { from: 'fdaa::1', to: 'fdaa::2' };
  assert.deepEqual(await asked(api.organizations.list()), [
    'listOrganizations',
    { organizations: [ORGANIZATION] },
  ]);
  assert.deepEqual(await asked(api.organizations.create({ name: 'acme' })), [
    'createOrganization',
    { name: 'acme' },
    ORGANIZATION,
  ]);
  assert.deepEqual(await asked(api.networks.list({ organization: 'a&b' })), [
    'listNetworks',
    { organization: 'a&b' },
    { networks: [NETWORK] },
  ]);
  assert.deepEqual(await asked(api.networks.create({ name: 'blue', region_scoped: true })), [
    'createNetwork',
    { name: 'blue', region_scoped: true },
    NETWORK,
  ]);
  const blue = { name: 'bl/ue', organization: 'acme' };
  assert.deepEqual(await asked(api.networks.get(blue)), ['getNetwork', blue, NETWORK]);
  assert.deepEqual(await asked(api.networks.remove(blue)), ['removeNetwork', blue, undefined]);
  assert.deepEqual(await asked(api.apps.list()), [
    'listApps',
    {},
    { total_apps: 1, apps: [summary] },
  ]);
  assert.deepEqual(await asked(api.apps.create({ app_name: 'web', network: 'blue' })), [
    'createApp',
    { name: 'web', network: 'blue', organization: undefined },
    { id: 'web', created_at: APP.created_at },
  ]);
  assert.deepEqual(await asked(api.apps.get('web')), ['getApp', 'web', APP]);
  assert.deepEqual(await asked(api.apps.remove('web', { force: true })), [
    ...['removeApp', 'web'],
    ...[{ force: true }, undefined],
  ]);
  assert.deepEqual(await asked(api.hosts.list()), ['listHosts', { hosts: [HOST] }]);
  assert.deepEqual(await asked(api.hosts.get('one')), ['getHost', 'one', HOST]);
  for (const force of [false, true]) {
    const removed = ['removeHost', 'one', { force }, undefined];
    assert.deepEqual(await asked(api.hosts.remove('one', { force })), removed);
  }
  assert.deepEqual(await asked(api.invites.list()), ['listInvites', { invites: [INVITE] }]);
  assert.deepEqual(await asked(api.invites.create({ ttl_ms: 60_000 })), [
    'createInvite',
    { ttl_ms: 60_000 },
    { invite: INVITE, token: 'p6n1_token' },
  ]);
  assert.deepEqual(await asked(api.invites.revoke(7)), ['revokeInvite', 7, undefined]);
  assert.deepEqual(await asked(api.instances.list({ here: '1' })), [
    'list',
    { instances: [INSTANCE] },
  ]);
  assert.deepEqual(await asked(api.instances.get('web-1')), ['show', 'web-1', INSTANCE]);
  assert.deepEqual(await asked(api.instances.run(run)), ['run', run, INSTANCE]);
  assert.deepEqual(await asked(api.instances.attach(attach)), ['attach', attach, INSTANCE]);
  assert.deepEqual(await asked(api.instances.start('web-1')), ['start', 'web-1', INSTANCE]);
  assert.deepEqual(await asked(api.instances.stop('web-1', { graceMs: 5 })), [
    'stop',
    'web-1',
    { graceMs: 5 },
    stopped,
  ]);
  assert.deepEqual(await asked(api.instances.stop('web-1')), [
    'stop',
    'web-1',
    { graceMs: undefined },
    stopped,
  ]);
  assert.deepEqual(await asked(api.instances.remove('web-1', { force: true })), [
    'remove',
    'web-1',
    { force: true },
    undefined,
  ]);
  assert.deepEqual(await asked(api.host.status()), ['status', STATUS]);
  assert.deepEqual(await asked(api.host.explain(pair)), ['explain', pair, explanation]);
});

test('ApiClient gives errors back as they were', async () => {
  const thrown = new P6nError('NETWORK_IN_USE', 'Cannot remove network "blue": it has apps', {
    hint: 'Remove them first.',
  });
  const services = fakeServices({ registry: { removeNetwork: () => Promise.reject(thrown) } });
  const api = client(await serve(operatorApi(services, SILENT_LOGGER)));
  const error = await failure(api.networks.remove({ name: 'blue' }));
  assert.deepEqual(
    [error.code, error.message, error.hint],
    [thrown.code, thrown.message, thrown.hint],
  );
});

test('ApiClient says that there is no daemon at an absent socket', async () => {
  const error = await failure(client(join(folder, 'absent.sock')).host.status());
  assert.equal(error.code, 'DAEMON_UNREACHABLE');
  assert.match(error.message, /absent\.sock: there is no such socket/);
  assert.match(error.hint ?? '', /--socket/);
});

test('ApiClient says that there is no daemon at a socket that nobody serves', async () => {
  const path = socketPath();
  leaveSocket(path);
  const error = await failure(client(path).host.status());
  assert.equal(error.code, 'DAEMON_UNREACHABLE');
  assert.match(error.message, /nobody listens there/);
});

test('ApiClient says that a server does not answer over TCP', async () => {
  const probe = createServer().listen(0, '::1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  const api = new ApiClient({ target: { kind: 'tcp', host: '::1', port } });
  const error = await failure(api.hosts.list());
  assert.equal(error.code, 'SERVER_UNREACHABLE');
  assert.match(error.message, /\[::1\]/);
  const enrolment = { public_key: HOST.public_key, name: 'two', endpoints: [] };
  const refused = await failure(enrol({ address: '::1', port, timeoutMs: 1_000 }, enrolment));
  assert.equal(refused.code, 'SERVER_UNREACHABLE');
});

test('ApiClient of a host gives a server that is away 4 seconds for a heartbeat', async (t) => {
  let noteAsked: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    noteAsked = resolve;
  });
  const target = await raw(() => noteAsked());
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const beat = failure(new ApiClient({ target }).self.heartbeat({ acknowledged: [] }));
  await asked;
  t.mock.timers.tick(4_000);
  assert.equal((await beat).code, 'SERVER_UNREACHABLE');
});

test('enrol gives up after its time', async () => {
  const target = await raw(() => undefined);
  assert.ok(target.kind === 'tcp');
  const enrolment = { public_key: HOST.public_key, name: 'two', endpoints: [] };
  const error = await failure(
    enrol({ address: target.host, port: target.port, timeoutMs: 50 }, enrolment),
  );
  assert.equal(error.code, 'SERVER_UNREACHABLE');
  assert.match(error.message, /no answer within/);
});

const STRANGE: Readonly<Record<string, RequestListener>> = {
  'an answer that is not JSON': (_request, response) => response.end('<html>'),
  'an error that is not ours': (_request, response) => {
    response.statusCode = 502;
    response.end('<html>');
  },
  'an error with an unknown code': (_request, response) => {
    response.statusCode = 400;
    response.end('{"error":"x","code":"WHAT"}');
  },
};

for (const [name, listener] of Object.entries(STRANGE)) {
  test(`ApiClient takes ${name} for what it is`, async () => {
    const error = await failure(new ApiClient({ target: await raw(listener) }).hosts.list());
    assert.equal(error.code, 'INTERNAL');
  });
}

test('ApiClient says that an answer was cut off', async () => {
  const target = await raw((_request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('{');
    setImmediate(() => response.destroy());
  });
  const error = await failure(new ApiClient({ target }).hosts.list());
  assert.equal(error.code, 'SERVER_UNREACHABLE');
});

const RECORD: Instance = {
  kind: 'instance',
  machineId: INSTANCE.id as MachineId,
  app: 'web',
  network: NETWORK.id as NetworkId,
  host: HERE,
  instanceId: 0xb83b_0002 as InstanceId,
  address: INSTANCE.address as Ipv6Address,
  name: 'web-1',
  group: 'app',
  region: 'ams',
  metadata: {},
  state: 'started',
  createdAt: 1 as WallMillis,
  updatedAt: 2 as WallMillis,
};

test('ApiClient of a host writes what is its own', async () => {
  const services = fakeServices();
  const target: ApiTarget = { kind: 'socket', path: await mesh(services) };
  const api = new ApiClient({ target, secret: SECRET });
  await api.self.putInstance(RECORD);
  await api.self.removeInstance(RECORD.machineId);
  await api.self.update({ region: 'fra' });
  assert.equal(await api.self.lookupApp('web'), undefined);
  const host = { kind: 'host', host: HERE as HostId };
  assert.deepEqual(services.calls, [
    { method: 'putInstance', arguments: [host, RECORD] },
    { method: 'removeInstance', arguments: [host, RECORD.machineId] },
    { method: 'updateHost', arguments: [host, { region: 'fra' }] },
    { method: 'lookupApp', arguments: [host, 'web'] },
  ]);
});

test('ApiClient for the p6nctl of a host says so', async () => {
  const services = fakeServices();
  const target: ApiTarget = { kind: 'socket', path: await mesh(services) };
  await new ApiClient({ target, secret: SECRET, operator: true }).networks.create({ name: 'blue' });
  assert.deepEqual(services.calls[0]?.arguments[0], { kind: 'host-operator', host: HERE });
  const error = await failure(new ApiClient({ target, secret: 'wrong' }).hosts.list());
  assert.equal(error.code, 'NOT_PERMITTED');
});

test('ApiClient asks for machines', async () => {
  const services = fakeServices({
    registry: {
      events: async function* (_principal, _after, signal) {
        yield* EVENTS_SAMPLE;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    },
  });
  const api = client(await serve(operatorApi(services, SILENT_LOGGER)));
  const machine = await api.machines.get('web', INSTANCE.id);
  assert.equal(machine.private_ip, INSTANCE.address);
  assert.deepEqual(await api.machines.list('web', { 'metadata.tier': 'front' }), [machine]);
  assert.deepEqual(await api.machines.list('web', { 'metadata.tier': 'back' }), []);
  assert.deepEqual(await api.machines.wait('web', INSTANCE.id), { ok: true });
  const late = api.machines.wait('web', INSTANCE.id, { state: 'stopped', timeout: '0' });
  assert.equal((await failure(late)).code, 'TIMED_OUT');
  assert.deepEqual(await api.machines.getMetadata('web', INSTANCE.id), machine.config.metadata);
  for (const value of ['back', undefined]) {
    await api.machines.setMetadata('web', INSTANCE.id, 'a/b', value);
    assert.deepEqual(services.calls.at(-1)?.arguments.slice(1), [
      INSTANCE.id,
      { key: 'a/b', value },
    ]);
  }
});

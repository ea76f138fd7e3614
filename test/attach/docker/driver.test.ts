// Docker's calls, as dockerd 20.10 makes them, on a p6nd in memory: what becomes of a network and
// of an endpoint, what is refused, and that nothing is lost by a restart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AttachInstance, InstanceView } from '../../../src/api/contract/instances.ts';
import { DockerDriver, type DriverDependencies } from '../../../src/attach/docker/driver.ts';
import { NETWORKS_MAX, NetworkBook } from '../../../src/attach/docker/network-book.ts';
import type { ResolverFiles } from '../../../src/attach/docker/resolver-files.ts';
import { type ErrorCode, P6nError } from '../../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../../src/base/logger.ts';
import { INSTANCE } from '../../fakes/api-services.ts';

const NETWORK = 'a'.repeat(64);
const ENDPOINT = 'b'.repeat(64);
const SANDBOX = '/run/docker/netns/c69ae75226ec';
const AT = { NetworkID: NETWORK, EndpointID: ENDPOINT };
const OWNER = `docker/${NETWORK}/${ENDPOINT}`;

class World {
  readonly attached: AttachInstance[] = [];
  readonly followed: string[] = [];
  readonly removed: string[] = [];
  instances: InstanceView[] = [];
  file: string | undefined;

  async driver(): Promise<DockerDriver> {
    const instances: DriverDependencies['client']['instances'] = {
      attach: (request) => {
        this.attached.push(request);
        const here = {
          ...INSTANCE.here!,
          owner: request.owner ?? '',
          namespace: request.netns ?? '',
        };
        const view = { ...INSTANCE, app: request.app, here };
        this.instances = [view];
        return Promise.resolve(view);
      },
      list: () => Promise.resolve({ instances: this.instances }),
      remove: (id) => {
        this.removed.push(id);
        this.instances = [];
        return Promise.resolve();
      },
    };
    const client: DriverDependencies['client'] = {
      apps: { get: (name) => Promise.reject(errorOf(name)) },
      instances,
    };
    const networks = await NetworkBook.open({
      read: () => Promise.resolve(this.file),
      write: (text) => {
        this.file = text;
        return Promise.resolve();
      },
    });
    const resolvers: Pick<ResolverFiles, 'follow'> = { follow: (path) => this.followed.push(path) };
    const dependencies = { client, networks, logger: SILENT_LOGGER };
    return new DockerDriver({ ...dependencies, resolvers: resolvers as ResolverFiles });
  }
}

/** No server answers, except that app `nobody` does not exist. */
function errorOf(app: string): P6nError {
  if (app === 'nobody') return new P6nError('NOT_FOUND', 'Cannot find app "nobody"');
  return new P6nError('SERVER_UNREACHABLE', 'Cannot reach the server');
}

function networkBody(options: unknown, more: object = {}): object {
  const dockers = { 'com.docker.network.enable_ipv6': false };
  const generic = { 'com.docker.network.generic': options };
  const pool = { AddressSpace: 'LocalDefault', Gateway: '172.17.0.1/16', Pool: '172.17.0.0/16' };
  const body = { NetworkID: NETWORK, Options: { ...dockers, ...generic } };
  return { ...body, IPv4Data: [pool], IPv6Data: [], ...more };
}

test('DockerDriver makes an instance of an endpoint and hands its interface over', async () => {
  const world = new World();
  const driver = await world.driver();
  assert.deepEqual(await driver.answer('Plugin.Activate', {}), { Implements: ['NetworkDriver'] });
  const options = { app: 'web', group: 'worker', 'metadata.role': 'a' };
  assert.deepEqual(await driver.answer('NetworkDriver.CreateNetwork', networkBody(options)), {});
  const given = { Address: '172.17.0.2/16', AddressIPv6: '', MacAddress: '' };
  const own = { 'com.docker.network.portmap': [], 'metadata.zone': 'z' };
  const created = await driver.answer('NetworkDriver.CreateEndpoint', {
    ...{ ...AT, Interface: given, Options: own },
  });
  assert.deepEqual(created, { Interface: { AddressIPv6: `${INSTANCE.address}/128` } });
  const handover = `p6n-${'b'.repeat(11)}`;
  assert.deepEqual(world.attached.pop(), {
    ...{ app: 'web', group: 'worker', metadata: { role: 'a', zone: 'z' } },
    ...{ owner: OWNER, handover },
  });
  const answer = await driver.answer('NetworkDriver.Join', { ...AT, SandboxKey: SANDBOX });
  assert.deepEqual(answer, {
    InterfaceName: { SrcName: handover, DstPrefix: 'p6n' },
    StaticRoutes: [{ Destination: 'fdaa::/16', RouteType: 1 }],
    DisableGatewayService: true,
  });
  const { group, metadata } = INSTANCE;
  const moved = { app: 'web', group, metadata, owner: OWNER, handover, netns: SANDBOX };
  assert.deepEqual([world.attached, world.followed], [[moved], [SANDBOX]]);
  await driver.answer('NetworkDriver.Leave', AT);
  assert.deepEqual(world.removed, []);
  await driver.answer('NetworkDriver.DeleteEndpoint', AT);
  await driver.answer('NetworkDriver.DeleteEndpoint', AT);
  assert.deepEqual(world.removed, [INSTANCE.id]);
});

test('DockerDriver refuses a container that is in a network of p6n already', async () => {
  const world = new World();
  const driver = await world.driver();
  await driver.answer('NetworkDriver.CreateNetwork', networkBody({ app: 'web' }));
  await driver.answer('NetworkDriver.CreateEndpoint', AT);
  const here = { ...INSTANCE.here!, owner: 'docker/x/y', namespace: SANDBOX };
  world.instances.push({ ...INSTANCE, app: 'db', here });
  const before = world.attached.length;
  await assert.rejects(
    driver.answer('NetworkDriver.Join', { ...AT, SandboxKey: SANDBOX }),
    (error) => error instanceof P6nError && /app "db"/.test(error.message),
  );
  assert.equal(world.attached.length, before);
});

test('DockerDriver remembers networks and endpoints over a restart', async () => {
  const world = new World();
  const before = await world.driver();
  await before.answer('NetworkDriver.CreateNetwork', networkBody({ app: 'web' }));
  await before.answer('NetworkDriver.CreateEndpoint', AT);
  await before.answer('NetworkDriver.Join', { ...AT, SandboxKey: SANDBOX });
  const driver = await world.driver();
  await driver.resume();
  assert.deepEqual(world.followed, [SANDBOX, SANDBOX]);
  await driver.answer('NetworkDriver.CreateEndpoint', { ...AT, EndpointID: 'c' });
  assert.equal(world.attached.at(-1)?.app, 'web');
  await driver.answer('NetworkDriver.DeleteNetwork', { NetworkID: NETWORK });
  await refused(await world.driver(), 'CreateEndpoint', AT, 'NOT_FOUND');
});

test('NetworkBook is bounded, and refuses a file of somebody else', async () => {
  const book = await NetworkBook.open({
    read: () => Promise.resolve(undefined),
    write: () => Promise.resolve(),
  });
  for (let n = 0; n < NETWORKS_MAX; n++) await book.put(`n${n}`, { app: 'web' });
  await assert.rejects(book.put('one-more', { app: 'web' }), { code: 'LIMIT_REACHED' });
  await book.put('n0', { app: 'db' });
  for (const text of ['', '[1]', '{"a":{}}', '{"a":null}', 'null']) {
    const file = { read: () => Promise.resolve(text), write: () => Promise.resolve() };
    await assert.rejects(NetworkBook.open(file), { code: 'STATE_CORRUPT' }, text);
  }
});

test('NetworkBook knows what is on disk, when that is full too', async () => {
  let file: string | undefined;
  let isFull = false;
  const write = (text: string): Promise<void> => {
    if (isFull) return Promise.reject(new Error('ENOSPC'));
    file = text;
    return Promise.resolve();
  };
  const book = await NetworkBook.open({ read: () => Promise.resolve(file), write });
  await book.put('a', { app: 'web' });
  isFull = true;
  await assert.rejects(book.put('b', { app: 'web' }), /ENOSPC/);
  await assert.rejects(book.remove('a'), /ENOSPC/);
  assert.deepEqual([book.get('a'), book.get('b')], [{ app: 'web' }, undefined]);
  isFull = false;
  await book.remove('a');
  assert.equal(file, '{}\n');
});

const POOL = { AddressSpace: 'x', Pool: 'fdaa:0:1::/64', Gateway: 'fdaa:0:1::1/64' };
const REFUSED: readonly (readonly [method: string, body: unknown, code: ErrorCode])[] = [
  ['CreateNetwork', networkBody({}), 'VALUE_INVALID'],
  ['CreateNetwork', networkBody({ app: 'nobody' }), 'NOT_FOUND'],
  ['CreateNetwork', networkBody({ app: 7 }), 'VALUE_INVALID'],
  ['CreateNetwork', networkBody({ app: 'web', apps: 'x' }), 'VALUE_INVALID'],
  ['CreateNetwork', networkBody('app=web'), 'VALUE_INVALID'],
  ['CreateNetwork', networkBody({ app: 'web' }, { NetworkID: '../x' }), 'VALUE_INVALID'],
  ['CreateNetwork', networkBody({ app: 'web' }, { NetworkID: 'a'.repeat(65) }), 'VALUE_INVALID'],
  ['CreateNetwork', networkBody({ app: 'web' }, { IPv6Data: [POOL] }), 'VALUE_INVALID'],
  ['CreateNetwork', null, 'VALUE_INVALID'],
  ['CreateEndpoint', AT, 'NOT_FOUND'],
  ['CreateEndpoint', { ...AT, Interface: { AddressIPv6: 'fdaa::7/64' } }, 'VALUE_INVALID'],
  ['CreateEndpoint', { ...AT, Options: { ip: 'x' } }, 'VALUE_INVALID'],
  ['CreateEndpoint', { NetworkID: NETWORK }, 'VALUE_INVALID'],
  ['Join', { ...AT, SandboxKey: SANDBOX }, 'NOT_FOUND'],
  ['Join', { ...AT, SandboxKey: 'x' }, 'VALUE_INVALID'],
  ['DeleteEndpoint', 'x', 'VALUE_INVALID'],
  ['DeleteNetwork', {}, 'VALUE_INVALID'],
  ['Nothing', {}, 'NOT_FOUND'],
];

for (const [method, body, code] of REFUSED) {
  test(`DockerDriver ${method} refuses ${JSON.stringify(body)?.slice(0, 60)}`, async () => {
    const world = new World();
    await refused(await world.driver(), method, body, code);
    assert.deepEqual([world.attached, world.file], [[], undefined]);
  });
}

async function refused(
  driver: DockerDriver,
  method: string,
  body: unknown,
  code: ErrorCode,
): Promise<void> {
  await assert.rejects(driver.answer(`NetworkDriver.${method}`, body), { code });
}

// The checks of instances: who is checked, from where, and when health changes.

import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { presenceAddress } from '../../src/addressing/layout.ts';
import { CHECK_INTERVAL_MS } from '../../src/agent/health-checks.ts';
import type { ProbeTarget } from '../../src/agent/ports.ts';
import { PROCESS_PROBER } from '../../src/agent/prober.ts';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import { AgentWorld, HOST, NETWORK, until } from './agent-world.ts';

const RUN = {
  app: 'web',
  command: ['serve'],
  services: [{ name: 'http', port: 8080, protocol: 'tcp' }],
  checks: [
    { type: 'tcp', service: 'http' },
    { type: 'http', service: 'http', path: '/up' },
  ],
} as const;

/** Lets a round of checks run. */
async function round(world: AgentWorld): Promise<void> {
  const before = world.probed.length;
  // The round before may not have ended yet.
  await until(() => {
    if (world.probed.length === before) world.timers.fire(CHECK_INTERVAL_MS);
    return world.probed.length >= before + RUN.checks.length;
  });
}

test('Agent checks a started instance from its presence and tells of its health', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run(RUN);
  assert.equal(instance.health, undefined);
  await round(world);
  const source = presenceAddress(NETWORK, HOST);
  const { address } = instance;
  assert.deepEqual(world.probed, [
    { address, port: 8080, source, path: undefined },
    { address, port: 8080, source, path: '/up' },
  ]);
  await until(() => world.published.get(instance.machineId)?.health === 'passing');
  await agent.applied();
  const named = () => world.zone!.networks.get(NETWORK)!.apps.get('web')!.instances[0];
  assert.equal(named()?.healthy, true);
  world.isWell = (target) => target.path === undefined;
  await round(world);
  assert.equal(agent.instances.show(instance.machineId).instance.health, 'passing');
  await round(world);
  await until(() => world.published.get(instance.machineId)?.health === 'failing');
  await agent.applied();
  assert.equal(named()?.healthy, false);
  await agent.stop();
});

test('Agent runs the checks of an instance at once, so that slow ones hold nobody up', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  await agent.instances.run(RUN);
  const probed = world.probed.length;
  const slow: (() => void)[] = [];
  world.isWell = () => new Promise((resolve) => slow.push(() => resolve(true)));
  await until(() => {
    if (world.probed.length === probed) world.timers.fire(CHECK_INTERVAL_MS);
    return world.probed.length === probed + RUN.checks.length;
  });
  for (const end of slow) end();
  await agent.stop();
});

test('Agent forgets the health of an instance that stops', async () => {
  const world = new AgentWorld();
  const agent = await world.start();
  const { instance } = await agent.instances.run(RUN);
  await round(world);
  await until(() => world.published.get(instance.machineId)?.health === 'passing');
  const stopped = await agent.instances.stop(instance.machineId);
  assert.equal(stopped.instance.health, undefined);
  await agent.stop();
});

for (const [what, declared] of [
  ['a check of no service', { services: [], checks: RUN.checks }],
  ['a service with a bad name', { services: [{ name: 'Http', port: 1, protocol: 'tcp' }] }],
  [
    'a service with a long name',
    { services: [{ name: 'a234567890123456', port: 1, protocol: 'tcp' }] },
  ],
  ['a port that is none', { services: [{ name: 'http', port: 0, protocol: 'tcp' }] }],
  ['a service twice', { services: [...RUN.services, ...RUN.services], checks: [] }],
  [
    'a check over UDP',
    {
      services: [{ name: 'dns', port: 53, protocol: 'udp' }],
      checks: [{ type: 'tcp', service: 'dns' }],
    },
  ],
  ['a path with a line break', { checks: [{ type: 'http', service: 'http', path: '/\r\nx: y' }] }],
  ['too many checks', { checks: new Array(9).fill(RUN.checks[0]) }],
] as const) {
  test(`Agent refuses ${what}`, async () => {
    const agent = await new AgentWorld().start();
    const request = { ...RUN, ...declared } as unknown as Parameters<typeof agent.instances.run>[0];
    await assert.rejects(agent.instances.run(request), { code: 'VALUE_INVALID' });
    await agent.stop();
  });
}

const LOOPBACK = '::1' as Ipv6Address;

async function probe(port: number, path?: string, timeoutMs = 2000): Promise<boolean> {
  const target: ProbeTarget = { address: LOOPBACK, source: LOOPBACK, port, path };
  return await PROCESS_PROBER.probe(target, timeoutMs);
}

test('PROCESS_PROBER tells a listening port from a closed one', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  const { port } = server.address() as AddressInfo;
  assert.equal(await probe(port), true);
  // Nobody answers the request.
  assert.equal(await probe(port, '/', 50), false);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await probe(port), false);
  assert.equal(await probe(port, '/'), false);
});

test('PROCESS_PROBER goes by the status of an answer', async () => {
  const server = createHttpServer((request, response) => {
    response.statusCode = Number(request.url?.slice(1));
    response.end('x'.repeat(100_000));
  });
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const [status, passes] of [
    [200, true],
    [204, true],
    [302, true],
    [400, false],
    [503, false],
  ] as const) {
    assert.equal(await probe(port, `/${status}`), passes, String(status));
  }
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

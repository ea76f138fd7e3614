// Checks of doctor on hosts whose faults take longer to make than to tell.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ApiClient } from '../../../src/api/client.ts';
import type { WallMillis } from '../../../src/base/clock.ts';
import { CONFIGURATION, UDP_PORTS } from '../../../src/cli/doctor/daemon.ts';
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

test("a port for WireGuard peers that is another program's is told", async () => {
  const host = (open: boolean) => ({ ...STATUS.host, gateway: { port: 51_821, open } });
  const levels = [];
  for (const status of [
    STATUS,
    { ...STATUS, host: host(true) },
    { ...STATUS, host: host(false) },
  ]) {
    const gatewayPort = status === STATUS ? undefined : 51_821;
    const patient = { status, listenPort: 51_820, gatewayPort } as unknown as Patient;
    const [found] = await UDP_PORTS.examine(patient);
    levels.push([found?.level, found?.found]);
  }
  assert.deepEqual(levels, [
    ['good', 'p6nd listens on UDP port 51820'],
    ['good', 'p6nd listens on UDP port 51820 and 51821'],
    ['problem', 'UDP port 51821 is taken by another program'],
  ]);
});

test('where p6nd does not run, its ports are those of its configuration', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-doctor-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'p6nd.json');
  const examined = async (text: string): Promise<readonly string[]> => {
    writeFileSync(config, text);
    const patient = await patientOf({ ...SILENT, stateDir: undefined, config });
    const findings = await Promise.all(
      [CONFIGURATION, UDP_PORTS].map((one) => one.examine(patient)),
    );
    return findings.flat().map(({ level, found }) => `${level}: ${found}`);
  };
  const [port, other] = [await takePort(context), await takePort(context)];
  assert.deepEqual(await examined(JSON.stringify({ 'listen-port': port, 'gateway-port': other })), [
    `problem: UDP port ${port} is taken by another program`,
    `warning: UDP port ${other} is taken by another program`,
  ]);
  const [first = ''] = await examined('{"listen-port": "many"}');
  assert.match(first, /^problem: Cannot use "many" as --listen-port/);
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

/** p6nd does not answer. */
const SILENT = {
  socket: '/nowhere',
  now: () => 1 as WallMillis,
  client: { host: { status: () => Promise.reject(new Error('silence')) } } as unknown as ApiClient,
};

async function takePort(context: TestContext): Promise<number> {
  const socket = createSocket('udp4').bind(0);
  await once(socket, 'listening');
  context.after(() => socket.close());
  return socket.address().port;
}

// Two hosts with agent, data plane and name server, joined by a wire: their instances reach each
// other by address and by name, other networks reach nothing, and a killed host goes on where it
// was.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import type { CopyView, LocalInstance } from '../../src/agent/ports.ts';
import { toBase64 } from '../../src/base/bytes.ts';
import { randomBytes } from '../../src/base/random.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';
import type { Host } from '../../src/registry/model.ts';
import type { PrivateKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { makeApp, makeHost, makeNetwork } from '../agent/agent-world.ts';
import { type AgentHost, type HostStart, startAgentHost } from './agent-host.ts';
import { joinNamespaces, makeNamespace, SKIP } from './namespaces.ts';

const OTHER_NETWORK = 0x30000;
const PORT = 51_820;

test('instances of two hosts reach each other by address and by name', {
  skip: SKIP,
}, async (t) => {
  const { one, two, tell } = await startPair(t);
  const server = await two.run({ app: 'web', name: 'server', command: ['sleep', '1000'] });
  await tell([server]);
  const { address } = server.instance;
  assert.match(await say(one, 'web', `ping -6 -c 2 -i 0.2 -W 5 ${address}`), / 0% packet loss/);
  assert.match(await say(one, 'web', 'getent ahostsv6 web.internal'), new RegExp(address));
  assert.match(await say(one, 'api', 'getent ahostsv6 web.internal; echo $?'), /^2$/m);
  assert.match(
    await say(one, 'api', `ping -6 -c 1 -W 2 ${address}`),
    /prohibited|100% packet loss|unreachable/i,
  );
  assert.deepEqual(await one.settle(), { changes: 0, failures: [] });
  await two.stop('server');
  const again = await two.startInstance('server');
  assert.equal(again.instance.address, address);
  assert.match(await say(one, 'web', `ping -6 -c 2 -i 0.2 -W 5 ${address}`), / 0% packet loss/);
});

test('a killed host finds its instances and their traffic again', { skip: SKIP }, async (t) => {
  const { one, two, tell, restart } = await startPair(t);
  const server = await two.run({ app: 'web', name: 'server', command: ['sleep', '1000'] });
  await tell([server]);
  await two.kill();
  const reborn = await restart();
  const [found] = await reborn.list();
  assert.equal(found?.instance.state, 'started');
  assert.equal(found?.pid, server.pid);
  const { address } = server.instance;
  assert.match(await say(one, 'web', `ping -6 -c 3 -W 5 ${address}`), / [0-9]+ received/);
  assert.match(await say(one, 'web', `ping -6 -c 2 -i 0.2 -W 5 ${address}`), / 0% packet loss/);
  await reborn.remove('server');
});

interface Pair {
  readonly one: AgentHost;
  readonly two: AgentHost;
  /** Makes these instances of the second host known to the first. */
  tell(instances: readonly LocalInstance[]): Promise<void>;
  /** Starts the second host again. */
  restart(): Promise<AgentHost>;
}

async function startPair(t: TestContext): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-'));
  const hosted: AgentHost[] = [];
  // Before the hosts themselves end, as nobody else ends their instances.
  t.after(async () => {
    for (const host of hosted) await removeAll(host);
    rmSync(folder, { recursive: true, force: true });
  });
  const namespaces = [makeNamespace(t, 'one'), makeNamespace(t, 'two')] as const;
  joinNamespaces(namespaces[0], '192.0.2.1/24', namespaces[1], '192.0.2.2/24');
  const keys = [randomBytes(SYSTEM_RANDOM, 32), randomBytes(SYSTEM_RANDOM, 32)] as const;
  const hosts = keys.map((key, index) =>
    makeHost(0x10000 + index, {
      publicKey: toBase64(NOBLE_CRYPTO.publicKey(key as PrivateKey)),
      endpoints: [`192.0.2.${index + 1}:${PORT}`],
    }),
  );
  const copy: CopyView = {
    hosts,
    networks: [makeNetwork(), makeNetwork(OTHER_NETWORK)],
    apps: [makeApp('web'), makeApp('api', OTHER_NETWORK)],
    instances: [],
  };
  const start = (index: 0 | 1): Promise<AgentHost> =>
    startAgentHost(
      t,
      namespaces[index],
      hostStart(hosts[index] as Host, keys[index], folder, copy),
    );
  const [one, two] = [await start(0), await start(1)];
  hosted.push(one, two);
  return {
    one,
    two,
    tell: (local) => one.setCopy({ ...copy, instances: local.map(({ instance }) => instance) }),
    restart: async () => {
      const reborn = await start(1);
      hosted.splice(1, 1, reborn);
      return reborn;
    },
  };
}

function hostStart(host: Host, key: Uint8Array, folder: string, copy: CopyView): HostStart {
  return {
    hostId: host.id as HostId,
    region: host.region,
    role: 'agent',
    privateKey: toBase64(key),
    listenPort: PORT,
    mtu: 1420,
    endpoints: host.endpoints,
    callsOut: false,
    servers: [],
    stateFolder: join(folder, host.name),
    copy,
  };
}

/** What a command says that runs in an instance of its own on `host`. */
async function say(host: AgentHost, app: string, script: string): Promise<string> {
  const { instance } = await host.run({ app, command: ['sh', '-c', `${script} 2>&1`] });
  const output = await host.output(instance.machineId);
  await host.remove(instance.machineId);
  return output;
}

async function removeAll(host: AgentHost): Promise<void> {
  for (const { instance } of await host.list()) await host.remove(instance.machineId);
}

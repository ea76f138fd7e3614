// The agent with real supervisors, namespaces and links. TUNs are made by iproute2 in the place of
// the data plane, and the host's own link is left out, so that the machine stays as it is.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { NetworkId } from '../../src/addressing/ids.ts';
import { Agent } from '../../src/agent/agent.ts';
import type { DataplaneHandle } from '../../src/agent/ports.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { DataplaneConfig } from '../../src/dataplane/config.ts';
import { LINUX_LINKS } from '../../src/os/linux/links.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';
import { makeApp, makeIdentity, makeNetwork, until } from '../agent/agent-world.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const skip = process.getuid?.() === 0 ? false : 'namespaces need root';

describe('agent', { skip }, () => {
  const netns = `p6n-test-${process.pid}`;
  let folder = '';
  let agent: Agent;
  let children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'p6n-'));
    agent = await startAgent(folder);
  });

  afterEach(async () => {
    for (const { instance } of agent.instances.list()) {
      await agent.instances.remove(instance.machineId, { force: true });
    }
    await agent.stop();
    for (const child of children) child.kill('SIGKILL');
    children = [];
    if (readdirIfThere('/run/netns').includes(netns)) ip('netns', 'del', netns);
    rmSync(folder, { recursive: true, force: true });
  });

  test('runs a command with its address, route, environment and names', async () => {
    const { instance } = await agent.instances.run({
      app: 'web',
      command: [
        'sh',
        '-c',
        'ip -6 -o addr show dev p6n0; ip -6 route; env; cat /etc/hosts /etc/resolv.conf',
      ],
    });
    const output = await outputOf(instance.machineId);
    assert.match(output, new RegExp(`inet6 ${instance.address}/128 `));
    assert.match(output, /^fdaa::\/16 dev p6n0/m);
    assert.match(output, new RegExp(`^P6N_PRIVATE_IP=${instance.address}$`, 'm'));
    assert.match(output, new RegExp(`^FLY_PRIVATE_IP=${instance.address}$`, 'm'));
    assert.match(output, new RegExp(`^P6N_MACHINE_ID=${instance.machineId}$`, 'm'));
    assert.match(output, /^P6N_APP=web$/m);
    assert.match(output, /^P6N_NETWORK=net-131072$/m);
    assert.match(output, /^P6N_REGION=local$/m);
    assert.match(
      output,
      new RegExp(`^${instance.address} .*fly-local-6pn i6pn\\.modal\\.local$`, 'm'),
    );
    assert.match(output, /^nameserver fdaa::3$/m);
  });

  test('starts a stopped instance with the same address in a new namespace', async () => {
    const first = await agent.instances.run({ app: 'web', name: 'one', command: sleep() });
    const before = readlinkSync(`/proc/${first.pid}/ns/net`);
    // The kernel gives the number out again as soon as nobody has the namespace.
    const held = openSync(`/proc/${first.pid}/ns/net`, 'r');
    assert.equal((await agent.instances.stop('one')).instance.state, 'stopped');
    const again = await agent.instances.start('one');
    closeSync(held);
    assert.equal(again.instance.address, first.instance.address);
    assert.match(inNamespace(again.namespace, 'addr'), new RegExp(`${again.instance.address}/128`));
    assert.notEqual(readlinkSync(`/proc/${again.pid}/ns/net`), before);
  });

  test('finds its instances after a restart and goes on with them', async () => {
    const before = await agent.instances.run({ app: 'web', name: 'one', command: sleep() });
    await agent.stop();
    agent = await startAgent(folder);
    const after = agent.instances.show('one');
    assert.equal(after.instance.state, 'started');
    assert.equal(after.pid, before.pid);
    process.kill(-(after.pid ?? 0), 'SIGKILL');
    await until(() => agent.instances.show('one').instance.state === 'stopped');
    assert.equal(agent.instances.show('one').exit?.signal, 'SIGKILL');
  });

  test('keeps the exit code of a command that ends while nobody looks', async () => {
    const command = ['sh', '-c', 'trap "exit 5" TERM; while :; do sleep 0.05; done'];
    const { pid = 0 } = await agent.instances.run({ app: 'web', name: 'one', command });
    await agent.stop();
    process.kill(-pid, 'SIGTERM');
    await until(() => !readdirSync(join(folder, 'instances')).some(hasSocket));
    agent = await startAgent(folder);
    assert.equal(agent.instances.show('one').instance.state, 'stopped');
    assert.equal(agent.instances.show('one').exit?.code, 5);
  });

  test('attaches a namespace by its path and takes note when it is gone', async () => {
    ip('netns', 'add', netns);
    const path = `/run/netns/${netns}`;
    const attached = await agent.instances.attach({ app: 'web', name: 'one', namespace: { path } });
    assert.equal(attached.instance.state, 'started');
    assert.match(inNamespace(path, 'addr'), new RegExp(`${attached.instance.address}/128`));
    assert.match(inNamespace(path, 'link show lo'), /[<,]UP[,>]/);
    await assert.rejects(agent.instances.attach({ app: 'web', namespace: { path } }), {
      code: 'NAMESPACE_INVALID',
    });
    ip('netns', 'del', netns);
    await until(() => agent.instances.show('one').instance.state === 'stopped');
    await assert.rejects(agent.instances.start('one'), { code: 'NAMESPACE_INVALID' });
  });

  test('attaches a namespace by a process and takes note when it is gone', async () => {
    const child = await processIn('--net');
    const namespace = { pid: child.pid ?? 0 };
    const { instance } = await agent.instances.attach({ app: 'web', name: 'one', namespace });
    assert.match(
      inNamespace(`/proc/${child.pid}/ns/net`, 'addr'),
      new RegExp(`${instance.address}/128`),
    );
    child.kill('SIGKILL');
    await until(() => agent.instances.show('one').instance.state === 'stopped');
  });

  test('refuses to attach what is no network namespace of others', async () => {
    const other = await processIn('--mount');
    const { namespace = '' } = await agent.instances.run({ app: 'web', command: sleep() });
    for (const reference of [
      { path: '/proc/self/ns/net' },
      { path: '/etc/passwd' },
      { path: '/no/such/file' },
      { path: `/proc/${other.pid}/ns/mnt` },
      { path: namespace },
      { pid: process.pid },
      { pid: 2 ** 22 + 1 },
    ]) {
      await assert.rejects(
        agent.instances.attach({ app: 'web', namespace: reference }),
        (error: unknown) => error instanceof P6nError && error.code === 'NAMESPACE_INVALID',
        JSON.stringify(reference),
      );
    }
    assert.equal(agent.instances.list().length, 1);
  });

  test('removes all that belonged to an instance', async () => {
    const { pid } = await agent.instances.run({ app: 'web', name: 'one', command: sleep() });
    await agent.instances.remove('one', { force: true });
    assert.deepEqual(readdirSync(join(folder, 'instances')), []);
    assert.throws(() => readlinkSync(`/proc/${pid}/exe`));
    await until(() => readdirSync(join(folder, 'journal')).length === 0);
  });

  async function outputOf(reference: string): Promise<string> {
    let text = '';
    const signal = new AbortController().signal;
    for await (const event of agent.instances.output(reference, { follow: true }, signal)) {
      if (event.type === 'output') text += Buffer.from(event.data).toString();
    }
    return text;
  }

  function hasSocket(machineId: string): boolean {
    return readdirSync(join(folder, 'instances', machineId)).includes('socket');
  }

  /** A process that has a namespace of its own, once it has it. */
  async function processIn(kind: '--net' | '--mount'): Promise<ChildProcess> {
    const child = spawn('unshare', [kind, 'sh', '-c', 'echo ready; exec sleep 1000']);
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  }
});

function startAgent(stateFolder: string): Promise<Agent> {
  return Agent.start(
    {
      identity: () => makeIdentity(),
      copy: {
        current: () => ({
          hosts: [],
          networks: [makeNetwork()],
          apps: [makeApp('web')],
          instances: [],
        }),
        setNetworks: (_: ReadonlySet<NetworkId>) => undefined,
      },
      invites: { invites: () => [] },
      apps: { lookupApp: () => Promise.resolve(undefined) },
      writer: { putInstance: () => Promise.resolve(), removeInstance: () => Promise.resolve() },
      dataplane: new TunMaker(),
      links: {
        configure: (link) =>
          link.namespace === undefined ? Promise.resolve(0) : LINUX_LINKS.configure(link),
        find: (namespace, address) => LINUX_LINKS.find(namespace, address),
        remove: (namespace, name) => LINUX_LINKS.remove(namespace, name),
      },
      names: { setZone: () => undefined, setListeners: () => Promise.resolve() },
      resolver: { resolve: () => Promise.resolve([]) },
      clock: new ManualClock(),
      random: SYSTEM_RANDOM,
      logger: SILENT_LOGGER,
    },
    { stateFolder },
  );
}

/** Makes the TUNs of a configuration where they are missing. */
class TunMaker implements DataplaneHandle {
  applyConfig({ tuns }: DataplaneConfig): Promise<void> {
    for (const { namespace, name } of tuns) {
      if (namespace === undefined || inNamespace(namespace, 'link').includes(`${name}:`)) continue;
      inNamespace(namespace, `tuntap add dev ${name} mode tun`);
    }
    return Promise.resolve();
  }
}

function sleep(): readonly string[] {
  return ['sleep', '1000'];
}

function inNamespace(namespace: string | undefined, words: string): string {
  assert.ok(namespace !== undefined);
  return execFileSync('nsenter', [`--net=${namespace}`, 'ip', ...words.split(' ')], {
    encoding: 'utf8',
  });
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words);
}

function readdirIfThere(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

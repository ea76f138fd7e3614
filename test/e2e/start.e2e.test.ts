// Starting and ending p6nd: a signal at any moment of a start ends it in order and leaves nothing,
// and what two of them must not share, the second one does not get.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Step } from '../../src/daemon/steps.ts';
import { p6nctl } from './p6nctl.ts';
import { type LaunchOptions, must, run, Site, type SiteHost, SKIP_REASON, until } from './site.ts';

const P6ND = fileURLToPath(new URL('../../../bin/p6nd', import.meta.url));
const KILL_AT = fileURLToPath(new URL('kill-at-step.js', import.meta.url));
const STEPS: readonly Step[] = ['founding-drafted', 'founding-recorded', 'founding-identified'];

describe('p6nd', { skip: SKIP_REASON, timeout: 120_000 }, () => {
  for (const step of STEPS) {
    test(`ends in order by a signal after ${step}, and starts again`, async (context) => {
      const { host } = await lonely(context);
      assert.equal(await host.launch([], endAt(step)), 0, host.log);
      // Who has an identity may have come to its interface, and leaves that to the next p6nd.
      if (step !== 'founding-identified') await leavesNothing(host);
      await host.start();
    });
  }

  for (const running of [true, false]) {
    const how = running ? 'by p6nctl' : 'while no p6nd runs';
    test(`leaves nothing on the machine after a reset ${how}`, async (context) => {
      const { host } = await lonely(context);
      await host.start();
      await host.must('apps', 'create', 'web');
      const command = ['--name', 'w', '--detach', '--', 'sleep', '1000'];
      await host.must('instances', 'run', '--app', 'web', ...command);
      const foreign = `${host.namespace}-foreign`;
      await must('ip', 'netns', 'add', foreign);
      context.after(() => must('ip', 'netns', 'del', foreign));
      await host.must('instances', 'attach', '--app', 'web', '--netns', `/run/netns/${foreign}`);
      const { here } = await host.json<{ here: { pid: number } }>('instances', 'show', 'w');
      if (running) {
        await host.must('host', 'reset');
        await until('p6nd has ended', async () => host.pid === undefined);
      } else {
        await host.kill();
        assert.equal(await host.launch(['--reset']), 0, host.log);
      }
      await leavesNothing(host);
      assert.equal((await run('ip', '-n', foreign, 'link', 'show', 'p6n0')).code, 1);
      assert.throws(() => process.kill(here.pid, 0));
      await host.start();
      const instances = await host.json<{ state: string }[]>('instances', 'list');
      assert.deepEqual(new Set(instances.map(({ state }) => state)), new Set(['stopped']));
    });
  }

  test('ends in order by a signal while it joins', async (context) => {
    const site = await Site.running(1, context);
    const [one] = site.hosts as [SiteHost];
    const invite = await one.invite();
    await one.kill();
    const two = await site.addHost('two');
    assert.equal(await two.launch(['--join', invite], endAt('joining-tunnelled')), 0, two.log);
    await leavesNothing(two);
    await one.start();
    await two.start();
  });

  describe('on one host', () => {
    let site: Site;
    let host: SiteHost;

    before(async () => {
      site = await Site.create();
      host = await site.addHost('lonely');
    });
    after(() => site?.remove());

    test('ends in order by a signal while it waits for a token', async (context) => {
      const daemon = begin(context, host, '--join', '-');
      const ended = once(daemon, 'exit');
      await until('p6nd has begun', async () => {
        return (await host.exec('cat', '/proc/net/unix')).stdout.includes('@p6nd');
      });
      daemon.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    });

    test('makes the folder of its socket for root alone', async (context) => {
      const folder = join(host.stateDir, 'run', 'p6n');
      const socket = join(folder, 'p6nd.sock');
      begin(context, host, '--socket', socket);
      await until('p6nd answers', async () => (await p6nctl(socket, ['status'])).code === 0);
      assert.equal(statSync(folder).mode & 0o777, 0o700);
      assert.equal(statSync(socket).mode & 0o777, 0o600);
    });

    test('is not kept from starting by somebody who takes the name of its lock', async (t) => {
      const program =
        'require("node:net").createServer().listen("\\0p6nd", () => console.log("up"))';
      const words = ['netns', 'exec', host.namespace, process.execPath, '-e', program];
      const squatter = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });
      t.after(() => squatter.kill());
      await once(squatter.stdout, 'data');
      await host.start();
      assert.match(host.log, /lock of the network namespace/);
    });

    test('keeps its state folder from another network namespace', async () => {
      const other = await site.addHost('other');
      assert.equal(await other.launch([], { stateDir: host.stateDir }), 1);
      assert.match(other.log, /ALREADY_RUNNING/);
      await host.kill('SIGTERM');
      const left = await host.exec('ip', '-6', 'address', 'show', 'dev', 'p6n0');
      assert.match(left.stdout, /NO-CARRIER.*fdaa::3/s);
      await host.start();
    });
  });
});

/** A p6nd of `host` whose standard input stays open. */
function begin(context: TestContext, host: SiteHost, ...flags: readonly string[]): ChildProcess {
  const words = ['netns', 'exec', host.namespace, P6ND, '--state-dir', host.stateDir];
  const socket = flags.includes('--socket') ? [] : ['--socket', host.socket];
  const all = [...words, ...socket, '--name', host.name, ...flags];
  const daemon = spawn('ip', all, { stdio: ['pipe', 'ignore', 'ignore'] });
  context.after(async () => {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return;
    const gone = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await gone;
  });
  return daemon;
}

async function lonely(context: TestContext): Promise<{ host: SiteHost }> {
  const site = await Site.create(context);
  return { host: await site.addHost('lonely') };
}

/** No interface, no route and no rule of p6nd is left in the host's namespace. */
async function leavesNothing(host: SiteHost): Promise<void> {
  assert.equal((await host.exec('ip', 'link', 'show', 'p6n0')).code, 1);
  assert.doesNotMatch((await host.exec('ip', '-6', 'route')).stdout, /fdaa/);
  assert.doesNotMatch((await host.exec('ip', '-6', 'rule')).stdout, /6600/);
}

/** Sends SIGTERM to p6nd as soon as it has published `step`. */
function endAt(step: Step): LaunchOptions {
  const environment = { NODE_OPTIONS: `--import=${KILL_AT}`, KILL_AT_STEP: step };
  return { environment: { ...environment, KILL_SIGNAL: 'SIGTERM' } };
}

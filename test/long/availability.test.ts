// A host without servers goes on: instances start, stop and get addresses and names from what it
// has on disk, and all of it is on record when a server is back, unless the site has decided
// otherwise.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';

interface InstanceJson {
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly here?: { readonly problem?: string };
}

describe('a host without servers', { skip: SKIP_REASON, timeout: 120_000, concurrency: 2 }, () => {
  test('starts, stops and names instances, also after a restart, and tells it later', async (t) => {
    const { one, two } = await scene(t);
    await one.kill();
    await run(two, 'b');
    await two.must('instances', 'stop', 'a');
    const { address } = await shown(two, 'b');
    assert.deepEqual(await named(two), [address]);
    const taken = await two.ctl('instances', 'run', '--app', 'web', '--name', 'b', '--', 'true');
    assert.match(taken.stderr, /NAME_TAKEN/);
    await two.kill();
    await two.start();
    assert.deepEqual(await named(two), [address]);
    await run(two, 'c');
    assert.equal((await named(two)).length, 2);
    await two.must('instances', 'remove', 'a');
    await one.start();
    await until('the server knows it all', async () => (await list(one)) === 'b started c started');
  });

  test('stops an instance whose app went meanwhile, and says so', async (t) => {
    const { one, two } = await scene(t);
    await two.kill();
    assert.match((await one.ctl('apps', 'remove', 'web')).stderr, /APP_IN_USE/);
    await one.must('apps', 'remove', 'web', '--force');
    await two.start();
    await until('it stops', async () => (await shown(two, 'a')).state === 'stopped');
    await until('it says why', async () => {
      return /no app|app "web"/.test((await two.must('instances', 'show', 'a')).stdout);
    });
    assert.equal(await list(one), '');
    await two.must('instances', 'remove', 'a');
  });

  test('writes nothing any more once it was removed', async (t) => {
    const { one, two } = await scene(t);
    await two.kill();
    await one.must('hosts', 'remove', 'two', '--force');
    await two.start();
    await run(two, 'b');
    // What the host says goes by the way that its pings go.
    const ping = await two.exec('ping', '-6', '-c', '2', '-W', '1', 'fdaa::1:0:0:0:1');
    assert.notEqual(ping.code, 0);
    assert.equal(await list(one), '');
    assert.equal((await shown(two, 'a')).state, 'started');
  });
});

/** A server, and a host with an instance `a` of app `web` that the server knows. */
async function scene(t: TestContext): Promise<{ one: SiteHost; two: SiteHost }> {
  const site = await Site.running(2, t);
  const [one, two] = site.hosts as [SiteHost, SiteHost];
  await one.must('apps', 'create', 'web', '--network', 'blue');
  await run(two, 'a');
  await until('the server knows it', async () => (await list(one)) === 'a started');
  await until('the host has the app in its copy on disk', () => {
    const copy = join(two.stateDir, 'copy.json');
    return Promise.resolve(existsSync(copy) && readFileSync(copy, 'utf8').includes('"web"'));
  });
  return { one, two };
}

async function run(host: SiteHost, name: string): Promise<void> {
  const command = ['--detach', '--', 'sleep', 'infinity'];
  await host.must('instances', 'run', '--app', 'web', '--name', name, ...command);
}

function shown(host: SiteHost, name: string): Promise<InstanceJson> {
  return host.json<InstanceJson>('instances', 'show', name);
}

/** What the server has on record. */
async function list(server: SiteHost): Promise<string> {
  const instances = await server.json<InstanceJson[]>('instances', 'list');
  return instances
    .map(({ name, state }) => `${name} ${state}`)
    .sort()
    .join(' ');
}

/** The addresses behind the app's name on this host. */
async function named(host: SiteHost): Promise<readonly string[]> {
  const words = ['dns', 'lookup', 'web.internal', '--network', 'blue'];
  const { records } = await host.json<{ records: { data: string }[] }>(...words);
  return records.map(({ data }) => data);
}

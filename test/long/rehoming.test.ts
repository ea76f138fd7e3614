// A host that slept while all of its servers moved, and that woke in another place itself: nobody
// knows where the others are, until it is told.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { StatusView } from '../../src/api/contract/status.ts';
import { runEtcdSite } from '../e2e/etcd-site.ts';
import { Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';
import { ETCD_MISSING } from '../fakes/etcd.ts';

describe('a host whose servers have moved', { skip: SKIP_REASON, timeout: 180_000 }, () => {
  test('finds it by a token, and is who it was', async (context) => {
    const site = await Site.running(2, context);
    const [one, two] = site.hosts as [SiteHost, SiteHost];
    await move({ site, servers: [one], sleeper: two, flags: [] });
  });

  const skip = ETCD_MISSING ?? false;
  test('finds all of those on an etcd, and is who it was', { skip }, async (context) => {
    const { site, hosts, flags } = await runEtcdSite(context);
    const [one, two, three] = hosts;
    await move({ site, servers: [one, two], sleeper: three, flags });
  });
});

async function move(scene: {
  readonly site: Site;
  readonly servers: readonly SiteHost[];
  readonly sleeper: SiteHost;
  /** Of the servers. */
  readonly flags: readonly string[];
}): Promise<void> {
  const { site, servers, sleeper, flags } = scene;
  await servers[0]?.must('apps', 'create', 'web');
  await until('the host hears of the app', async () => {
    const words = ['instances', 'run', '--app', 'web', '--detach', '--', 'sleep', '600'];
    return (await sleeper.ctl(...words)).code === 0;
  });
  const before = await sleeper.json<StatusView>('status');
  for (const host of [...servers, sleeper]) await host.kill('SIGTERM');
  const moved: SiteHost[] = [];
  for (const { name, stateDir } of servers) {
    const server = await site.addHost(`moved-${name}`);
    await server.start({ stateDir }, ...flags);
    moved.push(server);
  }
  const woken = await site.addHost('woken');
  const options = { stateDir: sleeper.stateDir };
  await woken.start(options);
  assert.notEqual((await woken.ctl('apps', 'list')).code, 0, 'no server is where it was');
  await woken.kill('SIGTERM');

  const last = moved.at(-1) as SiteHost;
  const { stdout } = await last.must('hosts', 'invite', '--for', sleeper.name);
  const file = join(site.folder, 'rehoming');
  writeFileSync(file, stdout);
  await woken.start('--join', file, options);
  await until('the host finds a server', async () => (await woken.ctl('apps', 'list')).code === 0);
  const after = await woken.json<StatusView>('status');
  assert.equal(after.host.id, before.host.id);
  assert.equal(after.host.public_key, before.host.public_key);
  for (const server of moved) {
    await until('a server and the host reach each other', async () => {
      const { hosts } = await server.client.hosts.list({ paths: '1' });
      return hosts.some(({ id, path }) => id === after.host.id && path?.state === 'reached');
    });
  }
  await woken.kill('SIGTERM');
  await woken.start('--join', file, options);
  await until('the same flags do no harm', async () => {
    return (await woken.ctl('apps', 'list')).code === 0;
  });
}

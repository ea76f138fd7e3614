// A host that slept while its server moved, and that woke in another place itself: nobody knows
// where the other is, until it is told.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { StatusView } from '../../src/api/contract/status.ts';
import { Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';

describe('a host whose servers have moved', { skip: SKIP_REASON, timeout: 90_000 }, () => {
  test('finds them by a token, and is who it was', async (context) => {
    const site = await Site.running(2, context);
    const [one, two] = site.hosts as [SiteHost, SiteHost];
    await one.must('apps', 'create', 'web');
    await until('the host hears of the app', async () => {
      const words = ['instances', 'run', '--app', 'web', '--detach', '--', 'sleep', '600'];
      return (await two.ctl(...words)).code === 0;
    });
    const before = await two.json<StatusView>('status');
    for (const host of [one, two]) await host.kill('SIGTERM');
    const server = await site.addHost('elsewhere');
    await server.start({ stateDir: one.stateDir });
    const woken = await site.addHost('woken');
    const flags = { stateDir: two.stateDir };
    await woken.start(flags);
    assert.notEqual((await woken.ctl('apps', 'list')).code, 0, 'no server is where it was');
    await woken.kill('SIGTERM');

    const { stdout } = await server.must('hosts', 'invite', '--for', 'two');
    const file = join(site.folder, 'rehoming');
    writeFileSync(file, stdout);
    await woken.start('--join', file, flags);
    await until('the host finds the server', async () => {
      return (await woken.ctl('apps', 'list')).code === 0;
    });
    const after = await woken.json<StatusView>('status');
    assert.equal(after.host.id, before.host.id);
    assert.equal(after.host.public_key, before.host.public_key);
    await woken.kill('SIGTERM');
    await woken.start('--join', file, flags);
    await until('the same flags do no harm', async () => {
      return (await woken.ctl('apps', 'list')).code === 0;
    });
  });
});

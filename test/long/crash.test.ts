// A kill -9 of p6nd loses no record: what was acknowledged is there after a restart, and instances
// live on.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hostRecord, Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';

interface InstanceJson {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly here?: { readonly pid?: number };
}

describe('kill -9 of p6nd', { skip: SKIP_REASON, timeout: 300_000, concurrency: 2 }, () => {
  for (const victim of [0, 1]) {
    test(`on the ${victim === 0 ? 'server' : 'joined host'} loses nothing`, async (context) => {
      const site = await Site.running(2, context);
      const [one, two] = site.hosts as [SiteHost, SiteHost];
      const killed = site.hosts[victim] as SiteHost;
      const other = site.hosts[1 - victim] as SiteHost;
      await one.must('networks', 'create', 'blue');
      await two.must('apps', 'create', 'web', '--network', 'blue');
      for (const host of site.hosts) {
        const name = `web-${host.name}`;
        const sleep = ['--detach', '--', 'sleep', 'infinity'];
        await host.must('instances', 'run', '--app', 'web', '--name', name, ...sleep);
      }
      await until('the server knows both', async () => (await instances(one)).length === 2);
      const before = await records(one);
      const pid = (await shown(killed)).here?.pid;
      await killed.kill('SIGKILL');
      await killed.start();
      assert.deepEqual(await records(one), before);
      assert.equal((await shown(killed)).here?.pid, pid);
      const target = (await shown(killed)).address;
      const source = (await shown(other)).here?.pid;
      await until('the instance is reached again', async () => {
        const enter = ['nsenter', '-t', `${source}`, '-n', 'ping', '-6', '-c', '1', '-W', '1'];
        return (await other.exec(...enter, target)).code === 0;
      });
    });
  }

  test('while instances start leaves each whole or absent', async (context) => {
    const site = await Site.running(1, context);
    const [one] = site.hosts as [SiteHost];
    await one.must('apps', 'create', 'web');
    const runs = [1, 2, 3, 4, 5, 6].map((n) =>
      one.ctl(
        'instances',
        'run',
        '--app',
        'web',
        '--name',
        `w${n}`,
        '--detach',
        '--',
        'sleep',
        '99',
      ),
    );
    await until('the first one is there', async () => (await instances(one)).length > 0);
    await one.kill('SIGKILL');
    const acknowledged = (await Promise.all(runs)).filter(({ code }) => code === 0).length;
    await one.start();
    const after = await instances(one);
    assert.ok(after.length >= acknowledged, `${after.length} of ${acknowledged}`);
    for (const { name } of after) await one.must('instances', 'remove', '--force', name);
    assert.deepEqual(await instances(one), []);
  });
});

function instances(host: SiteHost): Promise<readonly InstanceJson[]> {
  return host.json<readonly InstanceJson[]>('instances', 'list');
}

function shown(host: SiteHost): Promise<InstanceJson> {
  return host.json<InstanceJson>('instances', 'show', `web-${host.name}`);
}

/** What the registry has, without what differs from moment to moment. */
async function records(server: SiteHost): Promise<unknown> {
  const lists = ['organizations', 'networks', 'apps'].map((noun) =>
    server.json<object>(noun, 'list'),
  );
  const hosts = (await server.client.hosts.list()).hosts.map(hostRecord);
  const ids = (await instances(server)).map(({ id, name, address }) => ({ id, name, address }));
  return [...(await Promise.all(lists)), hosts, ids];
}

// A server that is started on an older file of its registry: it says so, gives out no id twice, and
// goes on once it is accepted.

import assert from 'node:assert/strict';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Site, type SiteHost, SKIP_REASON, until } from './site.ts';

interface Network {
  readonly name: string;
  readonly id: number;
}

describe('a server with its registry in a file', { skip: SKIP_REASON, timeout: 90_000 }, () => {
  test('started on an older file takes no writes until it is accepted', async (context) => {
    const site = await Site.running(2, context);
    const [one, two] = site.hosts as [SiteHost, SiteHost];
    const registry = join(one.stateDir, 'registry.db');
    await one.must('networks', 'create', 'before');
    await one.kill('SIGTERM');
    copyFileSync(registry, `${registry}.backup`);
    await one.start();
    await one.must('apps', 'create', 'web', '--network', 'late');
    const late = await network(one, 'late');
    await until('the host hears of the app', async () => {
      const started = await two.ctl(
        'instances',
        'run',
        '--app',
        'web',
        '--detach',
        '--',
        'sleep',
        '600',
      );
      return started.code === 0;
    });
    await one.kill();
    for (const end of ['', '-wal', '-shm']) rmSync(`${registry}${end}`, { force: true });
    copyFileSync(`${registry}.backup`, registry);
    await one.start();

    assert.match(one.log, /registry was restored/);
    const refused = await one.ctl('networks', 'create', 'next');
    assert.match(refused.stderr, /REGISTRY_CLOSED/);
    assert.equal((await network(one, 'before')).name, 'before', 'it can be read');
    await until('both hosts have reported', async () => {
      const { state, reports } = await one.json<{ state: string; reports: number }>(
        'registry',
        'show',
      );
      return state === 'restored' && reports === 2;
    });
    // Nobody has said yet that it holds, so it ends nothing that runs.
    await until('the host has asked for its instance', () =>
      Promise.resolve(/closed.*not on record with a server yet/.test(two.log)),
    );
    const [instance] = await two.json<{ state: string }[]>('instances', 'list', '--here');
    assert.equal(instance?.state, 'started');
    assert.match(one.log, new RegExp(`network id taken over.*${late.id}|${late.id}.*taken over`));
    await one.must('registry', 'accept');
    await one.must('networks', 'create', 'next');
    assert.notEqual((await network(one, 'next')).id, late.id);
    assert.equal((await two.exec('ping', '-6', '-c', '1', '-W', '2', 'fdaa::1:0:0:0:1')).code, 0);
  });
});

async function network(host: SiteHost, name: string): Promise<Network> {
  const found = (await host.json<Network[]>('networks', 'list')).find((one) => one.name === name);
  assert.ok(found, `there is no network ${name}`);
  return found;
}

// Hosts whose servers come and go: with several servers each host goes on with one that is left,
// and a server that has moved is found again behind its host name.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { includesAll, networkNames, runEtcdSite } from '../e2e/etcd-site.ts';
import { must, Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';
import { ETCD_MISSING } from '../fakes/etcd.ts';

const HOST_ONE = 'fdaa:0:0:1::1';
const SERVER_NAME = 'server.p6n.test';

interface Instance {
  readonly name: string;
  readonly state: string;
}

const skip = SKIP_REASON || (ETCD_MISSING ?? false);

test('a host goes on with a server that is left, and when all come back', { skip }, async (t) => {
  const { hosts, flags } = await runEtcdSite(t);
  const [one, two, three] = hosts;
  await one.must('apps', 'create', 'web', '--network', 'blue');
  for (const [gone, left] of [
    [one, two],
    [two, one],
  ] as const) {
    await gone.kill();
    await until('the host follows the other server', () => isFollowing(three));
    await run(three, `without-${gone.name}`);
    await until('it is on record', async () =>
      (await records(left)).includes(`without-${gone.name} started`),
    );
    const network = `made-without-${gone.name}`;
    await until('what p6nctl of the host asks is done', async () => {
      const { code, stderr } = await three.ctl('networks', 'create', network);
      return code === 0 || stderr.includes('NAME_TAKEN');
    });
    await gone.start(...flags);
    await until('both servers show it', async () => {
      const shown = await Promise.all([networkNames(one), networkNames(two)]);
      return shown.every((names) => includesAll([network], names));
    });
  }
  await one.kill();
  await two.kill();
  await until('the host knows that no server is there', async () => !(await isFollowing(three)));
  await run(three, 'alone');
  await two.start(...flags);
  await until('the host follows again', () => isFollowing(three));
  await until('it tells what happened', async () =>
    includesAll(['alone started', 'without-one started'], await records(two)),
  );
});

describe('a server behind a host name', { skip: SKIP_REASON, timeout: 180_000 }, () => {
  test('is found again by a host behind a NAT when it has moved', async (t) => {
    const site = await Site.create(t);
    const one = await site.addHost('one');
    const two = await site.addHiddenHost('two');
    const folder = join('/etc/netns', two.namespace);
    t.after(() => rmSync(folder, { recursive: true }));
    mkdirSync(folder, { recursive: true });
    const name = (address: string): void => {
      const lines = `127.0.0.1 localhost\n${address} ${SERVER_NAME}\n`;
      // In place: the file is mounted over that of the machine.
      writeFileSync(join(folder, 'hosts'), lines);
    };
    name(one.underlay);
    await one.start({ endpoint: `${SERVER_NAME}:51820` });
    await two.join(one);
    await until('the host reaches the server', () => pings(two));
    await one.kill();
    const moved = '192.0.2.77';
    const change = ['-n', one.namespace, 'address'];
    await must('ip', ...change, 'del', `${one.underlay}/24`, 'dev', 'eth0');
    await must('ip', ...change, 'add', `${moved}/24`, 'dev', 'eth0');
    await one.start({ endpoint: `${SERVER_NAME}:51820` });
    assert.equal(await pings(two), false);
    name(moved);
    await until('the host reaches it where it is now', () => pings(two));
    await until('the host follows it', () => isFollowing(two));
  });
});

async function run(host: SiteHost, name: string): Promise<void> {
  const words = ['--app', 'web', '--name', name, '--detach', '--', 'sleep', 'infinity'];
  await host.must('instances', 'run', ...words);
}

async function records(server: SiteHost): Promise<readonly string[]> {
  const instances = await server.json<Instance[]>('instances', 'list');
  return instances.map(({ name, state }) => `${name} ${state}`);
}

async function isFollowing(host: SiteHost): Promise<boolean> {
  const { registry } = await host.json<{ registry: { state: string } }>('status');
  return registry.state === 'following';
}

async function pings(host: SiteHost): Promise<boolean> {
  return (await host.exec('ping', '-6', '-c', '1', '-W', '1', HOST_ONE)).code === 0;
}

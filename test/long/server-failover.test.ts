// Hosts whose servers come and go: with several servers each host goes on with one that is left.

import { test } from 'node:test';
import { includesAll, networkNames, runEtcdSite } from '../e2e/etcd-site.ts';
import { type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';
import { ETCD_MISSING } from '../fakes/etcd.ts';

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

// Two hosts with real Docker, real podman and a plain namespace in one app: names at the first try,
// TCP, isolation, and restarts of engines and daemons.

import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { must, run, Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';
import { buildImage, Docker, IN_OUR_MOUNTS, Podman, unmountAll } from './container-engines.ts';

const SERVE = ['httpd', '-f', '-p', '80', '-h', '/www'];
/** What a client does first of all, in one go. */
const SORTED = [
  'glibc-lookup web.internal',
  'musl-lookup web.internal any',
  'glibc-lookup web.internal any',
]
  .map((question) => `${question} | sort`)
  .join('; ');

interface InstanceJson {
  readonly id: string;
  readonly address: string;
  readonly here?: { readonly owner?: string };
}

describe('container engines', { skip: SKIP_REASON, timeout: 300_000 }, () => {
  let site: Site;
  let one: SiteHost;
  let two: SiteHost;
  let docker: Docker;
  let podman: Podman;
  let plain: string;
  let dockerMissing: string | undefined;
  let podmanMissing: string | undefined;
  const startOne = (...words: string[]): Promise<void> =>
    one.start('--docker', docker.pluginSocket, IN_OUR_MOUNTS, ...words);

  before(async () => {
    site = await Site.create();
    one = await site.addHost('one');
    two = await site.addHost('two');
    docker = new Docker(site, one);
    await startOne('--region', 'ams');
    await two.start('--join', await one.invite(), '--region', 'fra', IN_OUR_MOUNTS);
    const image = await buildImage(site);
    podman = new Podman(site, two, image);
    await one.must('apps', 'create', 'web', '--network', 'blue');
    await one.must('apps', 'create', 'shop', '--network', 'red');
    dockerMissing = await docker.start();
    if (dockerMissing === undefined) {
      await docker.importImage(image);
      for (const app of ['web', 'shop']) {
        await docker.must('network', 'create', '-d', docker.driver, '-o', `app=${app}`, app);
      }
      await docker.must(
        ...docker.runWords('web', '-d', '--name', 'd1', '--restart', 'always'),
        ...SERVE,
      );
    }
    await podman.install('web', '--app', 'web');
    await podman.install('shop', '--app', 'shop');
    podmanMissing = await podmanProblem(podman);
    if (podmanMissing === undefined) {
      await podman.must(...podman.runWords('web', '-d', '--name', 'p1'), ...SERVE);
    }
    plain = `${two.namespace}-plain`;
    await must('ip', 'netns', 'add', plain);
    const words = ['--app', 'web', '--name', 'plain', '--netns', `/run/netns/${plain}`];
    await two.must('instances', 'attach', ...words);
    await until('all names on both hosts', async () => {
      const all = (await addresses()).join();
      return (await namesOn(one)) === all && (await namesOn(two)) === all;
    });
  });

  after(async () => {
    if (podmanMissing === undefined) await podman.ask('rm', '--all', '--force', '--time', '0');
    await docker.ask('rm', '--force', 'd1');
    await docker.stop();
    await unmountAll(site);
    await site.remove();
    await run('ip', 'netns', 'del', plain);
  });

  /** The addresses of app web, sorted. */
  const addresses = async (): Promise<readonly string[]> => {
    const found = await one.json<InstanceJson[]>('instances', 'list', '--app', 'web');
    return found.map(({ address }) => address).sort();
  };

  const namesOn = async (host: SiteHost): Promise<string> => {
    const { stdout } = await host.ctl(
      '--json',
      'dns',
      'lookup',
      'web.internal',
      '--network',
      'blue',
    );
    if (stdout === '') return '';
    const { records } = JSON.parse(stdout) as { readonly records: { readonly data: string }[] };
    return records
      .map(({ data }) => data)
      .sort()
      .join();
  };

  const needsDocker = (t: TestContext): boolean => {
    if (dockerMissing !== undefined) t.skip(`Docker does not start here: ${dockerMissing}`);
    return dockerMissing === undefined;
  };

  const needsPodman = (t: TestContext): boolean => {
    if (podmanMissing !== undefined) t.skip(`podman does not start here: ${podmanMissing}`);
    return podmanMissing === undefined;
  };

  /**
   * The first words of a new container are questions for names, whose own address is among them.
   */
  const requireNames = async (output: string, own: string): Promise<void> => {
    const expected = [...(await addresses()), own].sort();
    const lines = output.trim().split('\n');
    assert.deepEqual(lines, [...expected, ...expected, ...expected], output);
  };

  test('a container of Docker has address, route, and names at the first try', async (t) => {
    if (!needsDocker(t)) return;
    const look = 'ip -6 addr show dev p6n0; ip -6 route; cat /etc/resolv.conf';
    const words = docker.runWords('web', '--rm');
    const output = await docker.must(...words, 'sh', '-c', `${SORTED}; echo; ${look}`);
    const [names = '', facts = ''] = output.split('\n\n');
    const own = /inet6 (fdaa:\S+)\/128/.exec(facts)?.[1] ?? '';
    await requireNames(names, own);
    assert.match(facts, /^fdaa::\/16 dev p6n0/m);
    assert.match(facts, /^nameserver fdaa::3$/m);
    assert.doesNotMatch(facts, /127\.0\.0\.11/);
  });

  test('a container of podman has address, route, and names at the first try', async (t) => {
    if (!needsPodman(t)) return;
    const look = 'ip -6 addr show dev eth0; ip -6 route; cat /etc/resolv.conf';
    const words = podman.runWords('web', '--rm');
    const output = await podman.must(...words, 'sh', '-c', `${SORTED}; echo; ${look}`);
    const [names = '', facts = ''] = output.split('\n\n');
    const own = /inet6 (fdaa:\S+)\/128/.exec(facts)?.[1] ?? '';
    await requireNames(names, own);
    assert.match(facts, /^fdaa::\/16 dev eth0/m);
    assert.match(facts, /^nameserver fdaa::3$/m);
  });
});

async function podmanProblem(podman: Podman): Promise<string | undefined> {
  const { code, stderr } = await podman.ask(...podman.runWords('none', '--rm'), 'sleep', '0');
  return code === 0 ? undefined : stderr.trim().slice(-500);
}

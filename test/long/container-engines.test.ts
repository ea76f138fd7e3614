// Two hosts with real Docker, real podman and a plain namespace in one app: names at the first try,
// TCP, isolation, and restarts of engines and daemons.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test';
import { must, run, Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';
import { buildImage, Docker, IN_OUR_MOUNTS, Podman, unmountAll } from './container-engines.ts';

const SERVE = ['httpd', '-f', '-p', '80', '-h', '/www'];
const LOOK = 'ip addr; ip route; ip -6 route; cat /etc/resolv.conf';
/** What a new container does before anything else. */
const FIRST_QUESTIONS = [
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
  let image: string;
  let plain: string;
  /** In the plain namespace. */
  let server: ChildProcess;
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
    image = await buildImage(site);
    podman = new Podman(site, two, image);
    await one.must('apps', 'create', 'web', '--network', 'blue');
    await one.must('apps', 'create', 'shop', '--network', 'red');
    dockerMissing = await docker.start();
    if (dockerMissing === undefined) {
      await docker.importImage(image);
      const create = ['network', 'create', '-d', docker.driver];
      await docker.must(...create, '-o', 'app=web', 'web');
      await docker.must(...create, '-o', 'app=shop', '--ipam-driver', 'null', 'shop');
      await docker.must(
        ...docker.runWords(
          'web',
          '-d',
          '--name',
          'd1',
          '--restart',
          'always',
          '--stop-timeout',
          '1',
        ),
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
    server = spawn('nsenter', [...inPlain(), ...SERVE]);
  });

  after(async () => {
    server.kill();
    if (podmanMissing === undefined) await podman.ask('rm', '--all', '--force', '--time', '0');
    await docker.ask('rm', '--force', 'd1');
    await docker.stop();
    await unmountAll(site);
    await site.remove();
    // A p6nd that is killed leaves its sockets.
    rmSync(docker.pluginSocket, { force: true });
    await run('ip', 'netns', 'del', plain);
  });

  /** The addresses of app web, sorted. */
  const addresses = async (): Promise<readonly string[]> => {
    const found = await one.json<InstanceJson[]>('instances', 'list', '--app', 'web');
    return found.map(({ address }) => address).sort();
  };

  /** The plain namespace, with the programs of the image. */
  const inPlain = (): string[] => [`--net=/run/netns/${plain}`, 'chroot', image];

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

  /** What a new container has asked first: its own address is among those that were there. */
  const requireNames = async (output: string, facts = output): Promise<void> => {
    const own = /inet6 (fdaa:\S+)\/128/.exec(facts)?.[1] ?? 'no address';
    const expected = [...new Set([...(await addresses()), own])].sort();
    const lines = output.split('\n').filter((line) => /^[0-9a-f]+:[0-9a-f:]+$/.test(line));
    assert.deepEqual(lines, [...expected, ...expected, ...expected], output);
  };

  const requireSameNames = (): Promise<undefined> =>
    until('all names on both hosts', async () => {
      const all = (await addresses()).join();
      return (await namesOn(one)) === all && (await namesOn(two)) === all;
    });

  /** Everybody fetches a page from everybody. */
  const requireReach = async (): Promise<void> => {
    const all = await addresses();
    const words = all.map(fetch).join(' && ');
    const pages = 'page'.repeat(all.length);
    assert.equal(await must('nsenter', ...inPlain(), 'sh', '-c', words), pages);
    if (dockerMissing === undefined) {
      assert.equal(await docker.must('exec', 'd1', 'sh', '-c', words), pages);
    }
    if (podmanMissing === undefined) {
      assert.equal(await podman.must('exec', 'p1', 'sh', '-c', words), pages);
    }
  };

  beforeEach(() => requireSameNames());

  test('a container of Docker has address, route, and names at the first try', async (t) => {
    if (!needsDocker(t)) return;
    const look = 'ip -6 addr show dev p6n0; ip -6 route; cat /etc/resolv.conf';
    const words = docker.runWords('web', '--rm');
    const output = await docker.must(...words, 'sh', '-c', `${FIRST_QUESTIONS}; echo; ${look}`);
    const [names = '', facts = ''] = output.split('\n\n');
    await requireNames(names, facts);
    assert.match(facts, /^fdaa::\/16 dev p6n0/m);
    assert.match(facts, /^nameserver fdaa::3$/m);
    assert.doesNotMatch(facts, /127\.0\.0\.11/);
  });

  test('a container of podman has address, route, and names at the first try', async (t) => {
    if (!needsPodman(t)) return;
    const look = 'ip -6 addr show dev eth0; ip -6 route; cat /etc/resolv.conf';
    const words = podman.runWords('web', '--rm');
    const output = await podman.must(...words, 'sh', '-c', `${FIRST_QUESTIONS}; echo; ${look}`);
    const [names = '', facts = ''] = output.split('\n\n');
    await requireNames(names, facts);
    assert.match(facts, /^fdaa::\/16 dev eth0/m);
    assert.match(facts, /^nameserver fdaa::3$/m);
  });

  test('instances of all kinds reach each other by TCP', async (t) => {
    t.diagnostic(`Docker: ${dockerMissing ?? 'runs'}; podman: ${podmanMissing ?? 'runs'}`);
    await requireReach();
  });

  test('a container of another network gets no name and no packet through', async (t) => {
    const targets = await addresses();
    const tries = targets.map((address) => `${fetch(address)} && echo reached`).join('; ');
    const ask = 'glibc-lookup web.internal; musl-lookup web.internal';
    if (dockerMissing === undefined) {
      const words = docker.runWords('shop', '--rm');
      const output = await docker.must(...words, 'sh', '-c', `${ask}; ${tries}; ip -4 addr`);
      assert.match(output, /^none\nnone\n1: lo/);
      // Without an address of Docker's beside ours.
      assert.doesNotMatch(output, /inet .* p6n0/);
    }
    if (podmanMissing === undefined) {
      const words = podman.runWords('shop', '--rm');
      const output = await podman.must(...words, 'sh', '-c', `${ask}; ${tries}; true`);
      assert.equal(output, 'none\nnone\n');
    }
    if (dockerMissing !== undefined && podmanMissing !== undefined) t.skip('no engine starts here');
  });

  test('Docker hears why a network or a container cannot be', async (t) => {
    if (!needsDocker(t)) return;
    const create = ['network', 'create', '-d', docker.driver];
    for (const [words, pattern] of [
      [['x'], /its app is missing/],
      [['-o', 'app=nobody', 'x'], /nobody/],
      [['-o', 'app=web', '-o', 'size=7', 'x'], /"size"/],
      [['-o', 'app=web', '--ipv6', '--subnet', 'fd00:7::/64', 'x'], /gives out IPv6 addresses/],
    ] as const) {
      const { code, stderr } = await docker.ask(...create, ...words);
      assert.deepEqual([code, pattern.test(stderr)], [1, true], stderr);
    }
  });

  test('podman in a chain has another network besides', async (t) => {
    if (!needsPodman(t)) return;
    podman.addBridge('lan', '10.99.7.0/24');
    await podman.install('lan', '--chained', '--app', 'web');
    const words = podman.runWords('lan', '--rm');
    const output = await podman.must(...words, 'sh', '-c', `${FIRST_QUESTIONS}; echo; ${LOOK}`);
    const [names = '', facts = ''] = output.split('\n\n');
    await requireNames(names, facts);
    assert.match(facts, /inet 10\.99\.7\.\d+\/24 .* eth0/);
    assert.match(facts, /^default via 10\.99\.7\.1 dev eth0/m);
    assert.match(facts, /^fdaa::\/16 dev p6n0/m);
  });

  test('containers outlive p6nd, and those that end meanwhile are removed', async (t) => {
    const before = await addresses();
    if (dockerMissing === undefined) {
      await docker.must(...docker.runWords('web', '-d', '--name', 'd2'), ...SERVE);
      await until('the names of d2', async () => (await addresses()).length > before.length);
    }
    await one.kill('SIGKILL');
    await two.kill('SIGKILL');
    if (dockerMissing === undefined) await docker.must('rm', '--force', 'd2');
    await startOne();
    await two.start(IN_OUR_MOUNTS);
    await until('the instances of before', async () => {
      return (await addresses()).join() === before.join();
    });
    await requireReach();
    const { stdout } = await one.exec('ip', '-o', 'link');
    assert.doesNotMatch(stdout, /^\d+: p6n-/m, 'no interface is left');
    if (!needsDocker(t)) return;
    // The network is remembered, too.
    const words = docker.runWords('web', '--rm');
    await requireNames(await docker.must(...words, 'sh', '-c', `${FIRST_QUESTIONS}; ${LOOK}`));
  });

  test('a container that was connected anew is in one network, and outlives p6nd', async (t) => {
    if (!needsDocker(t)) return;
    const before = await addresses();
    await docker.must(...docker.runWords('web', '-d', '--name', 'd4'), ...SERVE);
    await docker.must('network', 'disconnect', 'web', 'd4');
    await docker.must('network', 'connect', 'web', 'd4');
    const second = await docker.ask('network', 'connect', 'shop', 'd4');
    assert.match(second.stderr, /the container is an instance of app "web" in network "blue"/);
    // Mostly before p6nd has seen where Docker has moved the interface, and then after.
    for (const _ of ['at once', 'later']) {
      await one.kill('SIGKILL');
      await startOne();
      await requireReach();
      const { stdout } = await docker.ask('exec', 'd4', 'ip', '-o', 'link');
      assert.equal(stdout.split('\n').filter((line) => line.includes(' p6n')).length, 1, stdout);
    }
    await docker.must('rm', '--force', 'd4');
    await until('its end', async () => (await addresses()).join() === before.join());
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`containers of Docker come back after a ${signal} of dockerd`, async (t) => {
      if (!needsDocker(t)) return;
      const before = await addresses();
      await docker.stop(signal);
      assert.equal(await docker.start(), undefined);
      const running = until('d1 to run', async () => {
        const { stdout } = await docker.ask('inspect', '-f', '{{.State.Running}}', 'd1');
        return stdout.trim() === 'true' && (await addresses()).length === before.length;
      });
      await running.catch(async (error: unknown) => {
        t.diagnostic((await docker.ask('inspect', '-f', '{{json .State}}', 'd1')).stdout);
        t.diagnostic(`${before.join()} before, ${(await addresses()).join()} after`);
        throw error;
      });
      await requireSameNames();
      await requireReach();
    });
  }

  test('a container of podman comes back when it is started again', async (t) => {
    if (!needsPodman(t)) return;
    const before = await addresses();
    await podman.must('stop', '--time', '0', 'p1');
    await until('its name to go', async () => (await addresses()).length === before.length - 1);
    await podman.must('start', 'p1');
    await until('its name to come', async () => (await addresses()).length === before.length);
    await requireSameNames();
    await requireReach();
  });
});

async function podmanProblem(podman: Podman): Promise<string | undefined> {
  const { code, stderr } = await podman.ask(...podman.runWords('none', '--rm'), 'sleep', '0');
  return code === 0 ? undefined : stderr.trim().slice(-500);
}

function fetch(address: string): string {
  return `fetch ${address}`;
}

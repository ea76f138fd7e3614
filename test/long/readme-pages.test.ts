// The pages of the README, done as they stand there by somebody who has nothing but the README: on
// machines with their own network, folders and names, in a copy of this project. A line that starts
// p6nd has a terminal of its own; a comment behind a line says on which machine it is meant.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { must, type Outcome, run, Site, SKIP_REASON, until } from '../e2e/site.ts';
import { ROOT, readText } from '../house/tree.ts';
import { buildImage, isInstalled, unmountAll } from './container-engines.ts';

const PAGES = sections(readText('README.md'));
/** Where a machine has files of its own; elsewhere it sees those of this one. */
const OWN_FOLDERS = ['/run', '/opt', '/var/lib/p6n', '/var/lib/docker', '/var/lib/containers'];
/** Engines as they are set up for a machine without an init, and without CAP_SYS_RESOURCE. */
const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;
const RESOLVCONF = '#!/bin/sh\n[ "$1" = -a ] && cat > /etc/resolv.conf\nexit 0\n';

/** The lines of all shell blocks of a page, by the page's title. */
function sections(text: string): ReadonlyMap<string, readonly string[]> {
  const pages = new Map<string, readonly string[]>();
  for (const section of text.split(/^## /m).slice(1)) {
    const title = section.split('\n', 1)[0] ?? '';
    const blocks = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
    pages.set(title, blocks.join('').split('\n').filter(Boolean));
  }
  return pages;
}

function page(title: string): readonly string[] {
  const lines = [...PAGES].find(([one]) => one.startsWith(title))?.[1] ?? [];
  assert.ok(lines.length > 0, `README has a page "${title}" with commands`);
  return lines;
}

/** A machine: network and mount namespaces that a process holds. */
class Machine {
  readonly folder: string;
  readonly #namespace: string;
  readonly #path: string;
  #keeper: ChildProcess | undefined;
  #daemon: ChildProcess | undefined;

  constructor(namespace: string, folder: string, path: string) {
    this.#namespace = namespace;
    this.folder = folder;
    this.#path = path;
    mkdirSync(folder);
  }

  async boot(hosts: string): Promise<void> {
    const etc = `lowerdir=/etc,upperdir=${this.folder}/etc,workdir=${this.folder}/work`;
    const script = [
      `mount -t tmpfs -o mode=755 machine ${this.folder}`,
      `mkdir ${this.folder}/etc ${this.folder}/work`,
      `mount -t overlay -o ${etc} machine /etc`,
      ...OWN_FOLDERS.map((one) => `mkdir -p ${one} && mount -t tmpfs -o mode=755 machine ${one}`),
      `printf '%s' "$1" > /etc/hosts`,
      'echo nameserver 192.0.2.254 > /etc/resolv.conf',
      `mkdir -p /etc/containers && printf '%s' "$2" > /etc/containers/containers.conf`,
      `mkdir ${this.folder}/bin && printf '%s' "$3" > ${this.folder}/bin/resolvconf`,
      `chmod 755 ${this.folder}/bin/resolvconf && echo booted && exec sleep infinity`,
    ].join(' && ');
    const net = `--net=/run/netns/${this.#namespace}`;
    const words = [net, 'unshare', '-m', '--propagation', 'private'];
    const contents = ['-', hosts, CONTAINERS_CONF, RESOLVCONF];
    const keeper = spawn('nsenter', [...words, 'sh', '-c', script, ...contents], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#keeper = keeper;
    await new Promise((resolve, reject) => {
      keeper.stdout?.once('data', resolve);
      keeper.once('exit', () => reject(new Error('the machine does not boot')));
    });
  }

  /** A line as root types it, in the machine's own folder. */
  type(line: string): Promise<Outcome> {
    return run('nsenter', ...this.#inside, 'sh', '-c', `cd ${this.folder}; ${line}`);
  }

  async mustType(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.type(line);
    assert.equal(code, 0, `${line}: ${stderr}${stdout}`);
    return stdout;
  }

  /** A line that stays in the foreground, in a terminal of its own. */
  spawn(line: string): ChildProcess {
    return spawn('nsenter', [...this.#inside, 'sh', '-c', `cd ${this.folder}; exec ${line}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /** p6nd in place of the one before; resolves when p6nctl finds it. */
  async startDaemon(line: string): Promise<void> {
    await this.stopDaemon();
    this.#daemon = this.spawn(line);
    await until('p6nd', async () => (await this.type('p6nctl status')).code === 0);
  }

  async stopDaemon(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    const gone = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill();
    await gone;
    this.#daemon = undefined;
  }

  /** What this machine has in a file of its folder. */
  async read(name: string): Promise<string> {
    return await this.mustType(`cat ${name}`);
  }

  async halt(): Promise<void> {
    if (this.#daemon !== undefined) await this.type('p6nctl host reset');
    await this.stopDaemon();
    this.#keeper?.kill('SIGKILL');
  }

  get #inside(): string[] {
    const path = `PATH=${this.folder}/bin:${this.#path}`;
    const userspace = 'WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go';
    const target = [`--target=${this.#keeper?.pid}`, '--net', '--mount'];
    return [...target, 'env', path, userspace];
  }
}

describe('the pages of the README', { skip: SKIP_REASON, timeout: 900_000 }, () => {
  let site: Site;
  let one: Machine;
  let two: Machine;
  let laptop: Machine;
  let image: string;

  /** Types the lines of a page where they are meant; the file of a line before comes along. */
  async function follow(lines: readonly string[], first: Machine, second = first): Promise<string> {
    let said = '';
    let file = '';
    for (const text of lines) {
      const [line = '', where = ''] = text.split(/\s+# /);
      const isSecond = /new host|laptop/.test(where);
      const machine = isSecond ? second : first;
      if (/with the file/.test(where)) {
        const content = Buffer.from(await first.read(file)).toString('base64');
        await machine.mustType(`umask 077; echo ${content} | base64 -d > ${file}`);
      }
      if (line.startsWith('p6nd ')) await machine.startDaemon(line);
      else said += await machine.mustType(line);
      file = /> (\S+)$/.exec(line.trim())?.[1] ?? file;
    }
    return said;
  }

  before(async () => {
    site = await Site.create();
    image = await buildImage(site);
    const copy = join(site.folder, 'p6n');
    mkdirSync(copy);
    const build = page('First network').slice(0, 2);
    await must(
      'sh',
      '-c',
      `cd ${ROOT} && git ls-files -z | tar --null -T - -c | tar -C ${copy} -x`,
    );
    const words = ['-e', '-c', `cd ${copy}; ${build.join('\n')}\nprintf '%s' "$PATH"`];
    const { status, stdout, stderr } = spawnSync('sh', words, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const path = stdout.split('\n').at(-1) ?? '';
    assert.ok(path.startsWith(`${copy}/bin:`), path);
    const names: string[] = [];
    const machines: Machine[] = [];
    for (const name of ['one', 'two', 'laptop']) {
      const host = await site.addHost(name);
      names.push(`${host.underlay} ${name}.example.net ${name}`);
      machines.push(new Machine(host.namespace, join(site.folder, `machine-${name}`), path));
    }
    [one, two, laptop] = machines as [Machine, Machine, Machine];
    for (const machine of machines)
      await machine.boot(`127.0.0.1 localhost\n${names.join('\n')}\n`);
  });
  after(async () => {
    for (const machine of [laptop, two, one]) await machine?.halt();
    await unmountAll(site);
    await site?.remove();
  });

  test('First network in five minutes', async () => {
    const said = await follow(page('First network').slice(2), one);
    assert.match(said, /Directory listing/);
    assert.match(said, /runs for/);
  });

  test('A second host', async () => {
    const said = await follow(page('A second host'), one, two);
    assert.match(said, /^two +fra +.*$/m);
    const seen = await two.mustType(
      'p6nctl instances run --rm --app client -- curl -s web.internal',
    );
    assert.match(seen, /Directory listing/);
  });

  test('My laptop', async () => {
    const lines = page('My laptop');
    const removal = lines.findIndex((line) => line.includes('remove'));
    const onLaptop = lines.findIndex((line) => line.startsWith('curl'));
    await follow(lines.slice(0, onLaptop), one, laptop);
    assert.match(await laptop.mustType(lines[onLaptop] ?? ''), /Directory listing/);
    assert.match(await follow(lines.slice(onLaptop + 1, removal), one), /anna/);
    await follow(lines.slice(removal), one);
    assert.notEqual((await laptop.type('curl -sm 3 http://web.internal/')).code, 0);
    await laptop.type('wg-quick down ./anna.conf');
  });

  test('With Docker', async (context) => {
    if (!isInstalled('dockerd')) return context.skip('no dockerd here');
    const [start = '', ...lines] = page('With Docker');
    await one.startDaemon(start.split(/\s+# /)[0] ?? '');
    const flags = '--bridge=none --iptables=false --ip6tables=false';
    const docker = one.spawn(`dockerd ${flags} > dockerd.log 2>&1`);
    let ended = false;
    docker.once('exit', () => {
      ended = true;
    });
    await until('dockerd', async () => ended || (await one.type('docker version')).code === 0);
    if (ended) return context.skip(`dockerd cannot start: ${await one.read('dockerd.log')}`);
    const command = `-c 'CMD ["httpd", "-f", "-p", "80", "-h", "/www"]'`;
    await one.mustType(`tar -C ${image} -c . | docker import ${command} - nginx`);
    await follow(lines, one);
    await answers('page', one);
    await one.mustType('docker rm -f $(docker ps -q); docker network rm web');
    docker.kill();
    await new Promise((resolve) => docker.once('exit', resolve));
  });

  test('With podman', async (context) => {
    if (!isInstalled('podman')) return context.skip('no podman here');
    const change = `-c 'CMD ["httpd", "-f", "-p", "80", "-h", "/www"]'`;
    const name = 'docker.io/library/nginx';
    const loaded = await two.type(`tar -C ${image} -c . | podman import ${change} - ${name}`);
    if (loaded.code !== 0) return context.skip(`podman cannot start: ${loaded.stderr}`);
    await follow(page('With podman').slice(0, 3), two);
    await answers('page', two);
    await two.mustType('podman rm -fat 0');
  });

  /** Programs prefer the nearest: an instance of `web` on that machine answers with `text`. */
  async function answers(text: string, machine: Machine): Promise<void> {
    const ask = 'p6nctl instances run --rm --app client -- curl -sm 5 http://web.internal/';
    await until(`an answer of ${text}`, async () =>
      (await machine.type(ask)).stdout.includes(text),
    );
  }
});

// Real Docker and podman for the tests: each host has its own of both, with everything of theirs in
// the folder of the site, and one image made here of busybox and two programs that resolve names.

import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { buildLookups } from '../e2e/resolver-programs.ts';
import { must, type Outcome, run, type Site, type SiteHost, until } from '../e2e/site.ts';

const APPLETS = ['sh', 'cat', 'sort', 'httpd', 'ip', 'sleep'] as const;
const PROGRAMS = ['glibc-lookup', 'musl-lookup', 'fetch'] as const;
/** Prints the page at port 80 of a name or address, once; 1 for none. */
const FETCH_C = `#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words) {
  struct addrinfo hints, *found;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(words[1], "80", &hints, &found) != 0) return 1;
  int server = socket(AF_INET6, SOCK_STREAM, 0);
  alarm(10);
  if (connect(server, found->ai_addr, found->ai_addrlen) != 0) return 1;
  if (write(server, "GET / HTTP/1.0\\r\\n\\r\\n", 18) != 18) return 1;
  char answer[65536];
  size_t length = 0;
  ssize_t got;
  while ((got = read(server, answer + length, sizeof answer - 1 - length)) > 0) length += got;
  answer[length] = 0;
  char *page = strstr(answer, "\\r\\n\\r\\n");
  if (page == NULL) return 1;
  fputs(page + 4, stdout);
  return 0;
}
`;
const IMAGE = 'box';
/** Without CAP_SYS_RESOURCE nobody may raise limits, which engines do unless they are named. */
const LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];

/** Where p6nd must be to see the namespaces that engines mount. */
export const IN_OUR_MOUNTS: { readonly wrap: readonly string[] } = {
  wrap: ['nsenter', `--mount=/proc/${process.pid}/ns/mnt`],
};

/** The root folder of an image, for all engines. */
export async function buildImage(site: Site): Promise<string> {
  const image = join(site.folder, 'image');
  const bin = join(image, 'bin');
  for (const folder of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'www']) {
    mkdirSync(join(image, folder), { recursive: true });
  }
  copyFileSync((await must('sh', '-c', 'command -v busybox')).trim(), join(bin, 'busybox'));
  writeFileSync(join(image, 'www/index.html'), 'page');
  for (const applet of APPLETS) symlinkSync('busybox', join(bin, applet));
  await buildLookups(site.folder, '-static');
  writeFileSync(join(site.folder, 'fetch.c'), FETCH_C);
  await must('musl-gcc', '-static', '-o', join(site.folder, 'fetch'), join(site.folder, 'fetch.c'));
  for (const program of PROGRAMS) copyFileSync(join(site.folder, program), join(bin, program));
  return image;
}

/** dockerd in the network namespace of a host. */
export class Docker {
  /** Where Docker looks for a driver of the name `driver`, machine-wide. */
  readonly pluginSocket: string;
  readonly driver: string;
  readonly folder: string;
  readonly #host: SiteHost;
  #daemon: ChildProcess | undefined;

  constructor(site: Site, host: SiteHost) {
    this.#host = host;
    this.folder = join(site.folder, `docker-${host.name}`);
    this.driver = `p6n-${process.pid}-${host.name}`;
    this.pluginSocket = `/run/docker/plugins/${this.driver}.sock`;
    mkdirSync(this.folder);
  }

  /** Why Docker cannot start here, or undefined when it runs. */
  async start(): Promise<string | undefined> {
    const at = (name: string): string => join(this.folder, name);
    const log = openSync(at('log'), 'a');
    const daemon = spawn(
      'nsenter',
      [
        `--net=/run/netns/${this.#host.namespace}`,
        'dockerd',
        ...['-H', `unix://${at('sock')}`, '--data-root', at('data'), '--exec-root', at('exec')],
        ...['--pidfile', at('pid'), '--bridge=none', '--iptables=false', '--ip6tables=false'],
      ],
      { stdio: ['ignore', log, log] },
    );
    this.#daemon = daemon;
    let failure: string | undefined;
    daemon.once('error', (error) => {
      failure = error.message;
    });
    daemon.once('exit', (code) => {
      failure ??= `dockerd ended with ${code}: ${readFileSync(at('log'), 'utf8').slice(-500)}`;
    });
    await until(
      'dockerd',
      async () => failure !== undefined || (await this.ask('version')).code === 0,
    );
    return failure;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const pidFile = join(this.folder, 'exec/containerd/containerd.pid');
    const containerd = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
    const gone = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill(signal);
    await gone;
    // Its containerd goes along, a moment later: until then it holds the socket of the next one.
    await until('the end of containerd', async () => !isAlive(containerd));
    // Where nobody reaps orphans, Docker would take the dead for living.
    rmSync(pidFile, { force: true });
  }

  ask(...words: string[]): Promise<Outcome> {
    return run('docker', '-H', `unix://${join(this.folder, 'sock')}`, ...words);
  }

  must(...words: string[]): Promise<string> {
    return must('docker', '-H', `unix://${join(this.folder, 'sock')}`, ...words);
  }

  async importImage(image: string): Promise<void> {
    const address = join(this.folder, 'sock');
    const pipe = `tar -C ${image} -c . | docker -H unix://${address} import - ${IMAGE}`;
    await must('sh', '-c', pipe);
  }

  /** Words of `docker run` up to the image. */
  runWords(network: string, ...options: string[]): string[] {
    return ['run', '--network', network, ...options, IMAGE];
  }
}

/** podman with networks of CNI, in the network namespace of a host. */
export class Podman {
  readonly networks: string;
  readonly #image: string;
  readonly #host: SiteHost;
  readonly #words: readonly string[];
  readonly #configuration: string;

  constructor(site: Site, host: SiteHost, image: string) {
    const folder = join(site.folder, `podman-${host.name}`);
    const at = (name: string): string => join(folder, name);
    this.#host = host;
    this.#image = image;
    this.networks = at('networks');
    this.#configuration = at('containers.conf');
    mkdirSync(this.networks, { recursive: true });
    const plugins = JSON.stringify([at('plugins'), '/usr/lib/cni', '/opt/cni/bin']);
    writeFileSync(this.#configuration, `[network]\ncni_plugin_dirs = ${plugins}\n`);
    this.#words = [
      ...['--runtime', 'runc', '--root', at('root'), '--runroot', at('run')],
      ...['--tmpdir', at('tmp'), '--network-config-dir', this.networks],
      ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
    ];
  }

  /** Makes a network of p6n alone, or adds p6n to one. */
  async install(name: string, ...options: string[]): Promise<void> {
    const bin = join(this.networks, '../plugins');
    const words = ['--conf-dir', this.networks, '--bin-dir', bin, ...options];
    await this.#host.must('cni', 'install', name, ...words);
  }

  /** A network of the plugins that come with CNI. */
  addBridge(name: string, subnet: string): void {
    const ipam = { type: 'host-local', ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] };
    const bridge = { type: 'bridge', bridge: 'cni-p6n', isGateway: true, ipam };
    const list = { cniVersion: '0.4.0', name, plugins: [bridge] };
    writeFileSync(join(this.networks, `50-${name}.conflist`), JSON.stringify(list));
  }

  ask(...words: string[]): Promise<Outcome> {
    const inside = ['nsenter', `--net=/run/netns/${this.#host.namespace}`, 'podman'];
    return run(
      'env',
      `CONTAINERS_CONF=${this.#configuration}`,
      ...inside,
      ...this.#words,
      ...words,
    );
  }

  async must(...words: string[]): Promise<string> {
    const { code, stderr, stdout } = await this.ask(...words);
    if (code === 0) return stdout;
    throw new Error(`podman ${words.join(' ')}: ${stderr}`);
  }

  /** Words of `podman run` up to the command. */
  runWords(network: string, ...options: string[]): string[] {
    return ['run', ...LIMITS, '--network', network, ...options, '--rootfs', this.#image];
  }
}

/** Neither gone nor dead and waiting for its parent. */
function isAlive(pid: number): boolean {
  if (pid === 0 || !existsSync(`/proc/${pid}/stat`)) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Unmounts what engines have left in the site's folder. */
export async function unmountAll(site: Site): Promise<void> {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${site.folder}/`));
  for (const point of points.reverse()) await run('umount', '--lazy', point);
}

export function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

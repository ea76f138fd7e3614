// A site of real hosts for the end-to-end tests: network namespaces on one bridge, a p6nd process
// in each, p6nctl to speak to them. Everything has names of this process alone and is removed at
// the end of the test.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '../../src/api/client.ts';
import type { HostView } from '../../src/api/contract/hosts.ts';
import { p6nctl } from './p6nctl.ts';

const BIN = fileURLToPath(new URL('../../../bin/', import.meta.url));
export const P6ND: string = join(BIN, 'p6nd');
export const P6NCTL: string = join(BIN, 'p6nctl');
/** Condition loops look this often, and give up after this long: far more than anything takes. */
const POLL_MS = 50;
const AWAIT_TIMEOUT_MS = 60_000;

/** Why end-to-end tests cannot run here; undefined where they can. */
export const SKIP_REASON: string | false =
  process.geteuid?.() === 0 ? false : 'needs root for namespaces and TUN devices';

export interface LaunchOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** What p6nd reads on its standard input. */
  readonly input?: string;
  /** A program and its words by way of which p6nd is started. */
  readonly wrap?: readonly string[];
  /** Another state folder than the host's own. */
  readonly stateDir?: string;
  /** Where the host says that it is reached, instead of its address. */
  readonly endpoint?: string;
}

/** How a program has ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let sites = 0;

export class Site {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'p6n-e2e-'));
  readonly hosts: SiteHost[] = [];
  readonly #prefix: string;
  readonly #namespaces: string[] = [];

  private constructor() {
    sites += 1;
    this.#prefix = `p6n-${process.pid}-${sites}`;
  }

  /** A bridge without hosts; removed when the test of `context` ends, else by remove(). */
  static async create(context?: TestContext): Promise<Site> {
    const site = new Site();
    context?.after(() => site.remove());
    const lan = await site.#addNamespace('lan');
    await must('ip', '-n', lan, 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0');
    await must('ip', '-n', lan, 'link', 'set', 'br0', 'up');
    return site;
  }

  /** A founding server and `count - 1` hosts that have joined. */
  static async running(count: number, context?: TestContext): Promise<Site> {
    const site = await Site.create(context);
    const server = await site.addHost('one');
    await server.start('--region', 'ams');
    for (let n = 1; n < count; n += 1) {
      const host = await site.addHost(['two', 'three', 'four', 'five'][n - 1] ?? `host-${n}`);
      await host.join(server, '--region', 'fra');
    }
    return site;
  }

  /** A namespace on the bridge: 192.0.2.N and 2001:db8::N on `eth0`, with nothing running in it. */
  async addHost(name: string): Promise<SiteHost> {
    const number = this.hosts.length + 1;
    const namespace = await this.#addNamespace(name);
    const lan = this.#namespaces[0] as string;
    const port = `port${number}`;
    const host = new SiteHost(this, name, number, namespace);
    this.hosts.push(host);
    const veth = ['link', 'add', 'eth0', 'netns', namespace, 'type', 'veth', 'peer', 'name', port];
    await must('ip', ...veth, 'netns', lan);
    await must('ip', '-n', lan, 'link', 'set', port, 'master', 'br0', 'up');
    await must('ip', '-n', namespace, 'address', 'add', `${host.underlay}/24`, 'dev', 'eth0');
    const six = `2001:db8::${number}/64`;
    await must('ip', '-n', namespace, 'address', 'add', six, 'dev', 'eth0', 'nodad');
    await must('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
    return host;
  }

  /**
   * A host behind a router of its own that translates addresses and lets nothing in but answers:
   * it has a private address alone, and tells of no endpoint.
   */
  async addHiddenHost(name: string): Promise<SiteHost> {
    const router = (await this.addHost(`nat-${name}`)).namespace;
    const namespace = await this.#addNamespace(name);
    const host = new SiteHost(this, name, this.hosts.length + 1, namespace, { hidden: true });
    this.hosts.push(host);
    const veth = ['link', 'add', 'eth0', 'netns', namespace, 'type', 'veth', 'peer', 'name', 'in0'];
    await must('ip', ...veth, 'netns', router);
    await must('ip', '-n', router, 'address', 'add', '10.0.0.1/24', 'dev', 'in0');
    await must('ip', '-n', router, 'link', 'set', 'in0', 'up');
    await must('ip', '-n', namespace, 'address', 'add', '10.0.0.2/24', 'dev', 'eth0');
    await must('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
    await must('ip', '-n', namespace, 'route', 'add', 'default', 'via', '10.0.0.1');
    const inside = ['ip', 'netns', 'exec', router] as const;
    await must(...inside, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    const table = [...inside, 'iptables', '-w', '-A'] as const;
    await must(
      ...inside,
      'iptables',
      '-w',
      '-t',
      'nat',
      '-A',
      'POSTROUTING',
      '-o',
      'eth0',
      '-j',
      'MASQUERADE',
    );
    const answers = ['-m', 'conntrack', '--ctstate', 'ESTABLISHED,RELATED', '-j', 'ACCEPT'];
    for (const chain of ['INPUT', 'FORWARD']) {
      await must(...table, chain, '-i', 'eth0', ...answers);
      await must(...table, chain, '-i', 'eth0', '-j', 'DROP');
    }
    return host;
  }

  async #addNamespace(name: string): Promise<string> {
    const namespace = `${this.#prefix}-${name}`;
    await must('ip', 'netns', 'add', namespace);
    this.#namespaces.push(namespace);
    await must('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    return namespace;
  }

  /** Ends everything that runs in the site and leaves nothing of it. */
  async remove(): Promise<void> {
    for (const host of this.hosts) await host.kill();
    // Supervisors name their state folder, which is of this site alone; commands are their
    // children.
    const { stdout } = await run('pgrep', '-f', `${this.folder}/`);
    for (const pid of stdout.split('\n').filter(Boolean)) await run('pkill', '-KILL', '-P', pid);
    await run('pkill', '-KILL', '-f', `${this.folder}/`);
    for (const namespace of this.#namespaces) await run('ip', 'netns', 'del', namespace);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class SiteHost {
  readonly name: string;
  readonly namespace: string;
  readonly underlay: string;
  readonly stateDir: string;
  readonly socket: string;
  readonly #site: Site;
  readonly #hidden: boolean;
  readonly #logFile: string;
  #daemon: ChildProcess | undefined;

  constructor(
    site: Site,
    name: string,
    number: number,
    namespace: string,
    { hidden = false }: { readonly hidden?: boolean } = {},
  ) {
    this.#site = site;
    this.#hidden = hidden;
    this.name = name;
    this.namespace = namespace;
    this.underlay = `192.0.2.${number}`;
    this.stateDir = join(site.folder, name);
    this.socket = join(site.folder, `${name}.sock`);
    this.#logFile = join(site.folder, `${name}.log`);
  }

  /** The API of this host's p6nd. */
  get client(): ApiClient {
    return new ApiClient({ target: { kind: 'socket', path: this.socket } });
  }

  /** Everything that p6nd has logged. */
  get log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  get pid(): number | undefined {
    return this.#daemon?.pid;
  }

  /** Starts p6nd and waits until it answers. */
  async start(...words: readonly (string | LaunchOptions)[]): Promise<void> {
    const flags = words.filter((word) => typeof word === 'string');
    const exited = this.launch(
      flags,
      words.find((word) => typeof word === 'object'),
    );
    const answered = until(`p6nd on ${this.name}`, () => this.answers());
    const code = await Promise.race([answered, exited]);
    assert.equal(code, undefined, `p6nd on ${this.name} ended with ${code}: ${this.log}`);
  }

  /** Whether p6nd answers. */
  answers(): Promise<boolean> {
    const yes = (): boolean => true;
    return this.client.host.status().then(yes, () => false);
  }

  /** Starts p6nd and resolves with its exit code when it has ended. */
  launch(flags: readonly string[], options: LaunchOptions = {}): Promise<number> {
    const words = ['netns', 'exec', this.namespace, ...(options.wrap ?? []), P6ND];
    words.push('--state-dir', options.stateDir ?? this.stateDir, '--socket', this.socket);
    const { endpoint = `${this.underlay}:51820` } = options;
    if (!this.#hidden) words.push('--endpoint', endpoint);
    words.push('--name', this.name, ...flags);
    const log = openSync(this.#logFile, 'a');
    const daemon = spawn('ip', words, {
      stdio: ['pipe', 'ignore', log],
      env: { ...process.env, ...options.environment },
    });
    daemon.stdin?.end(options.input ?? '');
    closeSync(log);
    this.#daemon = daemon;
    return new Promise((resolve) => {
      daemon.once('close', (code, signal) => {
        if (this.#daemon === daemon) this.#daemon = undefined;
        resolve(code ?? (signal === null ? 0 : 128));
      });
    });
  }

  /** Has `server` make an invite and joins with it. */
  async join(server: SiteHost, ...flags: readonly string[]): Promise<void> {
    const file = await server.invite();
    await this.start('--join', file, ...flags);
  }

  /** The path of a file with a fresh invite's token. */
  async invite(...flags: readonly string[]): Promise<string> {
    const { stdout } = await this.must('hosts', 'invite', ...flags);
    const file = join(this.#site.folder, `invite-${Math.random().toString(36).slice(2)}`);
    writeFileSync(file, stdout, { mode: 0o600 });
    return file;
  }

  /** Ends p6nd by a signal and waits until it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    const gone = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill(signal);
    await gone;
  }

  /** p6nctl on this host. */
  ctl(...words: readonly string[]): Promise<Outcome> {
    // What gives its terminal to a program is a process of its own, or nobody hears the program.
    const isExec = words[0] === 'instances' && words[1] === 'exec';
    if (isExec) return run(P6NCTL, '--socket', this.socket, ...words);
    return p6nctl(this.socket, words);
  }

  /** p6nctl that must succeed. */
  async must(...words: readonly string[]): Promise<Outcome> {
    const outcome = await this.ctl(...words);
    assert.equal(outcome.code, 0, `p6nctl ${words.join(' ')}: ${outcome.stderr}${outcome.stdout}`);
    return outcome;
  }

  /** p6nctl --json that must succeed. */
  async json<T>(...words: readonly string[]): Promise<T> {
    return JSON.parse((await this.must('--json', ...words)).stdout) as T;
  }

  /** A program in this host's network namespace. */
  exec(...words: readonly string[]): Promise<Outcome> {
    return run('ip', 'netns', 'exec', this.namespace, ...words);
  }
}

/** What the registry holds of a host, without what differs from moment to moment. */
export function hostRecord(host: HostView): Partial<HostView> {
  const { last_seen_at, liveness, path, observed_endpoints, ...record } = host;
  return record;
}

/** Runs a program to its end. */
export function run(program: string, ...words: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, words, { maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : 128;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Runs a program that must succeed; resolves with what it wrote. */
export async function must(program: string, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, ...words);
  assert.equal(code, 0, `${program} ${words.join(' ')}: ${stderr}`);
  return stdout;
}

/** Waits until `condition` holds; fails with `what` when it does not within `limitMs`. */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  limitMs: number = AWAIT_TIMEOUT_MS,
): Promise<undefined> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return undefined;
}

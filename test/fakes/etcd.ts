// A real etcd for tests: one to several members on loopback, with their data in a folder under
// /tmp. Members can be killed, frozen and started again.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 50;

/** Why tests with etcd cannot run here; undefined when they can. */
export const ETCD_MISSING: string | undefined =
  spawnSync('etcd', ['--version']).status === 0
    ? undefined
    : 'etcd is not installed (Debian: etcd-server)';

export interface EtcdClusterOptions {
  readonly members?: number;
  /** More flags for every member. */
  readonly flags?: readonly string[];
  /** The words before the program, as in `ip netns exec NAME`, for each member. */
  readonly prefixes?: readonly (readonly string[])[];
  /** The address of each member; loopback where absent. */
  readonly addresses?: readonly string[];
  /** TLS with client certificates, for servers of p6n; files, PEM. */
  readonly tls?: { readonly ca: string; readonly certificate: string; readonly key: string };
  /** Milliseconds; the election takes ten times that. */
  readonly heartbeatMs?: number;
}

interface Member {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly endpoint: string;
  readonly prefix: readonly string[];
  process: ChildProcess | undefined;
}

export class EtcdCluster {
  readonly folder: string;
  readonly #members: readonly Member[];
  readonly #flags: readonly string[];
  readonly #controlFlags: readonly string[];

  private constructor(
    folder: string,
    members: readonly Member[],
    { flags = [], heartbeatMs = 100, tls }: EtcdClusterOptions,
  ) {
    this.folder = folder;
    this.#members = members;
    const timing = [
      `--heartbeat-interval=${heartbeatMs}`,
      `--election-timeout=${10 * heartbeatMs}`,
    ];
    const { ca, certificate, key } = tls ?? {};
    const files = [`--cert-file=${certificate}`, `--key-file=${key}`, `--trusted-ca-file=${ca}`];
    const secure = tls === undefined ? [] : ['--client-cert-auth', ...files];
    this.#flags = [...timing, ...secure, ...flags];
    this.#controlFlags =
      tls === undefined ? [] : [`--cacert=${ca}`, `--cert=${certificate}`, `--key=${key}`];
  }

  static async start(options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
    const { members: count = 1 } = options;
    const folder = await mkdtemp(join(tmpdir(), 'p6n-etcd-'));
    const members: Member[] = [];
    for (let number = 0; number < count; number++) {
      const address = options.addresses?.[number];
      const host = address ?? '127.0.0.1';
      const [client, peer] = address === undefined ? await freePorts() : [2379, 2380];
      members.push({
        name: `m${number}`,
        clientUrl: `${options.tls === undefined ? 'http' : 'https'}://${host}:${client}`,
        peerUrl: `http://${host}:${peer}`,
        endpoint: `${host}:${client}`,
        prefix: options.prefixes?.[number] ?? [],
        process: undefined,
      });
    }
    const cluster = new EtcdCluster(folder, members, options);
    for (let number = 0; number < count; number++) cluster.startMember(number);
    await cluster.ready();
    return cluster;
  }

  get size(): number {
    return this.#members.length;
  }

  get endpoints(): readonly string[] {
    return this.#members.map(({ endpoint }) => endpoint);
  }

  /** What a snapshot of a cluster of one is restored with. */
  get peers(): { readonly initial: string; readonly peer: string } {
    const { name, peerUrl } = this.#member(0);
    return { initial: `${name}=${peerUrl}`, peer: peerUrl };
  }

  startMember(number: number, flags: readonly string[] = []): void {
    const member = this.#member(number);
    assert.equal(member.process, undefined);
    const cluster = this.#members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join();
    const log = openSync(join(this.folder, `${member.name}.log`), 'a');
    const words = [
      ...member.prefix,
      'etcd',
      `--name=${member.name}`,
      `--data-dir=${this.dataFolder(number)}`,
      `--listen-client-urls=${member.clientUrl}`,
      `--advertise-client-urls=${member.clientUrl}`,
      `--listen-peer-urls=${member.peerUrl}`,
      `--initial-advertise-peer-urls=${member.peerUrl}`,
      `--initial-cluster=${cluster}`,
      '--logger=zap',
      '--log-level=warn',
      ...this.#flags,
      ...flags,
    ];
    member.process = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', log, log] });
    closeSync(log);
  }

  dataFolder(number: number): string {
    return join(this.folder, `${this.#member(number).name}.etcd`);
  }

  async killMember(number: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const member = this.#member(number);
    const { process } = member;
    if (process === undefined) return;
    member.process = undefined;
    if (process.exitCode !== null || process.signalCode !== null) return;
    const exited = once(process, 'exit');
    process.kill(signal);
    await exited;
  }

  /** Stops a member where it is (SIGSTOP), or lets it go on (SIGCONT). */
  freeze(number: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#member(number).process?.kill(signal);
  }

  /** Resolves when the members that run serve together. */
  async ready(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (const [number, { process }] of this.#members.entries()) {
      if (process === undefined) continue;
      while (this.control(number, 'endpoint', 'health').status !== 0) {
        assert.ok(Date.now() < deadline, `etcd does not start: ${await this.log(number)}`);
        assert.equal(process.exitCode, null, `etcd ended: ${await this.log(number)}`);
        await delay(POLL_MS);
      }
    }
  }

  /** The number of the member that leads. */
  leader(): number {
    const running = this.#members.flatMap(({ process, endpoint }) =>
      process === undefined ? [] : [endpoint],
    );
    const { stdout } = this.#control(running, ['endpoint', 'status', '-w', 'json']);
    type Status = { Endpoint: string; Status: { leader: number; header: { member_id: number } } };
    const all = JSON.parse(stdout) as Status[];
    const leader = all.find(({ Status: { leader, header } }) => leader === header.member_id);
    assert.ok(leader, 'etcd has no leader');
    return this.#members.findIndex(({ endpoint }) => endpoint === leader.Endpoint);
  }

  /** Runs etcdctl on one member. */
  control(number: number, ...words: readonly string[]): { status: number | null; stdout: string } {
    return this.#control([this.#member(number).endpoint], words);
  }

  async log(number: number): Promise<string> {
    return await readFile(join(this.folder, `${this.#member(number).name}.log`), 'utf8');
  }

  async stop(): Promise<void> {
    for (const number of this.#members.keys()) {
      this.freeze(number, 'SIGCONT');
      await this.killMember(number);
    }
    await rm(this.folder, { recursive: true });
  }

  #control(
    endpoints: readonly string[],
    words: readonly string[],
  ): { status: number | null; stdout: string } {
    const prefix = this.#members[0]?.prefix ?? [];
    const flags = [`--endpoints=${endpoints.join()}`, ...this.#controlFlags];
    const all = [...prefix, 'etcdctl', ...flags, ...words];
    return spawnSync(all[0] ?? '', all.slice(1), {
      encoding: 'utf8',
      env: { ...process.env, ETCDCTL_API: '3' },
      timeout: READY_TIMEOUT_MS,
    });
  }

  #member(number: number): Member {
    const member = this.#members[number];
    assert.ok(member, `there is no member ${number}`);
    return member;
  }
}

async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as { port: number }).port);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return [ports[0] ?? 0, ports[1] ?? 0];
}

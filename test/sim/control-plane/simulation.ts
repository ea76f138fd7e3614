// A control plane with many followers: a server in a process of its own, followers in several
// others, and the questions that the tests and the figures are about.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdCluster } from '../../fakes/etcd.ts';
import type { FollowersOperations, FollowersState } from './followers.ts';
import type { NetworkDigest, SimulatedHost, SiteSize } from './layout.ts';
import { Remote } from './remote.ts';
import type { ServerFigures, ServerOperations } from './server.ts';

const SERVER = new URL('./server.js', import.meta.url);
const FOLLOWERS = new URL('./followers.js', import.meta.url);
const HEAP = ['--max-old-space-size=6144'];
const POLL_MS = 100;
const AWAIT_TIMEOUT_MS = 300_000;

export class Simulation {
  readonly size: SiteSize;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'p6n-sim-'));
  readonly #followers: Remote<FollowersOperations>[];
  #etcd: EtcdCluster | undefined;
  #server: Remote<ServerOperations> = new Remote(SERVER);
  #port = 0;
  #hosts: readonly SimulatedHost[] = [];
  /** What was acknowledged: to ask the server would be a part of its figures. */
  #digest: Record<number, NetworkDigest> = {};

  constructor(size: SiteSize, processes: number) {
    this.size = size;
    this.#followers = Array.from({ length: processes }, () => new Remote(FOLLOWERS, HEAP));
  }

  /** The hosts that follow: all but the server itself. */
  get hosts(): readonly SimulatedHost[] {
    return this.#hosts;
  }

  /** Makes the site with its server, with an etcd of so many members where there are any. */
  async found({ etcdMembers = 0 }: { readonly etcdMembers?: number } = {}): Promise<void> {
    if (etcdMembers > 0) this.#etcd = await EtcdCluster.start({ members: etcdMembers });
    await this.#startServer();
    const { hosts, counts } = await this.#server.call('seed', this.size);
    this.#hosts = hosts.slice(1);
    for (const [network, instances] of Object.entries(counts)) {
      this.#digest[Number(network)] = { instances, writes: 0 };
    }
  }

  /** Lets every host follow. */
  async follow(): Promise<void> {
    const share = Math.ceil(this.#hosts.length / this.#followers.length);
    await Promise.all(
      this.#followers.map((process, n) => {
        const hosts = this.#hosts.slice(n * share, (n + 1) * share);
        return process.call('start', { port: this.#port, hosts });
      }),
    );
  }

  /** Waits until every host follows and every copy says what the registry says. */
  async converged(): Promise<void> {
    await this.#until(async () => (await this.state()).following === this.#hosts.length);
    await this.#until(async () => {
      const words = { hosts: this.size.hosts, digest: this.#digest };
      const wrong = await this.#each('countWrong', words);
      return sum(wrong) === 0;
    });
  }

  async state(): Promise<FollowersState> {
    const states = await this.#each('state', undefined);
    return {
      following: sum(states.map(({ following }) => following)),
      disconnects: sum(states.map(({ disconnects }) => disconnects)),
      resets: sum(states.map(({ resets }) => resets)),
    };
  }

  /** Lets every host say from now on that it is there. */
  async beat(): Promise<void> {
    await this.#each('beat', undefined);
  }

  /** Lets hosts write instances of theirs. */
  async write(changes: number, perSecond: number): Promise<void> {
    const parts = this.#followers.length;
    const words = { changes: changes / parts, perSecond: perSecond / parts };
    for (const written of await this.#each('write', words)) {
      for (const [id, count] of Object.entries(written)) {
        const { instances, writes } = this.#digest[Number(id)] as NetworkDigest;
        this.#digest[Number(id)] = { instances, writes: writes + count };
      }
    }
  }

  figures(): Promise<ServerFigures> {
    return this.#server.call('figures', undefined);
  }

  killServer(): Promise<void> {
    return this.#server.kill();
  }

  async restartServer(): Promise<void> {
    this.#server = new Remote(SERVER);
    await this.#startServer();
  }

  async end(): Promise<void> {
    await Promise.all([this.#server, ...this.#followers].map((process) => process.kill()));
    await this.#etcd?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startServer(): Promise<void> {
    const etcd = this.#etcd?.endpoints;
    const place = etcd === undefined ? { folder: this.#folder } : { etcd };
    const words = { place, port: this.#port };
    this.#port = await this.#server.call('start', words);
  }

  #each<N extends keyof FollowersOperations>(
    name: N,
    words: Parameters<FollowersOperations[N]>[0],
  ): Promise<Awaited<ReturnType<FollowersOperations[N]>>[]> {
    return Promise.all(this.#followers.map((process) => process.call(name, words)));
  }

  async #until(condition: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + AWAIT_TIMEOUT_MS;
    while (!(await condition())) {
      assert.ok(performance.now() < deadline, 'the followers do not converge');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

// A control plane with many followers: a server in a process of its own, followers in several
// others, and the questions that the tests and the figures are about.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdCluster } from '../../fakes/etcd.ts';
import type { FollowersOperations, FollowersState } from './followers.ts';
import type { SimulatedHost, SiteSize } from './layout.ts';
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

  constructor(size: SiteSize, processes: number) {
    this.size = size;
    this.#followers = Array.from({ length: processes }, () => new Remote(FOLLOWERS, HEAP));
  }

  /** The hosts that follow: all but the server itself. */
  get hosts(): readonly SimulatedHost[] {
    return this.#hosts;
  }

  /** Makes the site with its server. */
  async found(options: { readonly etcd?: boolean } = {}): Promise<void> {
    if (options.etcd === true) this.#etcd = await EtcdCluster.start();
    await this.#startServer();
    const [, ...hosts] = await this.#server.call('seed', this.size);
    this.#hosts = hosts;
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
      const digest = await this.#server.call('digest', undefined);
      const wrong = await this.#each('countWrong', { hosts: this.size.hosts, digest });
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

  /** Lets hosts write instances of theirs. */
  async write(changes: number, perSecond: number): Promise<void> {
    const parts = this.#followers.length;
    await this.#each('write', { changes: changes / parts, perSecond: perSecond / parts });
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

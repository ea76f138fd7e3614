// Ids under fire: many processes make and remove networks while servers and members of etcd are
// killed and the registry moves from SQLite to etcd and back. At the end no id was given out twice,
// every acknowledged write is there, and the registry is whole.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '../../src/api/client.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { SqliteStore } from '../../src/registry/sqlite/sqlite-store.ts';
import { EtcdCluster } from './etcd.ts';
import { ManualClock } from './manual-clock.ts';
import { SeededRandom } from './seeded-random.ts';
import { assertSound } from './soundness.ts';

export interface IdsSceneOptions {
  readonly makers: number;
  readonly networks: number;
  /** How long a server, then a member of etcd, lives until the next is killed, milliseconds. */
  readonly killEveryMs: number;
  /** Kills before each move. */
  readonly kills: number;
  /** Of etcd. */
  readonly flags?: readonly string[];
}

export interface IdsOutcome {
  readonly made: number;
  readonly removed: number;
  readonly serverKills: number;
  readonly memberKills: number;
}

const SERVER = fileURLToPath(new URL('./registry-server.js', import.meta.url));
const MAKER = fileURLToPath(new URL('./network-maker.js', import.meta.url));
const SERVERS = 3;
const ANSWER_TIMEOUT_MS = 60_000;

export class IdsScene {
  readonly #options: IdsSceneOptions;
  readonly #folder: string;
  readonly #servers = new Map<number, ChildProcess>();
  readonly #makers: ChildProcess[] = [];
  readonly #made = new Map<string, number>();
  readonly #removed = new Set<string>();
  readonly #ids = new Map<number, string>();
  readonly #twice: string[] = [];
  #place = 'sqlite';
  #serverKills = 0;
  #memberKills = 0;
  #cluster: EtcdCluster | undefined;

  private constructor(folder: string, options: IdsSceneOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  static async run(options: IdsSceneOptions): Promise<IdsOutcome> {
    const scene = new IdsScene(await mkdtemp(join(tmpdir(), 'p6n-ids-')), options);
    try {
      return await scene.#run();
    } finally {
      for (const child of [...scene.#servers.values(), ...scene.#makers]) child.kill('SIGKILL');
      await scene.#cluster?.stop();
      await rm(scene.#folder, { recursive: true });
    }
  }

  async #run(): Promise<IdsOutcome> {
    const { kills } = this.#options;
    await this.#startServer(0, 'found');
    const made = this.#make();
    // Said where it is awaited.
    made.catch(() => undefined);
    for (let kill = 0; kill < kills; kill++) await this.#killServer(0);
    this.#cluster = await EtcdCluster.start({ members: 3, flags: this.#options.flags ?? [] });
    await this.#move(`etcd://${this.#cluster.endpoints.join()}`, SERVERS);
    for (let kill = 0; kill < kills; kill++) {
      await this.#killServer(kill % SERVERS);
      await this.#killMember(kill % 2 === 0 ? this.#cluster.leader() : kill % SERVERS);
    }
    await this.#move('sqlite', 1);
    await this.#killServer(0);
    await made;
    await this.#verify();
    const [serverKills, memberKills] = [this.#serverKills, this.#memberKills];
    return { made: this.#made.size, removed: this.#removed.size, serverKills, memberKills };
  }

  async #make(): Promise<void> {
    const { makers, networks } = this.#options;
    const share = Math.ceil(networks / makers);
    const sockets = Array.from({ length: SERVERS }, (_, number) => this.#socket(number));
    await Promise.all(
      Array.from({ length: makers }, async (_, number) => {
        const words = [MAKER, `m${number}`, String(share), ...sockets];
        const maker = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
        this.#makers.push(maker);
        const exited = once(maker, 'exit');
        for await (const line of createInterface({ input: maker.stdout })) this.#note(line);
        assert.deepEqual(await exited, [0, null]);
      }),
    );
  }

  #note(line: string): void {
    const { made, removed, id } = JSON.parse(line) as {
      made?: string;
      removed?: string;
      id: number;
    };
    if (removed !== undefined) this.#removed.add(removed);
    if (made === undefined) return;
    const before = this.#ids.get(id);
    if (before !== undefined) this.#twice.push(`${id}: ${before} and ${made}`);
    this.#ids.set(id, made);
    this.#made.set(made, id);
  }

  /** Moves the registry with all that is in it to another place, as an operator does. */
  async #move(place: string, servers: number): Promise<void> {
    const path = join(this.#folder, 'export');
    await this.#client(0).registry.export({ path, close: true });
    for (const number of [...this.#servers.keys()]) await this.#endServer(number);
    this.#place = place;
    await this.#startServer(0);
    await this.#client(0).registry.import({ path });
    for (let number = 1; number < servers; number++) await this.#startServer(number);
  }

  async #killServer(number: number): Promise<void> {
    await delay(this.#options.killEveryMs);
    await this.#endServer(number);
    this.#serverKills += 1;
    await this.#startServer(number);
  }

  async #killMember(number: number): Promise<void> {
    const cluster = this.#cluster as EtcdCluster;
    await cluster.killMember(number);
    this.#memberKills += 1;
    await delay(this.#options.killEveryMs);
    cluster.startMember(number);
    await cluster.ready();
  }

  async #startServer(number: number, ...words: readonly string[]): Promise<void> {
    const state = join(this.#folder, `state${number}`);
    await mkdir(state, { recursive: true });
    await rm(this.#socket(number), { force: true });
    const server = spawn(
      process.execPath,
      [SERVER, this.#socket(number), state, this.#place, ...words],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    this.#servers.set(number, server);
    const deadline = Date.now() + ANSWER_TIMEOUT_MS;
    for (;;) {
      const answers = this.#client(number).registry.show();
      if (
        await answers.then(
          () => true,
          () => false,
        )
      )
        return;
      assert.equal(server.exitCode, null, 'the server has ended');
      assert.ok(Date.now() < deadline, 'the server does not answer');
      await delay(50);
    }
  }

  async #endServer(number: number): Promise<void> {
    const server = this.#servers.get(number);
    this.#servers.delete(number);
    if (server === undefined) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
  }

  async #verify(): Promise<void> {
    assert.deepEqual(this.#twice, [], 'ids were given out twice');
    const { networks } = await this.#client(0).networks.list();
    const there = new Map(networks.map(({ name, id }) => [name, id]));
    for (const [name, id] of this.#made) {
      const expected = this.#removed.has(name) ? undefined : id;
      assert.equal(there.get(name), expected, `network ${name}`);
    }
    await this.#endServer(0);
    const store = await SqliteStore.open(
      { clock: new ManualClock(), random: new SeededRandom(1), logger: SILENT_LOGGER },
      { path: join(this.#folder, 'state0', 'registry.db') },
    );
    await assertSound(store);
    await store.close();
  }

  #socket(number: number): string {
    return join(this.#folder, `server${number}.sock`);
  }

  #client(number: number): ApiClient {
    return new ApiClient({ target: { kind: 'socket', path: this.#socket(number) } });
  }
}

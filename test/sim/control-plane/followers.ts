// Many followers of the simulation in one process: the real follower with the real client, each
// from an address of its own. Records that are alike in several copies are kept once, so that a
// machine holds the copies of a thousand hosts.

import type { HostId, NetworkId } from '../../../src/addressing/ids.ts';
import { ApiClient } from '../../../src/api/client.ts';
import { KeptConnections } from '../../../src/api/connections.ts';
import type { WallMillis } from '../../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../../src/base/logger.ts';
import { Heartbeat } from '../../../src/daemon/heartbeat.ts';
import { linuxMachine } from '../../../src/daemon/machine.ts';
import { Follower, type FollowTransport } from '../../../src/follower/follower.ts';
import type { FollowEvent, FollowedRecord, Instance } from '../../../src/registry/model.ts';
import { loopbackOf, type SimulatedHost, type SiteDigest, WRITES_KEY } from './layout.ts';
import { serveCalls } from './remote.ts';

interface Followed {
  readonly host: SimulatedHost;
  readonly client: ApiClient;
  readonly follower: Follower;
}

export interface FollowersState {
  readonly following: number;
  readonly disconnects: number;
  readonly resets: number;
}

const { clock, random } = linuxMachine();
const all: Followed[] = [];
const known = new Map<string, FollowedRecord>();

const operations = {
  start: (words: {
    readonly port: number;
    readonly hosts: readonly SimulatedHost[];
  }): Promise<void> => {
    for (const host of words.hosts) {
      const localAddress = loopbackOf(host.id);
      const place = { kind: 'tcp', host: '127.0.0.1', port: words.port, localAddress } as const;
      const target = { ...place, connections: new KeptConnections() };
      const client = new ApiClient({ target, secret: host.secret });
      const follower = new Follower(
        { transport: sharing(client), clock, random, logger: SILENT_LOGGER },
        { networks: new Set(host.networks as NetworkId[]) },
      );
      all.push({ host, client, follower });
      follower.start();
    }
    return Promise.resolve();
  },

  state: (): Promise<FollowersState> => {
    const sum = (value: (one: Followed) => number): number =>
      all.reduce((total, one) => total + value(one), 0);
    return Promise.resolve({
      following: sum(({ follower }) => Number(follower.status().following)),
      disconnects: sum(({ follower }) => follower.counters().disconnects),
      resets: sum(({ follower }) => follower.counters().resets),
    });
  },

  /** How many copies say something else than the registry. */
  countWrong: (words: { readonly hosts: number; readonly digest: SiteDigest }): Promise<number> =>
    Promise.resolve(all.filter((one) => !isRight(one, words.hosts, words.digest)).length),

  /** Lets each host say again and again that it is there, as its p6nd would. */
  beat: (): Promise<void> => {
    for (const { client } of all) {
      new Heartbeat({
        beat: (body) => client.self.heartbeat(body),
        nextKeys: () => [],
        applied: () => Promise.resolve(true),
        logger: SILENT_LOGGER,
      }).start();
    }
    return Promise.resolve();
  },

  /**
   * Writes instances of these hosts at a rate, as their p6nd would; resolves with how often one of
   * each network was written.
   */
  write: async (words: {
    readonly changes: number;
    readonly perSecond: number;
  }): Promise<Readonly<Record<number, number>>> => {
    const startedMs = performance.now();
    const writes: Promise<NetworkId>[] = [];
    for (let n = 0; n < words.changes; n++) {
      const dueMs = startedMs + (n * 1_000) / words.perSecond;
      const waitMs = dueMs - performance.now();
      if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
      writes.push(writeOne(n));
    }
    const written: Record<number, number> = {};
    for (const network of await Promise.all(writes)) written[network] = (written[network] ?? 0) + 1;
    return written;
  },
};
export type FollowersOperations = typeof operations;

/** Of instances that are being written or were, by machine id. */
const latest = new Map<string, Instance>();

serveCalls(operations);

async function writeOne(n: number): Promise<NetworkId> {
  const { client, follower, host } = all[(n * 7_919) % all.length] as Followed;
  const own = follower.current().instances.filter((one) => one.host === host.id);
  const found = own[n % own.length];
  if (found === undefined) throw new Error(`host ${host.id} has no instance`);
  const instance = latest.get(found.machineId) ?? found;
  const writes = `${Number(instance.metadata[WRITES_KEY]) + 1}`;
  const next: Instance = {
    ...instance,
    host: host.id as HostId,
    metadata: { ...instance.metadata, [WRITES_KEY]: writes },
    updatedAt: clock.wallNow() as WallMillis,
  };
  latest.set(found.machineId, next);
  await client.self.putInstance(next);
  return next.network;
}

function isRight({ host, follower }: Followed, hosts: number, digest: SiteDigest): boolean {
  const copy = follower.current();
  if (copy.hosts.length !== hosts || copy.networks.length !== host.networks.length) return false;
  const found = new Map(host.networks.map((id) => [id, { instances: 0, writes: 0 }]));
  for (const { network, metadata } of copy.instances) {
    const one = found.get(network);
    if (one === undefined) return false;
    one.instances += 1;
    one.writes += Number(metadata[WRITES_KEY]);
  }
  return [...found].every(
    ([id, { instances, writes }]) =>
      digest[id]?.instances === instances && digest[id]?.writes === writes,
  );
}

function sharing(client: ApiClient): FollowTransport {
  return {
    follow: async function* (networks, after, signal) {
      for await (const event of client.self.follow(networks, after, signal)) yield shared(event);
    },
  };
}

function shared(event: FollowEvent): FollowEvent {
  if (event.type !== 'put') return event;
  const { key, record } = event;
  const before = known.get(key);
  if (before !== undefined && isAlike(before, record)) return { type: 'put', key, record: before };
  known.set(key, record);
  return event;
}

function isAlike(a: FollowedRecord, b: FollowedRecord): boolean {
  if (a.kind === 'instance' && b.kind === 'instance') {
    return a.metadata[WRITES_KEY] === b.metadata[WRITES_KEY] && a.updatedAt === b.updatedAt;
  }
  return a.kind !== 'instance' && JSON.stringify(a) === JSON.stringify(b);
}

// A server of the simulation in a process of its own: the real registry behind the real API, on
// the loopback, where the address of a connection stands for that of a host in the mesh.

import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import {
  type HostId,
  ID_MIN,
  type InstanceId,
  type MachineId,
} from '../../../src/addressing/ids.ts';
import { hostAddress, instanceAddress } from '../../../src/addressing/layout.ts';
import { meshApi } from '../../../src/api/api.ts';
import { toBase64 } from '../../../src/base/bytes.ts';
import { SILENT_LOGGER } from '../../../src/base/logger.ts';
import { linuxMachine } from '../../../src/daemon/machine.ts';
import { LocalRegistryService } from '../../../src/daemon/registry-service.ts';
import { SiteServices } from '../../../src/daemon/site-services.ts';
import { encodeRecord } from '../../../src/registry/codec.ts';
import { deriveEnrolmentKey } from '../../../src/registry/enrolment.ts';
import { EtcdStore } from '../../../src/registry/etcd/etcd-store.ts';
import {
  formatPlace,
  instanceCountOfApp,
  instanceCountOfHost,
  instanceIdKey,
  instanceKey,
  instanceNameKey,
  machineKey,
} from '../../../src/registry/keys.ts';
import type { App, Host, Instance } from '../../../src/registry/model.ts';
import { Registry } from '../../../src/registry/registry.ts';
import { SqliteStore } from '../../../src/registry/sqlite/sqlite-store.ts';
import {
  type Store,
  type StoreWrite,
  TRANSACTION_WRITES_MAX,
} from '../../../src/registry/store.ts';
import { makeSigner } from '../../fakes/site.ts';
import { placeOf, type SimulatedHost, type SiteSize, WRITES_KEY } from './layout.ts';
import { serveCalls } from './remote.ts';

/** Each takes four writes of a transaction. */
const INSTANCES_PER_TRANSACTION: number = TRANSACTION_WRITES_MAX / 4;

/** A folder for SQLite, or the endpoints of an etcd. */
export type RegistryPlace = { readonly folder: string } | { readonly etcd: readonly string[] };

export interface ServerFigures {
  /** Of all threads since the start. */
  readonly cpuMicros: number;
  readonly residentBytes: number;
  readonly residentBytesMax: number;
  /** Sent to each host since the start, by its id. */
  readonly bytesTo: Readonly<Record<number, number>>;
}

const { clock, random } = linuxMachine();
const signer = makeSigner(1);
const key = deriveEnrolmentKey(new Uint8Array(32).fill(7));
const sockets = new Map<Socket, number>();
const closedBytesTo = new Map<number, number>();
let store: Store;
let registry: Registry;
let keys = 0;

const operations = {
  /** Opens the registry and serves it; resolves with the port. */
  start: async (words: {
    readonly place: RegistryPlace;
    readonly port: number;
  }): Promise<number> => {
    store = await openStore(words.place);
    registry = new Registry({ store, clock, random, signer, logger: SILENT_LOGGER });
    const site = new SiteServices(registry, ID_MIN as HostId, {} as never);
    const service = new LocalRegistryService({
      registry,
      host: ID_MIN as HostId,
      invites: {} as never,
      audit: {} as never,
      siteKey: {} as never,
      clock,
    });
    const api = meshApi(
      { registry: service, follow: site, hostWrites: site, authenticator: site },
      SILENT_LOGGER,
    );
    api.app.server.prependListener('connection', (socket: Socket) => takeForHost(socket));
    await api.listen({ host: '127.0.0.1', port: words.port });
    return (api.app.server.address() as AddressInfo).port;
  },

  /** Makes the site; resolves with its hosts and how many instances a network has. */
  seed: async (
    size: SiteSize,
  ): Promise<{
    readonly hosts: readonly SimulatedHost[];
    readonly counts: Readonly<Record<number, number>>;
  }> => {
    const hosts = await seedHosts(size.hosts);
    const apps = await seedApps(size.networks);
    const followed = new Map<number, Set<number>>(hosts.map(({ host }) => [host.id, new Set()]));
    const counts: Record<number, number> = {};
    const instances: Instance[] = [];
    for (let n = 0; n < size.instances; n++) {
      const place = placeOf(n, size);
      const { host } = hosts[place.host] as { host: Host };
      const app = apps[place.network] as App;
      followed.get(host.id)?.add(app.network);
      counts[app.network] = (counts[app.network] ?? 0) + 1;
      instances.push(newInstance(n, app, host));
    }
    await seedInstances(instances);
    const simulated = hosts.map(({ host, secret }) => ({
      id: host.id,
      secret,
      networks: [...(followed.get(host.id) ?? [])],
    }));
    return { hosts: simulated, counts };
  },

  figures: (): Promise<ServerFigures> => {
    const { user, system } = process.cpuUsage();
    const bytesTo: Record<number, number> = Object.fromEntries(closedBytesTo);
    for (const [socket, host] of sockets)
      bytesTo[host] = (bytesTo[host] ?? 0) + socket.bytesWritten;
    return Promise.resolve({
      cpuMicros: user + system,
      residentBytes: process.memoryUsage.rss(),
      residentBytesMax: process.resourceUsage().maxRSS * 1_024,
      bytesTo,
    });
  },
};
export type ServerOperations = typeof operations;

serveCalls(operations);

async function openStore(place: RegistryPlace): Promise<Store> {
  const dependencies = { clock, random, logger: SILENT_LOGGER };
  if ('etcd' in place) return new EtcdStore(dependencies, { endpoints: place.etcd });
  return await SqliteStore.open(dependencies, { path: join(place.folder, 'registry.db') });
}

function takeForHost(socket: Socket): void {
  const [, , high = 0, low = 0] = (socket.remoteAddress ?? '').split('.').map(Number);
  const host = (0x1_0000 + high * 256 + low) as HostId;
  Object.defineProperty(socket, 'remoteAddress', { value: hostAddress(host) });
  sockets.set(socket, host);
  socket.once('close', () => {
    sockets.delete(socket);
    closedBytesTo.set(host, (closedBytesTo.get(host) ?? 0) + socket.bytesWritten);
  });
}

async function seedHosts(count: number): Promise<{ host: Host; secret: string }[]> {
  const founder = { name: 'host-0', region: 'local', publicKey: freshKey(), endpoints: [] };
  const { host } = await registry.bootstrap({ host: founder });
  const hosts = [{ host, secret: '' }];
  for (let n = 1; n < count; n++) {
    const { number } = await registry.createInvite({
      server: host.id,
      publicKey: freshKey(),
      role: 'agent',
    });
    const endpoints = [`192.0.2.${n & 0xff}:51820`, `[2001:db8::${n.toString(16)}]:51820`];
    const request = { publicKey: freshKey(), name: `host-${n}`, endpoints };
    const invite = { server: host.id, number };
    const joined = await registry.enrol({ invite, ...request }, key);
    await registry.finishInvite(invite);
    hosts.push({ host: joined.host, secret: joined.secret });
  }
  return hosts;
}

async function seedApps(count: number): Promise<App[]> {
  const apps: App[] = [];
  for (let n = 0; n < count; n++) {
    const { app } = await registry.createApp({ name: `app-${n}`, network: `network-${n}` });
    apps.push(app);
  }
  return apps;
}

/** Many at once: what the rules would write of each, without asking for each. */
async function seedInstances(instances: readonly Instance[]): Promise<void> {
  const counts = new Map<string, number>();
  for (let start = 0; start < instances.length; start += INSTANCES_PER_TRANSACTION) {
    const some = instances.slice(start, start + INSTANCES_PER_TRANSACTION);
    await store.transact({ compares: [], writes: some.flatMap(writesOf) });
    for (const { app, host } of some) {
      for (const count of [instanceCountOfApp(app), instanceCountOfHost(host)]) {
        counts.set(count, (counts.get(count) ?? 0) + 1);
      }
    }
  }
  const writes = [...counts].map(([at, count]) => put(at, `${count}`));
  for (let start = 0; start < writes.length; start += TRANSACTION_WRITES_MAX) {
    const some = writes.slice(start, start + TRANSACTION_WRITES_MAX);
    await store.transact({ compares: [], writes: some });
  }
}

function writesOf(instance: Instance): StoreWrite[] {
  const { host, instanceId, machineId, name, network } = instance;
  return [
    put(instanceKey(network, host, machineId), encodeRecord(instance)),
    put(machineKey(machineId), formatPlace(network, host)),
    put(instanceIdKey(host, instanceId), machineId),
    put(instanceNameKey(host, name), machineId),
  ];
}

function put(at: string, value: string): StoreWrite {
  return { type: 'put', key: at, value };
}

function newInstance(n: number, app: App, host: Host): Instance {
  const now = clock.wallNow();
  const instanceId = (0x1_0000 + n) as InstanceId;
  return {
    kind: 'instance',
    machineId: n.toString(16).padStart(14, '0') as MachineId,
    app: app.name,
    network: app.network,
    host: host.id,
    instanceId,
    address: instanceAddress(app.network, host.id, instanceId),
    name: `instance-${n}`,
    group: 'app',
    region: host.region,
    metadata: { [WRITES_KEY]: '0' },
    state: 'started',
    createdAt: now,
    updatedAt: now,
  };
}

/** A public key that was not used before. */
function freshKey(): string {
  keys += 1;
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, keys);
  return toBase64(bytes);
}

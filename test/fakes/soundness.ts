// Whether a registry is whole: every record has its indices, every index its record, and every
// count counts what is there. What a crash, a lost call or an import may leave half done shows
// here.

import assert from 'node:assert/strict';
import {
  decodeApp,
  decodeHost,
  decodeInstance,
  decodeInvite,
  decodeNetwork,
  decodeOrganization,
} from '../../src/registry/codec.ts';
import {
  APPS,
  appCount,
  appNameKey,
  formatId,
  formatPlace,
  HOSTS,
  hostNameKey,
  hostSecretKey,
  INSTANCES,
  INVITES,
  instanceCountOfApp,
  instanceCountOfHost,
  instanceIdKey,
  instanceNameKey,
  inviteCount,
  machineKey,
  NETWORKS,
  networkCount,
  networkIdKey,
  networkNameKey,
  ORGANIZATION_COUNT,
  ORGANIZATIONS,
  SERVER_COUNT,
  wireguardKeyKey,
} from '../../src/registry/keys.ts';
import type { Store, StoreEntry } from '../../src/registry/store.ts';

/** Prefixes of keys that stand for a record elsewhere. */
const INDICES: readonly string[] = [
  'index/network-names/',
  'index/app-names/',
  'index/host-names/',
  'index/wireguard-keys/',
  'index/machines/',
  'index/instance-ids/',
  'index/instance-names/',
];

/** Fails unless the registry in `store` is whole. */
export async function assertSound(store: Store): Promise<void> {
  const { entries } = await store.list(['']);
  const check = new Check(new Map(entries.map(({ key, value }) => [key, value])));
  for (const entry of entries) {
    for (const [prefix, look] of LOOKS) if (entry.key.startsWith(prefix)) look(check, entry);
  }
  check.end();
}

class Check {
  readonly #values: ReadonlyMap<string, string>;
  readonly #counts = new Map<string, number>();
  readonly #indices = new Set<string>();

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  index(key: string, value?: string): void {
    assert.ok(this.#values.has(key), `${key} is missing`);
    if (value !== undefined) assert.equal(this.#values.get(key), value, key);
    this.#indices.add(key);
  }

  count(key: string, by: number): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + by);
  }

  end(): void {
    for (const key of this.#values.keys()) {
      if (INDICES.some((prefix) => key.startsWith(prefix))) {
        assert.ok(this.#indices.has(key), `${key} stands for nothing`);
      }
      if (key.startsWith('use/')) assert.ok(this.#counts.has(key), `${key} counts nothing`);
    }
    for (const [key, number] of this.#counts) {
      assert.equal(Number(this.#values.get(key) ?? 0), number, key);
    }
  }
}

/** What the record at a key must have beside it. */
const LOOKS: readonly (readonly [string, (check: Check, entry: StoreEntry) => void])[] = [
  [
    ORGANIZATIONS,
    (check, entry) => {
      check.count(ORGANIZATION_COUNT, 1);
      check.count(networkCount(decodeOrganization(entry).name), 0);
    },
  ],
  [
    NETWORKS,
    (check, entry) => {
      const { id, name, organization } = decodeNetwork(entry);
      check.index(networkIdKey(id));
      check.index(networkNameKey(organization, name), formatId(id));
      check.count(networkCount(organization), 1);
      check.count(appCount(id), 0);
    },
  ],
  [
    APPS,
    (check, entry) => {
      const { name, network } = decodeApp(entry);
      check.index(appNameKey(name), formatId(network));
      check.count(appCount(network), 1);
      check.count(instanceCountOfApp(name), 0);
    },
  ],
  [
    HOSTS,
    (check, entry) => {
      const { id, name, next, publicKey, role } = decodeHost(entry);
      check.index(hostNameKey(name), formatId(id));
      for (const key of next === undefined ? [publicKey] : [publicKey, next.publicKey]) {
        check.index(wireguardKeyKey(key), `host/${formatId(id)}`);
      }
      if (check.has(instanceCountOfHost(id))) check.count(instanceCountOfHost(id), 0);
      if (role === 'agent') {
        // One that is being removed by force is cut off from both at once.
        assert.equal(check.has(hostSecretKey(id)), check.has(instanceCountOfHost(id)));
        return;
      }
      check.count(SERVER_COUNT, 1);
      check.count(inviteCount(id), 0);
    },
  ],
  [
    INSTANCES,
    (check, entry) => {
      const { app, host, instanceId, machineId, name, network } = decodeInstance(entry);
      check.index(machineKey(machineId), formatPlace(network, host));
      check.index(instanceIdKey(host, instanceId), machineId);
      check.index(instanceNameKey(host, name), machineId);
      check.count(instanceCountOfApp(app), 1);
      if (check.has(instanceCountOfHost(host))) check.count(instanceCountOfHost(host), 1);
    },
  ],
  [
    INVITES,
    (check, entry) => {
      const { publicKey, server } = decodeInvite(entry);
      check.index(wireguardKeyKey(publicKey), 'invite');
      check.count(inviteCount(server), 1);
    },
  ],
];

// What is derived from a zone's tables for the sake of look-ups: the instances of a region or of a
// group, and the lists that TXT records give. Made when first asked for and kept for as long as the
// snapshot is, so that an answer costs the same for one instance and for a thousand.

import { type Clusters, indexClusters } from './cluster-index.ts';
import type { AddressTarget, ServiceTarget, TextList } from './content.ts';
import { indexMetadata, type MetadataIndex } from './metadata-index.ts';
import { indexAddresses, type ReverseIndex } from './reverse-index.ts';
import { type AppZone, type InstanceName, machineName, type NetworkZone } from './zone.ts';

export interface AppIndex {
  /** Also with the regions and groups that have stopped instances alone. */
  readonly byRegion: ReadonlyMap<string, readonly InstanceName[]>;
  readonly byGroup: ReadonlyMap<string, readonly InstanceName[]>;
  /** Region names in order of the alphabet: of started instances, and of all. */
  readonly regions: TextList;
  readonly allRegions: TextList;
  /** `<machine id> <region>`, by machine id: of started instances, and of all. */
  readonly machines: TextList;
  readonly allMachines: TextList;
  /** Started instances whose checks pass. */
  readonly healthy: readonly InstanceName[];
  /** By protocol, then by name: what started instances serve; also what only stopped ones do. */
  readonly services: ReadonlyMap<string, ReadonlyMap<string, readonly ServiceTarget[]>>;
}

/** The lists of a whole network. */
export interface NetworkIndex {
  readonly apps: TextList;
  /** `instance=<machine id>,app=<app>,ip=<address>,region=<region>`, by app and machine id. */
  readonly instances: TextList;
  readonly allInstances: TextList;
  /** Names of WireGuard peers, without those that are not listed. */
  readonly peers: TextList;
  /** All of them by name. */
  readonly peersByName: ReadonlyMap<string, readonly AddressTarget[]>;
}

/** Peers of names that begin so are made for a while and are not listed, as at Fly.io. */
const UNLISTED_PREFIX = 'interactive-';

/** Instances of an app by distance: those of the nearest host first, of unknown hosts last. */
export type NearestGroups = readonly (readonly InstanceName[])[];

export class ZoneIndexes {
  readonly #apps = new WeakMap<AppZone, AppIndex>();
  readonly #clusters = new WeakMap<AppZone, Clusters>();
  readonly #metadata = new WeakMap<AppZone, MetadataIndex>();
  readonly #networks = new WeakMap<NetworkZone, NetworkIndex>();
  readonly #reverse = new WeakMap<NetworkZone, ReverseIndex>();
  readonly #nearest = new WeakMap<NetworkZone, Map<AppZone, NearestGroups>>();

  app(app: AppZone): AppIndex {
    return remembered(this.#apps, app, indexApp);
  }

  clusters(app: AppZone): Clusters {
    return remembered(this.#clusters, app, indexClusters);
  }

  metadata(app: AppZone): MetadataIndex {
    return remembered(this.#metadata, app, indexMetadata);
  }

  network(zone: NetworkZone): NetworkIndex {
    return remembered(this.#networks, zone, indexNetwork);
  }

  reverse(zone: NetworkZone): ReverseIndex {
    return remembered(this.#reverse, zone, indexAddresses);
  }

  nearest(zone: NetworkZone, app: AppZone): NearestGroups {
    const groups = remembered(this.#nearest, zone, () => new Map<AppZone, NearestGroups>());
    const known = groups.get(app);
    if (known !== undefined) return known;
    const made = groupByDistance(zone, app);
    groups.set(app, made);
    return made;
  }
}

function remembered<K extends object, V>(map: WeakMap<K, V>, key: K, make: (key: K) => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make(key);
  map.set(key, made);
  return made;
}

function indexApp(app: AppZone): AppIndex {
  const deployed = allOf(app);
  return {
    byRegion: groupBy(app, (instance) => instance.region),
    byGroup: groupBy(app, (instance) => instance.group),
    regions: commaList(regionsOf(app.instances)),
    allRegions: commaList(regionsOf(deployed)),
    machines: commaList(machinesOf(app.instances)),
    allMachines: commaList(machinesOf(deployed)),
    healthy: app.instances.filter((instance) => instance.healthy),
    services: indexServices(app),
  };
}

function indexNetwork({ apps, peers }: NetworkZone): NetworkIndex {
  const inOrder = [...apps.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const list = (select: (app: AppZone) => readonly InstanceName[]): TextList => ({
    separator: ';',
    entries: inOrder.flatMap((app) =>
      select(app).map(
        ({ machineId, address, region }) =>
          `instance=${machineId},app=${app.name},ip=${address},region=${region}`,
      ),
    ),
  });
  return {
    apps: commaList(inOrder.map(({ name }) => name)),
    instances: list((app) => app.instances),
    allInstances: list(allOf),
    peers: commaList(
      peers.map(({ name }) => name).filter((name) => !name.startsWith(UNLISTED_PREFIX)),
    ),
    peersByName: new Map(peers.map((peer) => [peer.name, [peer]])),
  };
}

function groupByDistance({ nearestHosts }: NetworkZone, app: AppZone): NearestGroups {
  const ranks = new Map(nearestHosts.map((host, rank) => [host, rank]));
  const groups = new Map<number, InstanceName[]>();
  for (const instance of app.instances) {
    const rank = ranks.get(instance.host) ?? nearestHosts.length;
    append(groups, rank, instance);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, instances]) => instances);
}

function indexServices(app: AppZone): AppIndex['services'] {
  const protocols = new Map<string, Map<string, ServiceTarget[]>>();
  for (const [instances, started] of [
    [app.instances, true],
    [app.stopped, false],
  ] as const) {
    for (const instance of instances) {
      for (const { name, port, protocol } of instance.services) {
        const names = protocols.get(protocol) ?? new Map<string, ServiceTarget[]>();
        protocols.set(protocol, names);
        if (!names.has(name)) names.set(name, []);
        const target = machineName(instance.machineId, app.name);
        if (started) names.get(name)?.push({ port, target, instance });
      }
    }
  }
  return protocols;
}

/** Started and stopped instances, by machine id. */
function allOf({ instances, stopped }: AppZone): readonly InstanceName[] {
  return [...instances, ...stopped].sort((a, b) => (a.machineId < b.machineId ? -1 : 1));
}

function regionsOf(instances: readonly InstanceName[]): readonly string[] {
  return [...new Set(instances.map(({ region }) => region))].sort();
}

function machinesOf(instances: readonly InstanceName[]): readonly string[] {
  return instances.map(({ machineId, region }) => `${machineId} ${region}`);
}

function commaList(entries: readonly string[]): TextList {
  return { separator: ',', entries };
}

function groupBy(
  app: AppZone,
  key: (instance: InstanceName) => string,
): Map<string, readonly InstanceName[]> {
  const groups = new Map<string, InstanceName[]>();
  for (const instance of app.stopped) groups.set(key(instance), []);
  for (const instance of app.instances) append(groups, key(instance), instance);
  return groups;
}

function append<K, V>(groups: Map<K, V[]>, key: K, value: V): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [value]);
  else group.push(value);
}

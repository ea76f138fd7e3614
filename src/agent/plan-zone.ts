// The names that this host answers for: for each network with an instance here its apps and their
// started instances. Of this host's own instances the journal knows best; of all others the copy.

import type { NetworkId } from '../addressing/ids.ts';
import type { AppZone, InstanceName, NetworkZone, Zone } from '../dns/zone.ts';
import type { Instance } from '../registry/model.ts';
import type { PlanInput } from './plan.ts';

interface ZoneNetwork {
  readonly id: NetworkId;
  readonly regionScoped: boolean;
}

export function planZone(input: PlanInput, networks: readonly ZoneNetwork[]): Zone {
  const apps = appsByNetwork(input);
  const instances = instancesByNetwork(input);
  const regions = new Set([input.identity.region]);
  for (const host of input.copy.hosts) regions.add(host.region);
  return {
    networks: new Map(
      networks.map((network) => {
        const reachable = (instances.get(network.id) ?? []).filter(
          ({ region }) => !network.regionScoped || region === input.identity.region,
        );
        const names = apps.get(network.id) ?? new Set();
        return [network.id, { apps: appZones(names, reachable), regions } satisfies NetworkZone];
      }),
    ),
  };
}

function appZones(
  names: ReadonlySet<string>,
  instances: readonly Instance[],
): ReadonlyMap<string, AppZone> {
  const members = new Map<string, InstanceName[]>([...names].sort().map((name) => [name, []]));
  for (const { app, machineId, address, region, group } of instances) {
    members.get(app)?.push({ machineId, address, region, group });
  }
  return new Map(
    [...members].map(([name, list]) => [name, { name, instances: list.sort(byMachineId) }]),
  );
}

/** An app that a host without servers runs is known from its journal alone. */
function appsByNetwork({ copy, records }: PlanInput): ReadonlyMap<NetworkId, Set<string>> {
  const apps = new Map<NetworkId, Set<string>>();
  for (const { name, network } of copy.apps) entry(apps, network, () => new Set()).add(name);
  for (const { instance, removed } of records) {
    if (!removed) entry(apps, instance.network, () => new Set()).add(instance.app);
  }
  return apps;
}

function instancesByNetwork(input: PlanInput): ReadonlyMap<NetworkId, Instance[]> {
  const instances = new Map<NetworkId, Instance[]>();
  for (const instance of input.copy.instances) {
    if (instance.host === input.identity.hostId || instance.state !== 'started') continue;
    entry(instances, instance.network, () => []).push(instance);
  }
  for (const { instance, removed } of input.records) {
    const { machineId, state } = instance;
    if (removed || state !== 'started' || input.unnamed.has(machineId)) continue;
    if (input.namespaces.has(machineId)) {
      entry(instances, instance.network, () => []).push(instance);
    }
  }
  return instances;
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}

function byMachineId(a: InstanceName, b: InstanceName): number {
  return a.machineId < b.machineId ? -1 : 1;
}

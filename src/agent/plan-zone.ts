// The names that this host answers for: for each network with an instance or a WireGuard peer here
// its apps, their instances and its WireGuard peers. Of this host's own instances the journal knows
// best; of all others the copy.

import type { HostId, NetworkId } from '../addressing/ids.ts';
import { networkNameserverAddress, wireguardPeerAddress } from '../addressing/layout.ts';
import type { AppZone, InstanceName, NetworkZone, PeerName, Zone } from '../dns/zone.ts';
import type { Instance } from '../registry/model.ts';
import type { PlanInput } from './plan.ts';

interface ZoneNetwork {
  readonly id: NetworkId;
  readonly regionScoped: boolean;
}

/** An instance as names have it. */
interface NamedInstance {
  readonly instance: Instance;
  readonly started: boolean;
}

export function planZone(input: PlanInput, networks: readonly ZoneNetwork[]): Zone {
  const apps = appsByNetwork(input);
  const instances = instancesByNetwork(input, silentHosts(input));
  const regions = new Set([input.identity.region]);
  for (const host of input.copy.hosts) regions.add(host.region);
  const peers = peersByNetwork(input, networks);
  const nearestHosts: readonly HostId[] = [input.identity.hostId, ...input.nearestHosts];
  return {
    networks: new Map(
      networks.map((network) => {
        const reachable = (instances.get(network.id) ?? []).filter(
          ({ instance }) => !network.regionScoped || instance.region === input.identity.region,
        );
        const zones = appZones(apps.get(network.id) ?? new Set(), reachable);
        const zone: NetworkZone = {
          ...{ apps: zones, regions, nearestHosts },
          server: { address: networkNameserverAddress(network.id) },
          peers: peers.get(network.id) ?? [],
        };
        return [network.id, zone];
      }),
    ),
  };
}

function appZones(
  names: ReadonlySet<string>,
  instances: readonly NamedInstance[],
): ReadonlyMap<string, AppZone> {
  const members = new Map<string, NamedInstance[]>([...names].sort().map((name) => [name, []]));
  for (const one of instances) members.get(one.instance.app)?.push(one);
  return new Map(
    [...members].map(([name, list]) => {
      const select = (started: boolean): InstanceName[] =>
        list
          .filter((one) => one.started === started)
          .map(({ instance }) => instanceName(instance))
          .sort(byMachineId);
      return [name, { name, instances: select(true), stopped: select(false) }];
    }),
  );
}

function instanceName(instance: Instance): InstanceName {
  const { machineId, address, region, group, host, metadata, services = [] } = instance;
  const healthy = (instance.checks ?? []).length > 0 && instance.health === 'passing';
  return { machineId, address, region, group, host, metadata, services, healthy };
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

/** Hosts whose instances are named nowhere: drained ones, and those that no server hears of. */
function silentHosts({ copy }: PlanInput): ReadonlySet<HostId> {
  const silent = new Set<HostId>();
  for (const { id, drainedAt } of copy.hosts) if (drainedAt !== undefined) silent.add(id);
  for (const { host } of copy.absences ?? []) silent.add(host);
  return silent;
}

function instancesByNetwork(
  input: PlanInput,
  silent: ReadonlySet<HostId>,
): ReadonlyMap<NetworkId, NamedInstance[]> {
  const instances = new Map<NetworkId, NamedInstance[]>();
  const add = (instance: Instance, started: boolean): void => {
    entry(instances, instance.network, () => []).push({ instance, started });
  };
  for (const instance of input.copy.instances) {
    if (instance.host === input.identity.hostId || instance.state === 'created') continue;
    if (silent.has(instance.host)) continue;
    add(instance, instance.state === 'started');
  }
  const isDrained = [...input.copy.hosts].some(
    ({ id, drainedAt }) => id === input.identity.hostId && drainedAt !== undefined,
  );
  for (const { instance, removed } of input.records) {
    const { machineId, state } = instance;
    // One that is being made has no names yet.
    if (removed || state === 'created') continue;
    const named = !isDrained && !input.unnamed.has(machineId) && input.namespaces.has(machineId);
    add(instance, state === 'started' && named);
  }
  return instances;
}

/** By name; in a region-scoped network those that are behind hosts of this region. */
function peersByNetwork(
  { copy, identity }: PlanInput,
  networks: readonly ZoneNetwork[],
): ReadonlyMap<NetworkId, readonly PeerName[]> {
  const near = new Set([identity.hostId]);
  for (const { id, region } of copy.hosts) if (region === identity.region) near.add(id);
  const known = new Map(networks.map((network) => [network.id, network]));
  const peers = new Map<NetworkId, PeerName[]>();
  for (const { network, host, name, number } of copy.wireguardPeers ?? []) {
    const { regionScoped } = known.get(network) ?? {};
    if (regionScoped === undefined || (regionScoped && !near.has(host))) continue;
    const address = wireguardPeerAddress(network, host, number);
    entry(peers, network, () => []).push({ name, address });
  }
  for (const list of peers.values()) list.sort((a, b) => (a.name < b.name ? -1 : 1));
  return peers;
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

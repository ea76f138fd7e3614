// What is derived from a zone's tables for the sake of look-ups: the instances of a region or of a
// group, and the lists that TXT records give. Made when first asked for and kept for as long as the
// snapshot is, so that an answer costs the same for one instance and for a thousand.

import type { AppZone, InstanceName, NetworkZone } from './zone.ts';

export interface AppIndex {
  readonly byRegion: ReadonlyMap<string, readonly InstanceName[]>;
  readonly byGroup: ReadonlyMap<string, readonly InstanceName[]>;
  /** Region names in order of the alphabet. */
  readonly regions: readonly string[];
  /** `<machine id> <region>`, by machine id. */
  readonly machines: readonly string[];
}

export class ZoneIndexes {
  readonly #apps = new WeakMap<AppZone, AppIndex>();
  readonly #appNames = new WeakMap<NetworkZone, readonly string[]>();

  app(app: AppZone): AppIndex {
    const known = this.#apps.get(app);
    if (known !== undefined) return known;
    const index = indexApp(app);
    this.#apps.set(app, index);
    return index;
  }

  /** The names of the network's apps in order of the alphabet. */
  appNames(zone: NetworkZone): readonly string[] {
    const known = this.#appNames.get(zone);
    if (known !== undefined) return known;
    const names = [...zone.apps.keys()].sort();
    this.#appNames.set(zone, names);
    return names;
  }
}

function indexApp(app: AppZone): AppIndex {
  const byRegion = groupBy(app.instances, (instance) => instance.region);
  return {
    byRegion,
    byGroup: groupBy(app.instances, (instance) => instance.group),
    regions: [...byRegion.keys()].sort(),
    machines: app.instances.map((instance) => `${instance.machineId} ${instance.region}`).sort(),
  };
}

function groupBy(
  instances: readonly InstanceName[],
  key: (instance: InstanceName) => string,
): Map<string, readonly InstanceName[]> {
  const groups = new Map<string, InstanceName[]>();
  for (const instance of instances) {
    const group = groups.get(key(instance));
    if (group === undefined) groups.set(key(instance), [instance]);
    else group.push(instance);
  }
  return groups;
}

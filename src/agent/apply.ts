// Brings this host from the state that it was brought into last to a planned one, in the order that
// never names what cannot be reached:
//
//   names that go -> listeners that go -> peers, filter, TUNs -> links -> listeners -> names
//
// One failing part keeps no other from being applied. What equals the last time is left alone.

import { isDeepStrictEqual } from 'node:util';
import type { MachineId } from '../addressing/ids.ts';
import { asP6nError, type P6nError } from '../base/errors.ts';
import type { DataplaneConfig } from '../dataplane/config.ts';
import type { AppZone, InstanceName, NetworkZone, Zone } from '../dns/zone.ts';
import type { Ipv6Address } from '../ip/ipv6-address.ts';
import type { LinkSettings } from '../os/links.ts';
import type { Plan } from './plan.ts';
import type { CopySource, DataplaneHandle, LinkPort, NamesPort } from './ports.ts';
import type { PassResult } from './reconciler.ts';

/** The name of the host's own link among the failures. */
export const HOST_LINK = 'p6n0';

export interface ApplierDependencies {
  readonly dataplane: DataplaneHandle;
  readonly links: LinkPort;
  readonly names: NamesPort;
  readonly copy: Pick<CopySource, 'setNetworks'>;
}

export class Applier {
  readonly #dependencies: ApplierDependencies;
  #dataplane: DataplaneConfig | undefined;
  readonly #links = new Map<string, LinkSettings>();
  /** Undefined when they have to be opened anew. */
  #listeners: readonly Ipv6Address[] | undefined = [];
  /** Undefined until the name server has been told anything. */
  #zone: Zone | undefined;
  #followed: Plan['followed'] = new Set();

  constructor(dependencies: ApplierDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Looks at the host's link again with the next plan, in case somebody else has changed it. What
   * the root of an instance does with the instance's own link is that root's business.
   */
  distrustHostLink(): void {
    this.#links.delete(HOST_LINK);
  }

  /** The TUN of `part` (HOST_LINK or a machine id) is gone, and with it all that stood on it. */
  forgetTun(part: string): void {
    this.#dataplane = undefined;
    this.#links.delete(part);
    // Sockets stay bound to the interface that was, although the next one has its name.
    if (part === HOST_LINK) this.#listeners = undefined;
  }

  async apply(plan: Plan): Promise<PassResult> {
    const failures = new Map<string, P6nError>();
    let changes = 0;
    const step = async (part: string, run: () => number | Promise<number>): Promise<void> => {
      try {
        changes += await run();
      } catch (error) {
        failures.set(part, asP6nError(error, `Cannot apply ${part}`));
      }
    };
    await step('names', () => this.#withdrawNames(plan.zone));
    await step('listeners', () => this.#withdrawListeners(plan.listeners));
    await step('follow', () => this.#applyFollowed(plan.followed));
    await step('dataplane', () => this.#applyDataplane(plan.dataplane));
    await step(HOST_LINK, () => this.#applyLink(HOST_LINK, plan.hostLink));
    await this.#applyInstanceLinks(plan.instanceLinks, step);
    await step('listeners', () => this.#applyListeners(plan.listeners));
    await step('names', () => this.#applyZone(plan.zone));
    return { changes, failures };
  }

  #withdrawNames(next: Zone): number {
    return this.#zone === undefined ? 0 : this.#applyZone(commonZone(this.#zone, next));
  }

  #applyZone(zone: Zone): number {
    if (isDeepStrictEqual(this.#zone, zone)) return 0;
    this.#dependencies.names.setZone(zone);
    this.#zone = zone;
    return 1;
  }

  #withdrawListeners(next: readonly Ipv6Address[]): Promise<number> {
    return this.#applyListeners((this.#listeners ?? []).filter((one) => next.includes(one)));
  }

  async #applyListeners(listeners: readonly Ipv6Address[]): Promise<number> {
    if (isDeepStrictEqual(this.#listeners, listeners)) return 0;
    await this.#dependencies.names.setListeners(listeners);
    this.#listeners = listeners;
    return 1;
  }

  #applyFollowed(followed: Plan['followed']): number {
    if (isDeepStrictEqual(this.#followed, followed)) return 0;
    this.#dependencies.copy.setNetworks(followed);
    this.#followed = followed;
    return 1;
  }

  async #applyDataplane(config: DataplaneConfig): Promise<number> {
    if (isDeepStrictEqual(this.#dataplane, config)) return 0;
    // Until it is known to hold, nothing is known of what holds.
    this.#dataplane = undefined;
    await this.#dependencies.dataplane.applyConfig(config);
    this.#dataplane = config;
    return 1;
  }

  async #applyInstanceLinks(
    links: ReadonlyMap<MachineId, LinkSettings>,
    step: (part: string, run: () => Promise<number>) => Promise<void>,
  ): Promise<void> {
    for (const part of this.#links.keys()) {
      if (part !== HOST_LINK && !links.has(part as MachineId)) this.#links.delete(part);
    }
    for (const [machineId, link] of links) {
      await step(machineId, () => this.#applyLink(machineId, link));
    }
  }

  async #applyLink(part: string, link: LinkSettings): Promise<number> {
    if (isDeepStrictEqual(this.#links.get(part), link)) return 0;
    this.#links.delete(part);
    const changes = await this.#dependencies.links.configure(link);
    this.#links.set(part, link);
    return changes;
  }
}

/** What both zones say: the names of `before` less those that `next` withdraws. */
function commonZone(before: Zone, next: Zone): Zone {
  return {
    networks: new Map(
      [...before.networks].flatMap(([id, network]) => {
        const after = next.networks.get(id);
        return after === undefined ? [] : [[id, commonNetwork(network, after)] as const];
      }),
    ),
  };
}

function commonNetwork(before: NetworkZone, next: NetworkZone): NetworkZone {
  const apps = new Map<string, AppZone>();
  for (const [name, app] of before.apps) {
    const after = next.apps.get(name);
    if (after === undefined) continue;
    const named = new Set(app.instances.map(({ address }) => address));
    const instances = after.instances.filter(({ address }) => named.has(address));
    // What starts keeps its name, which exists already, and gets its address with the rest.
    const isNamed = new Set([...instances, ...after.stopped].map(({ machineId }) => machineId));
    const starting = app.stopped.filter(({ machineId }) => !isNamed.has(machineId));
    const stopped = [...after.stopped, ...starting].sort(byMachineId);
    apps.set(name, { name, instances, stopped });
  }
  const addresses = new Set(next.peers.map(({ address }) => address));
  return { ...before, apps, peers: before.peers.filter(({ address }) => addresses.has(address)) };
}

function byMachineId(a: InstanceName, b: InstanceName): number {
  return a.machineId < b.machineId ? -1 : 1;
}

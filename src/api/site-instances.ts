// The instances of the whole site, as one host tells them: its own by itself, which knows better
// than its records at the servers what it has, and those of others by a server.

import { isMachineId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';
import type { Principal } from '../registry/authority.ts';
import type { AppView } from './contract/apps.ts';
import type { InstanceFilter, InstanceList, InstanceView } from './contract/instances.ts';
import { fitsFilter } from './instance-filter.ts';
import type { InstanceService, RegistryService } from './services.ts';

export interface SiteInstances {
  readonly instances: InstanceService;
  readonly registry: Pick<RegistryService, 'listInstances'>;
}

export async function ownInstances(
  { instances }: SiteInstances,
  principal: Principal,
  filter: InstanceFilter,
): Promise<readonly InstanceView[]> {
  return (await instances.list(principal)).filter((one) => fitsFilter(one, filter));
}

/** Rejects where no server answers. */
export async function allInstances(
  services: SiteInstances,
  principal: Principal,
  filter: InstanceFilter,
): Promise<readonly InstanceView[]> {
  const own = await ownInstances(services, principal, filter);
  const all = await services.registry.listInstances(principal, filter);
  const here = services.instances.hostId();
  return [...own, ...all.instances.filter((one) => one.host_id !== here)];
}

/** As all of them; where no server answers, this host's own and a word about it. */
export async function knownInstances(
  services: SiteInstances,
  principal: Principal,
  filter: InstanceFilter,
): Promise<InstanceList> {
  if (filter.here === '1') return { instances: await ownInstances(services, principal, filter) };
  try {
    return { instances: await allInstances(services, principal, filter) };
  } catch (error) {
    if (!(error instanceof P6nError) || error.fault !== 'environment') throw error;
    return {
      instances: await ownInstances(services, principal, filter),
      incomplete: error.message,
    };
  }
}

/**
 * The app of an instance; undefined where another one has that name by now: an app that was removed
 * while the instance's host was cut off may have left its name, also to one on another network.
 * Rejects with NOT_FOUND where none has the name.
 */
export async function appOf(
  registry: Pick<RegistryService, 'getApp' | 'getNetwork'>,
  principal: Principal,
  { app: name, network_id: networkId }: InstanceView,
): Promise<AppView | undefined> {
  const app = await registry.getApp(principal, name);
  const { id } = await registry.getNetwork(principal, {
    name: app.network,
    organization: app.organization.slug,
  });
  return id === networkId ? app : undefined;
}

/** One of this host by its id or name, or one of another by its id. Rejects with NOT_FOUND. */
export async function showInstance(
  services: SiteInstances,
  principal: Principal,
  reference: string,
): Promise<InstanceView> {
  try {
    return await services.instances.show(principal, reference);
  } catch (error) {
    const elsewhere =
      error instanceof P6nError && error.code === 'NOT_FOUND' && isMachineId(reference);
    if (!elsewhere) throw error;
    const { instances } = await services.registry.listInstances(principal, {});
    const found = instances.find((one) => one.id === reference);
    if (found === undefined) throw error;
    return found;
  }
}

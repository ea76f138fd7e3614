// Taking an app from the site, by force with its instances, in steps that can be repeated.

import type { HostId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';
import { removeApp } from './apps.ts';
import { listInstances, removeInstance } from './instances.ts';
import type { App } from './model.ts';
import type { RegistryContext } from './transaction.ts';

/** Hosts may write instances while they are removed; they cannot do so for long. */
const ROUNDS_MAX = 8;

/**
 * Removes an app and the records of its instances, if `owner`, where there is one, is the host of
 * all. Their hosts, whose writes are refused from then on, stop them.
 */
export async function removeAppByForce(
  context: RegistryContext,
  name: string,
  owner: HostId | undefined,
): Promise<App> {
  for (let round = 1; ; round += 1) {
    const instances = await listInstances(context, { app: name });
    const foreign = instances.find(({ host }) => owner !== undefined && host !== owner);
    if (foreign !== undefined) throw ofOthers(name);
    for (const { host, machineId } of instances) await removeInstance(context, host, machineId);
    try {
      return await removeApp(context, name);
    } catch (error) {
      const isBusy = error instanceof P6nError && error.code === 'APP_IN_USE';
      if (!isBusy || round === ROUNDS_MAX) throw error;
    }
  }
}

function ofOthers(name: string): P6nError {
  return new P6nError('NOT_PERMITTED', `Cannot remove app "${name}": other hosts run it`, {
    hint: 'Remove its instances on their hosts, or run the command on a server.',
  });
}

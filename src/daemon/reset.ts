// Takes from the machine what p6n has made on it: instances, interfaces, routes and rules. What
// p6nd keeps in its state folder stays, so that it can be started again as the host that it was.

import { endInstances } from '../agent/end-instances.ts';
import { Lifecycle } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import type { DaemonConfig } from './config.ts';
import { HOST_DEVICE, linuxMachine } from './machine.ts';
import {
  lockNetworkNamespace,
  lockStateFolder,
  requireMachine,
  requireStateFolder,
} from './preflight.ts';

/**
 * Ends all instances of the state folder and removes what p6nd leaves behind when it ends. Throws
 * ALREADY_RUNNING while a p6nd runs, which has to do that itself.
 */
export async function resetHost(
  { stateDir }: Pick<DaemonConfig, 'stateDir'>,
  logger: Logger,
): Promise<void> {
  const { clock, links, locks } = linuxMachine();
  const lifecycle = new Lifecycle(logger);
  try {
    requireMachine();
    await requireStateFolder(stateDir);
    lifecycle.started('state lock', lockStateFolder(locks, stateDir));
    lifecycle.started('lock', await lockNetworkNamespace(links, logger));
    await endInstances({ clock, links, logger }, stateDir);
    await links.remove(undefined, HOST_DEVICE);
    await links.releaseExclusive(HOST_DEVICE);
    logger.info('host is reset');
  } finally {
    await lifecycle.stop();
  }
}

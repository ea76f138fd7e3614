// Ends the instances of a host whose p6nd does not run. Their records stay, as stopped ones.

import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { STOP_GRACE_MS } from './instances.ts';
import { JOURNAL_FOLDER, Journal } from './journal.ts';
import { TUN_NAME } from './plan.ts';
import type { LinkPort } from './ports.ts';
import { Roster } from './roster.ts';
import { PROCESS_SUPERVISION } from './supervision.ts';

export interface EndInstancesDependencies {
  readonly links: Pick<LinkPort, 'find' | 'remove'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Leaves no command and no interface of an instance of `stateFolder`. */
export async function endInstances(
  { links, clock, logger }: EndInstancesDependencies,
  stateFolder: string,
): Promise<void> {
  const journal = await Journal.open(join(stateFolder, JOURNAL_FOLDER), logger);
  const supervision = PROCESS_SUPERVISION;
  const onChange = (): void => undefined;
  const roster = new Roster({ journal, supervision, clock, logger, onChange }, stateFolder);
  await roster.recover();
  // Their owners may have moved them since the last start of p6nd.
  await roster.attached.recordNames(links);
  const started = journal.instances().filter(({ instance }) => instance.state === 'started');
  await Promise.all(
    started.map(async ({ instance }) => {
      const { machineId } = instance;
      await roster.recordEnd(machineId, await roster.end(machineId, STOP_GRACE_MS));
    }),
  );
  for (const { exit, instance, startsAgain } of journal.instances()) {
    if (startsAgain === true) await roster.setState(instance.machineId, 'stopped', { exit });
  }
  for (const { name = TUN_NAME, namespace } of roster.attached.leftInterfaces()) {
    await links.remove(namespace, name);
  }
  roster.disconnect();
}

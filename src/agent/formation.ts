// How a cluster comes about on this host: records for all members, addresses for all, commands for
// all, and none of it where one of them cannot start.

import type { MachineId } from '../addressing/ids.ts';
import { requireName } from '../addressing/names.ts';
import type { AppOnNetwork } from '../registry/model.ts';
import { asCluster, asFormed, drawClusterId, forEachMember } from './clusters.ts';
import { draftRecord, requireMetadata } from './draft.ts';
import { commandSpec } from './environment.ts';
import type { InstancesDependencies } from './instances.ts';
import type { JournalRecord } from './journal-record.ts';
import type { RunRequest } from './ports.ts';
import type { Roster } from './roster.ts';
import type { Supervisor } from './supervision.ts';

type FormationDependencies = Pick<
  InstancesDependencies,
  'applied' | 'clock' | 'identity' | 'logger' | 'random' | 'roster'
>;

/** Records of all members, which no other instance can come between. */
export async function draftCluster(
  { clock, identity, random, roster }: FormationDependencies,
  { command, name, settings, workingDirectory = '/', ...facts }: RunRequest,
  home: AppOnNetwork,
  size: number,
): Promise<readonly JournalRecord[]> {
  const { journal } = roster;
  if (name !== undefined) requireName('instance', `${name}-${size - 1}`);
  const now = clock.wallNow();
  const own = {
    origin: 'run',
    command,
    workingDirectory,
    settings,
    attachment: undefined,
  } as const;
  const drafts: JournalRecord[] = [];
  const kept: Promise<void>[] = [];
  try {
    for (let rank = 0; rank < size; rank += 1) {
      const named = { ...facts, name: name === undefined ? undefined : `${name}-${rank}` };
      const draft = draftRecord({ journal, identity: identity(), random, now }, home, named, own);
      drafts.push(draft);
      kept.push(journal.put(draft));
    }
    const members = asCluster(drafts, drawClusterId(random, now));
    for (const member of members) {
      // With those that say of the cluster, there may be too many.
      requireMetadata(member.instance.metadata);
      kept.push(journal.put(member));
    }
    await Promise.all(kept);
    return members;
  } catch (error) {
    await Promise.allSettled(kept);
    for (const { instance } of drafts) await roster.discard(instance.machineId);
    throw error;
  }
}

/** Commands start when all members have their addresses; names come last. */
export async function formCluster(
  { applied, roster }: FormationDependencies,
  members: readonly JournalRecord[],
): Promise<void> {
  const launched = new Map<MachineId, Supervisor>();
  await forEachMember(members, async (record) => {
    launched.set(record.instance.machineId, await roster.launch(record));
  });
  const { failures } = await applied();
  for (const { instance } of members) {
    const failure = failures.get(instance.machineId);
    if (failure !== undefined) throw failures.get('dataplane') ?? failure;
  }
  await forEachMember(members, async (record) => {
    await launched.get(record.instance.machineId)?.start(commandSpec(record));
  });
  for (const [machineId, supervisor] of launched) await noteStarted(roster, machineId, supervisor);
  for (const { instance } of members) {
    const record = roster.journal.get(instance.machineId);
    if (record !== undefined) await roster.journal.put(asFormed(record));
  }
  await applied();
}

/**
 * Ends all members, also where the disk takes no record of it: what is left of those is a matter
 * of the next start. A server may have heard of some of them already.
 */
export async function dissolve(
  { applied, logger, roster }: FormationDependencies,
  ids: readonly MachineId[],
): Promise<void> {
  await Promise.all(ids.map((machineId) => roster.supervisor(machineId)?.stop(0)));
  for (const machineId of ids) {
    const record = roster.journal.get(machineId);
    if (record === undefined) continue;
    try {
      await roster.journal.put({ ...record, removed: true, pending: true });
      await roster.removeDirectory(machineId);
    } catch (error) {
      logger.error('member of no cluster is left', { machineId, error: String(error) });
    }
  }
  await applied();
}

/** A command that has ended already was not started while it did. */
export async function noteStarted(
  roster: Roster,
  machineId: MachineId,
  supervisor: Supervisor | undefined,
): Promise<void> {
  await roster.setState(machineId, 'started');
  if (supervisor !== undefined && roster.supervisor(machineId) !== supervisor) {
    await roster.recordEnd(machineId, await supervisor.ended);
  }
}

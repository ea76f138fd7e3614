// The record of a new instance: checked names and sizes, and ids that nothing else here has.

import { drawInstanceId, drawMachineId, type MachineId } from '../addressing/ids.ts';
import { instanceAddress } from '../addressing/layout.ts';
import { DEFAULT_GROUP, NAME_LENGTH_MAX, requireName } from '../addressing/names.ts';
import { toHex } from '../base/bytes.ts';
import type { WallMillis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import { type Random, randomBytes } from '../base/random.ts';
import { declarationProblem } from '../registry/declared-services.ts';
import {
  type AppOnNetwork,
  METADATA_BYTES_MAX,
  METADATA_KEY_LENGTH_MAX,
  METADATA_PAIRS_MAX,
  METADATA_VALUE_LENGTH_MAX,
} from '../registry/model.ts';
import { requireForeignKeys } from './clusters.ts';
import type { Journal } from './journal.ts';
import type { JournalRecord } from './journal-record.ts';
import type { AgentIdentity, AttachRequest, RunRequest } from './ports.ts';
import { requireRunSettings } from './run-settings.ts';

/** Each has a TUN and most a supervisor. */
export const INSTANCES_MAX = 4096;
/**
 * The words of a command with the bytes between them; a line to a supervisor holds it twice over.
 */
export const COMMAND_BYTES_MAX = 131_072;
const DRAWN_NAME_BYTES = 2;

export interface DraftDependencies {
  readonly journal: Journal;
  readonly identity: AgentIdentity;
  readonly random: Random;
  readonly now: WallMillis;
}

type Facts = Pick<
  RunRequest | AttachRequest,
  'name' | 'group' | 'metadata' | 'services' | 'checks'
>;

/** Throws what a person can do something about, before anything is asked of a server. */
export function requireRunRequest(request: RunRequest): void {
  const { command, workingDirectory } = request;
  const bytes = command.reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0);
  if (command.length === 0 || command[0] === '') throw badValue('an empty command');
  if (bytes > COMMAND_BYTES_MAX)
    throw badValue(`a command of more than ${COMMAND_BYTES_MAX} bytes`);
  if (command.some((word) => word.includes('\0'))) throw badValue('a command with a zero byte');
  if (workingDirectory !== undefined && !workingDirectory.startsWith('/')) {
    throw badValue(`"${workingDirectory}" as working directory, as it is not absolute`);
  }
  requireRunSettings(request.settings ?? {});
  requireFacts(request);
}

export function requireFacts({ name, group, metadata, services, checks }: Facts): void {
  requireForeignKeys(Object.keys(metadata ?? {}));
  if (name !== undefined) requireName('instance', name);
  if (group !== undefined) requireName('group', group);
  requireMetadata(metadata ?? {});
  const problem = declarationProblem({ services, checks });
  if (problem === undefined) return;
  throw new P6nError('VALUE_INVALID', `Cannot create the instance: ${problem}`);
}

/** What the registry would refuse later is refused before anything is made. */
export function requireMetadata(metadata: Readonly<Record<string, string>>): void {
  const pairs = Object.entries(metadata);
  if (pairs.length > METADATA_PAIRS_MAX) {
    throw badValue(`more than ${METADATA_PAIRS_MAX} pairs of metadata`);
  }
  let bytes = 0;
  for (const [key, value] of pairs) {
    if (key === '') throw badValue('metadata with an empty key');
    if (key.length > METADATA_KEY_LENGTH_MAX || value.length > METADATA_VALUE_LENGTH_MAX) {
      throw badValue(`metadata "${key.slice(0, METADATA_KEY_LENGTH_MAX)}", as it is too long`);
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > METADATA_BYTES_MAX)
    throw badValue(`metadata of more than ${METADATA_BYTES_MAX} bytes`);
}

/**
 * The record of a new instance in state `created`. Whoever calls puts it into the journal at once.
 * Throws NAME_TAKEN or LIMIT_REACHED.
 */
export function draftRecord(
  dependencies: DraftDependencies,
  { app, network }: AppOnNetwork,
  facts: Facts,
  own: Pick<JournalRecord, 'origin' | 'command' | 'workingDirectory' | 'settings' | 'attachment'>,
): JournalRecord {
  const { journal, identity, random, now } = dependencies;
  if (journal.instances().length >= INSTANCES_MAX) {
    throw new P6nError(
      'LIMIT_REACHED',
      `Cannot create an instance: this host has ${INSTANCES_MAX} already`,
      { hint: 'Remove one that is not needed: `p6nctl instances remove`.' },
    );
  }
  const instanceId = drawInstanceId(random, journal.takenInstanceIds());
  return {
    instance: {
      kind: 'instance',
      machineId: freeMachineId(journal, random),
      app: app.name,
      network: network.id,
      host: identity.hostId,
      instanceId,
      address: instanceAddress(network.id, identity.hostId, instanceId),
      name:
        facts.name === undefined ? freeName(journal, random, app.name) : taken(journal, facts.name),
      group: facts.group ?? DEFAULT_GROUP,
      region: identity.region,
      metadata: { ...facts.metadata },
      state: 'created',
      ...(facts.services === undefined ? {} : { services: facts.services }),
      ...(facts.checks === undefined ? {} : { checks: facts.checks }),
      createdAt: now,
      updatedAt: now,
    },
    network: { name: network.name, regionScoped: network.regionScoped },
    tun: journal.freeTun(),
    exit: undefined,
    removed: false,
    pending: true,
    ...own,
  };
}

/** `name` itself; throws when an instance of this host has it. */
function taken(journal: Journal, name: string): string {
  const other = journal.find(name);
  if (other === undefined) return name;
  throw new P6nError(
    'NAME_TAKEN',
    `Cannot create instance "${name}": instance ${other.instance.machineId} has that name`,
    { hint: `Choose another name, or remove it first: \`p6nctl instances remove ${name}\`.` },
  );
}

function freeName(journal: Journal, random: Random, app: string): string {
  for (;;) {
    const suffix = `-${toHex(randomBytes(random, DRAWN_NAME_BYTES))}`;
    const name = app.slice(0, NAME_LENGTH_MAX - suffix.length) + suffix;
    if (journal.find(name) === undefined) return name;
  }
}

function freeMachineId(journal: Journal, random: Random): MachineId {
  for (;;) {
    const id = drawMachineId(random);
    if (journal.get(id) === undefined && journal.find(id) === undefined) return id;
  }
}

function badValue(what: string): P6nError {
  return new P6nError('VALUE_INVALID', `Cannot use ${what}`);
}

// One record of the journal: an instance of this host with what is needed to bring it back, as JSON
// text. What does not parse to exactly that is no record: the journal sets its file aside.

import { isHostId, isInstanceId, isMachineId, isNetworkId } from '../addressing/ids.ts';
import { instanceAddress } from '../addressing/layout.ts';
import { parseDeclared } from '../registry/declared-services.ts';
import type { Instance, InstanceState } from '../registry/model.ts';
import type { CommandExit } from './ports.ts';
import { parseRunSettings, type RunSettings } from './run-settings.ts';

const VERSION = 1;
const STATES: readonly InstanceState[] = ['created', 'started', 'stopped'];

export interface JournalRecord {
  readonly instance: Instance;
  /** The network's name and scope as of the instance's making, for a host without servers. */
  readonly network: { readonly name: string; readonly regionScoped: boolean };
  readonly origin: 'run' | 'attached';
  /** The number of its TUN in the data plane, its own for as long as it exists; from 1. */
  readonly tun: number;
  /** Empty for an attached one. */
  readonly command: readonly string[];
  readonly workingDirectory: string;
  readonly settings?: RunSettings | undefined;
  /** Where an attached one lives. */
  readonly attachment: Attachment | undefined;
  readonly exit: CommandExit | undefined;
  /** Whether it is stopped by nobody's will and p6nd starts it again, as soon as it can. */
  readonly startsAgain?: true | undefined;
  /** Removed here; the record stays until a server has heard of it. */
  readonly removed: boolean;
  /** Whether no server has taken this state yet. */
  readonly pending: boolean;
}

/** A namespace that somebody else made, and what tells it from a later one of the same name. */
export interface Attachment {
  /** A file of the namespace: as it was given, or that of the process; empty while nobody knows. */
  readonly path: string;
  /** Both 0 while the namespace is awaited. */
  readonly device: number;
  readonly inode: number;
  /** Of the kernel that has given the numbers: another one gives them out again. */
  readonly bootId: string;
  /** The process that was named, and its start in clock ticks since boot. */
  readonly pid: number | undefined;
  readonly startTicks: string | undefined;
  /** Of the interface in it; `p6n0` where undefined. */
  readonly interfaceName?: string | undefined;
  /**
   * Who has attached it and will take it away again, in words of its own: a container engine's
   * attachment. The instance goes with the namespace.
   */
  readonly owner?: string | undefined;
  /**
   * Under this name the interface is made in p6nd's own namespace, for its owner to move it: a
   * container engine that makes the namespace later. From then on it is where all others are.
   */
  readonly handover?: string | undefined;
}

export function formatRecord(record: JournalRecord): string {
  return `${JSON.stringify({ version: VERSION, ...record }, undefined, 2)}\n`;
}

/** The record in `text`, or undefined when it is not one. */
export function parseRecord(text: string): JournalRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value['version'] !== VERSION) return undefined;
  const { instance, network, attachment, exit } = value;
  if (!isInstance(instance) || !isNetworkFacts(network) || !isOwnPart(value)) return undefined;
  if (attachment !== undefined && !isAttachment(attachment)) return undefined;
  if (exit !== undefined && !isExit(exit)) return undefined;
  const settings = parseRunSettings(value['settings'] ?? {});
  if (settings === undefined) return undefined;
  return {
    instance,
    network,
    ...(value['settings'] === undefined ? {} : { settings }),
    origin: value.origin,
    tun: value.tun,
    command: value.command,
    workingDirectory: value.workingDirectory,
    attachment,
    exit,
    removed: value.removed,
    pending: value.pending,
    ...(value['startsAgain'] === true ? { startsAgain: true } : {}),
  };
}

type Fields = Readonly<Record<string, unknown>>;

type OwnPart = Pick<
  JournalRecord,
  'origin' | 'tun' | 'command' | 'workingDirectory' | 'removed' | 'pending'
>;

function isOwnPart(value: Fields): value is Fields & OwnPart {
  const { origin, tun, command, workingDirectory, removed, pending } = value;
  return (
    (origin === 'run' || (origin === 'attached' && value['attachment'] !== undefined)) &&
    typeof tun === 'number' &&
    Number.isInteger(tun) &&
    tun > 0 &&
    Array.isArray(command) &&
    command.every((word) => typeof word === 'string') &&
    typeof workingDirectory === 'string' &&
    typeof removed === 'boolean' &&
    typeof pending === 'boolean'
  );
}

function isInstance(value: unknown): value is Instance {
  if (!isObject(value)) return false;
  const { machineId, network, host, instanceId, address, state } = value;
  return (
    value['kind'] === 'instance' &&
    typeof machineId === 'string' &&
    isMachineId(machineId) &&
    typeof network === 'number' &&
    isNetworkId(network) &&
    typeof host === 'number' &&
    isHostId(host) &&
    typeof instanceId === 'number' &&
    isInstanceId(instanceId) &&
    address === instanceAddress(network, host, instanceId) &&
    STATES.some((one) => one === state) &&
    ['app', 'name', 'group', 'region'].every((name) => typeof value[name] === 'string') &&
    ['createdAt', 'updatedAt'].every((name) => typeof value[name] === 'number') &&
    isObject(value['metadata']) &&
    Object.values(value['metadata']).every((text) => typeof text === 'string') &&
    parseDeclared(value) !== undefined
  );
}

function isNetworkFacts(value: unknown): value is JournalRecord['network'] {
  return (
    isObject(value) &&
    typeof value['name'] === 'string' &&
    typeof value['regionScoped'] === 'boolean'
  );
}

function isAttachment(value: unknown): value is Attachment {
  if (!isObject(value)) return false;
  const { path, device, inode, bootId, pid, startTicks } = value;
  const { handover, interfaceName, owner } = value;
  return (
    typeof path === 'string' &&
    typeof bootId === 'string' &&
    typeof device === 'number' &&
    typeof inode === 'number' &&
    (pid === undefined || typeof pid === 'number') &&
    [startTicks, interfaceName, owner, handover].every(
      (text) => text === undefined || typeof text === 'string',
    )
  );
}

function isExit(value: unknown): value is CommandExit {
  return isObject(value) && typeof value['at'] === 'number';
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Instances: written by their host alone.

import {
  type HostId,
  isInstanceId,
  isMachineId,
  type MachineId,
  type NetworkId,
} from '../addressing/ids.ts';
import { instanceAddress } from '../addressing/layout.ts';
import { requireName } from '../addressing/names.ts';
import { asP6nError, P6nError } from '../base/errors.ts';
import { requireApp } from './apps.ts';
import { decodeInstance, encodeRecord } from './codec.ts';
import { declarationProblem } from './declared-services.ts';
import {
  appNameKey,
  formatPlace,
  INSTANCES,
  instanceCountOfApp,
  instanceCountOfHost,
  instanceIdKey,
  instanceKey,
  instanceNameKey,
  instancesOf,
  machineKey,
  parseNetworkId,
  parsePlace,
} from './keys.ts';
import type { Instance } from './model.ts';
import { damaged } from './record-fields.ts';
import { requireMetadata } from './refusals.ts';
import {
  change,
  countDown,
  countUp,
  type RegistryContext,
  type Transaction,
} from './transaction.ts';

export const INSTANCES_PER_HOST_MAX = 65_536;
export const INSTANCES_PER_APP_MAX = 1_048_576;
/** How many one call writes. */
export const INSTANCES_PER_CALL_MAX = 1_024;

/** What stays as it is for an instance's life: its address and names hang on it. */
const FIXED_FIELDS = [
  'app',
  'network',
  'host',
  'instanceId',
  'address',
  'name',
  'group',
  'createdAt',
] as const;

/** What became of one record of several. */
export interface InstanceOutcome {
  readonly machineId: MachineId;
  /** Why it was refused; undefined when it was written. */
  readonly problem: P6nError | undefined;
}

export interface InstanceFilter {
  readonly app?: string | undefined;
  readonly host?: HostId | undefined;
  readonly network?: NetworkId | undefined;
}

export async function listInstances(
  { store }: RegistryContext,
  filter: InstanceFilter,
): Promise<readonly Instance[]> {
  let { network } = filter;
  const { app, host } = filter;
  if (app !== undefined && network === undefined) {
    requireName('app', app);
    network = parseNetworkId((await store.get(appNameKey(app)))?.value ?? '');
    if (network === undefined) return [];
  }
  const prefix = network === undefined ? INSTANCES : instancesOf(network, host);
  return (await store.list([prefix])).entries
    .map(decodeInstance)
    .filter((instance) => app === undefined || instance.app === app)
    .filter((instance) => host === undefined || instance.host === host);
}

export function findInstance(context: RegistryContext, machineId: MachineId): Promise<Instance> {
  return change(context, `find instance ${machineId}`, async (transaction) => {
    const instance = await lookupInstance(transaction, machineId);
    if (instance !== undefined) return instance;
    throw new P6nError('NOT_FOUND', `Cannot find instance "${machineId}": there is none`, {
      hint: '`p6nctl instances list --all` shows those that exist.',
    });
  });
}

export function putInstance(
  context: RegistryContext,
  host: HostId,
  instance: Instance,
): Promise<Instance> {
  return change(context, `write instance ${instance.machineId}`, async (transaction) => {
    const sound = requireSound(host, instance);
    const { machineId } = sound;
    await transaction.expect(instanceCountOfHost(host), machineKey(machineId), keyOf(sound));
    await requireTaking(transaction, sound);
    const existing = await lookupInstance(transaction, sound.machineId);
    if (existing === undefined) await addInstance(transaction, sound);
    else refuseChanged(host, existing, sound);
    const value = encodeRecord(sound);
    if (existing === undefined || encodeRecord(existing) !== value) {
      transaction.put(keyOf(sound), value);
    }
    return sound;
  });
}

export async function putInstances(
  context: RegistryContext,
  host: HostId,
  instances: readonly Instance[],
): Promise<readonly InstanceOutcome[]> {
  if (instances.length > INSTANCES_PER_CALL_MAX) {
    throw new P6nError(
      'LIMIT_REACHED',
      `Cannot write ${instances.length} instances at once: ${INSTANCES_PER_CALL_MAX} are allowed`,
    );
  }
  const outcomes: InstanceOutcome[] = [];
  for (const instance of instances) {
    const { machineId } = instance;
    try {
      await putInstance(context, host, instance);
      outcomes.push({ machineId, problem: undefined });
    } catch (error) {
      outcomes.push({ machineId, problem: asP6nError(error, 'Cannot write an instance') });
    }
  }
  return outcomes;
}

export async function removeInstance(
  context: RegistryContext,
  host: HostId,
  machineId: MachineId,
): Promise<void> {
  if (!isMachineId(machineId)) throw invalid(machineId, 'its machine id is not 14 hex digits');
  await change(context, `remove instance ${machineId}`, async (transaction) => {
    const instance = await lookupInstance(transaction, machineId);
    if (instance === undefined) return;
    if (instance.host !== host) throw ofAnotherHost(machineId);
    transaction.delete(keyOf(instance));
    transaction.delete(machineKey(machineId));
    transaction.delete(instanceIdKey(host, instance.instanceId));
    transaction.delete(instanceNameKey(host, instance.name));
    await countDown(transaction, instanceCountOfHost(host));
    await countDown(transaction, instanceCountOfApp(instance.app));
  });
}

async function lookupInstance(
  transaction: Transaction,
  machineId: MachineId,
): Promise<Instance | undefined> {
  const index = await transaction.get(machineKey(machineId));
  if (index === undefined) return undefined;
  const place = parsePlace(index.value);
  if (place === undefined) throw damaged(index.key, 'it is no place of an instance');
  const stored = await transaction.get(instanceKey(place.network, place.host, machineId));
  if (stored === undefined) throw damaged(index.key, 'its instance is missing');
  return decodeInstance(stored);
}

/** Refuses a host that was removed, or is being removed by force. */
async function requireTaking(
  transaction: Transaction,
  { host, machineId }: Instance,
): Promise<void> {
  if ((await transaction.count(instanceCountOfHost(host))) !== undefined) return;
  throw new P6nError('NOT_PERMITTED', `Cannot write instance ${machineId}: its host was removed`);
}

/** Takes what the new instance needs for itself alone: its place, id and name on its host. */
async function addInstance(transaction: Transaction, instance: Instance): Promise<void> {
  const { machineId, app, network, host, instanceId, name } = instance;
  const { network: networkOfApp } = await requireApp(transaction, app);
  // An app keeps its network for life: this is another app than that of the instance, which went.
  if (networkOfApp !== network) throw ofAnotherApp(machineId, app);
  if ((await transaction.get(instanceIdKey(host, instanceId))) !== undefined) {
    throw invalid(machineId, 'another instance of its host has its instance id');
  }
  if ((await transaction.get(instanceNameKey(host, name))) !== undefined) {
    throw new P6nError(
      'NAME_TAKEN',
      `Cannot write instance ${machineId}: another instance of its host is called "${name}"`,
    );
  }
  const hostKey = instanceCountOfHost(host);
  await countUp(transaction, hostKey, INSTANCES_PER_HOST_MAX, 'the instances of the host');
  const appKey = instanceCountOfApp(app);
  await countUp(transaction, appKey, INSTANCES_PER_APP_MAX, `the instances of app "${app}"`);
  transaction.put(machineKey(machineId), formatPlace(network, host));
  transaction.put(instanceIdKey(host, instanceId), machineId);
  transaction.put(instanceNameKey(host, name), machineId);
}

/**
 * Checks what can be said of a record by itself. Returns what is written: the fields of an
 * instance in one order, and nothing else that a host may have put into it.
 */
function requireSound(host: HostId, instance: Instance): Instance {
  const { machineId } = instance;
  if (!isMachineId(machineId)) throw invalid(machineId, 'its machine id is not 14 hex digits');
  if (instance.host !== host) throw ofAnotherHost(machineId);
  if (!isInstanceId(instance.instanceId))
    throw invalid(machineId, 'its instance id is out of range');
  requireName('app', instance.app);
  requireName('instance', instance.name);
  requireName('group', instance.group);
  requireName('region', instance.region);
  requireMetadata(machineId, instance.metadata);
  const sound = decoded(instance);
  const problem = declarationProblem(sound);
  if (problem !== undefined) throw invalid(machineId, problem);
  if (sound.address !== instanceAddress(sound.network, host, sound.instanceId)) {
    throw invalid(machineId, 'its address is not that of its network, host and instance id');
  }
  return sound;
}

function decoded(instance: Instance): Instance {
  try {
    return decodeInstance({ key: keyOf(instance), value: encodeRecord(instance) });
  } catch {
    throw invalid(instance.machineId, 'a field is missing or wrong');
  }
}

function refuseChanged(host: HostId, existing: Instance, instance: Instance): void {
  if (existing.host !== host) throw ofAnotherHost(instance.machineId);
  const changed = FIXED_FIELDS.find((field) => existing[field] !== instance[field]);
  if (changed !== undefined) throw invalid(instance.machineId, `its ${changed} cannot change`);
}

function keyOf({ network, host, machineId }: Instance): string {
  return instanceKey(network, host, machineId);
}

function invalid(machineId: string, facts: string): P6nError {
  return new P6nError('VALUE_INVALID', `Cannot write instance "${machineId}": ${facts}`);
}

function ofAnotherApp(machineId: MachineId, app: string): P6nError {
  const facts = `there is none, and one of that name on another network`;
  return new P6nError('NOT_FOUND', `Cannot find app "${app}" of instance ${machineId}: ${facts}`, {
    hint: 'Remove the instance and run it anew.',
  });
}

function ofAnotherHost(machineId: MachineId): P6nError {
  return new P6nError(
    'NOT_PERMITTED',
    `Cannot write instance ${machineId}: it is of another host`,
    {
      hint: 'An instance is written by its own host alone.',
    },
  );
}

// Networks: each has an id for ever, drawn at random and never given out again, and a name that is
// unique in its organization without regard to case.

import { drawNetworkId, type NetworkId } from '../addressing/ids.ts';
import { DEFAULT_ORGANIZATION, requireName } from '../addressing/names.ts';
import { P6nError } from '../base/errors.ts';
import { decodeApp, decodeNetwork, encodeRecord } from './codec.ts';
import {
  appCount,
  appsOf,
  formatId,
  NETWORKS,
  networkCount,
  networkIdKey,
  networkKey,
  networkNameKey,
  parseNetworkId,
} from './keys.ts';
import type { Network } from './model.ts';
import { requireOrganization } from './organizations.ts';
import { damaged } from './record-fields.ts';
import { nameSome } from './refusals.ts';
import {
  change,
  countDown,
  countUp,
  type RegistryContext,
  type Transaction,
} from './transaction.ts';
import { dropPeerCounts } from './wireguard/counts.ts';

export const NETWORKS_PER_ORGANIZATION_MAX = 16_384;
/** With even half of all ids given out, so many draws miss once in 2^128 times. */
const DRAWS_MAX = 128;

/** A network by its name; the organization is `default` where none is named. */
export interface NetworkReference {
  readonly name: string;
  readonly organization?: string | undefined;
}

export interface NewNetwork extends NetworkReference {
  readonly regionScoped?: boolean | undefined;
}

export interface NetworkFilter {
  readonly organization?: string | undefined;
}

/** A network's name with all that is left to defaults. */
export interface FullNetworkName {
  readonly name: string;
  readonly organization: string;
}

export function createNetwork(context: RegistryContext, network: NewNetwork): Promise<Network> {
  const full = fullName(network);
  return change(context, `create network "${network.name}"`, (transaction) =>
    addNetwork(context, transaction, full, network.regionScoped ?? false),
  );
}

export async function listNetworks(
  { store }: RegistryContext,
  { organization }: NetworkFilter,
): Promise<readonly Network[]> {
  const networks = (await store.list([NETWORKS])).entries.map(decodeNetwork);
  return networks
    .filter((network) => organization === undefined || network.organization === organization)
    .sort(byName);
}

export function findNetwork(
  context: RegistryContext,
  reference: NetworkReference,
): Promise<Network> {
  return change(context, `find network "${reference.name}"`, (transaction) =>
    requireNetwork(transaction, fullName(reference)),
  );
}

export function removeNetwork(
  context: RegistryContext,
  reference: NetworkReference,
): Promise<Network> {
  return change(context, `remove network "${reference.name}"`, async (transaction) => {
    const network = await requireNetwork(transaction, fullName(reference));
    const { id, name, organization } = network;
    if ((await transaction.count(appCount(id))) !== 0) throw await inUse(context, network);
    await dropPeerCounts(transaction, network);
    transaction.delete(networkKey(id));
    transaction.delete(networkNameKey(organization, name));
    transaction.delete(appCount(id));
    await countDown(transaction, networkCount(organization));
    return network;
  });
}

/** Makes a network as a part of a change. */
export async function addNetwork(
  context: RegistryContext,
  transaction: Transaction,
  { name, organization }: FullNetworkName,
  regionScoped: boolean,
): Promise<Network> {
  requireName('network', name);
  await requireOrganization(transaction, organization);
  if ((await lookupNetwork(transaction, { name, organization })) !== undefined) {
    throw new P6nError('NAME_TAKEN', `Cannot create network "${name}": it exists`, {
      hint: 'Names of networks are unique in their organization, without regard to case.',
    });
  }
  await countUp(
    transaction,
    networkCount(organization),
    NETWORKS_PER_ORGANIZATION_MAX,
    `the networks of organization "${organization}"`,
  );
  const id = await drawFreshId(context, transaction);
  const createdAt = context.clock.wallNow();
  const network: Network = { kind: 'network', id, name, organization, regionScoped, createdAt };
  transaction.put(networkKey(id), encodeRecord(network));
  transaction.put(networkNameKey(organization, name), formatId(id));
  transaction.put(appCount(id), '0');
  return network;
}

/** The network of that name, or undefined when there is none. */
export async function lookupNetwork(
  transaction: Transaction,
  { name, organization }: FullNetworkName,
): Promise<Network | undefined> {
  const index = await transaction.get(networkNameKey(organization, name));
  if (index === undefined) return undefined;
  const id = parseNetworkId(index.value);
  if (id === undefined) throw damaged(index.key, 'it is no id of a network');
  return await networkById(transaction, id);
}

/** The network with that id, which some other record names. */
export async function networkById(transaction: Transaction, id: NetworkId): Promise<Network> {
  const stored = await transaction.get(networkKey(id));
  if (stored === undefined) throw damaged(networkKey(id), 'it is missing');
  return decodeNetwork(stored);
}

export function fullName({ name, organization }: NetworkReference): FullNetworkName {
  return { name, organization: organization ?? DEFAULT_ORGANIZATION };
}

/** The network of that name; throws NOT_FOUND. */
export async function requireNetwork(
  transaction: Transaction,
  reference: FullNetworkName,
): Promise<Network> {
  const { name, organization } = reference;
  requireName('network', name);
  await requireOrganization(transaction, organization);
  const network = await lookupNetwork(transaction, reference);
  if (network !== undefined) return network;
  throw new P6nError(
    'NOT_FOUND',
    `Cannot find network "${name}": organization "${organization}" has none of that name`,
    { hint: '`p6nctl networks list` shows those that exist.' },
  );
}

/** An id that no network has or ever had, and that none will ever have again. */
async function drawFreshId(
  { random }: RegistryContext,
  transaction: Transaction,
): Promise<NetworkId> {
  for (let draws = 0; draws < DRAWS_MAX; draws++) {
    const id = drawNetworkId(random);
    if (!(await transaction.isUnused(networkIdKey(id)))) continue;
    transaction.put(networkIdKey(id), '');
    return id;
  }
  throw new P6nError('LIMIT_REACHED', 'Cannot create a network: its id was taken in every draw', {
    hint: 'Try again.',
  });
}

async function inUse({ store }: RegistryContext, { id, name }: Network): Promise<P6nError> {
  const apps = (await store.list([appsOf(id)])).entries.map((entry) => decodeApp(entry).name);
  return new P6nError('NETWORK_IN_USE', `Cannot remove network "${name}": it has apps`, {
    hint: `Remove its apps first: ${nameSome(apps)}.`,
  });
}

function byName(a: Network, b: Network): number {
  return (
    compareText(a.organization, b.organization) ||
    compareText(a.name.toLowerCase(), b.name.toLowerCase())
  );
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

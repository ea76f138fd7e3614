// Hosts: each has an id that is counted up and never given out again, a unique name, and a secret
// that proves its p6nd, of which the registry knows the hash.

import { createHash, timingSafeEqual } from 'node:crypto';
import { HOST_ID_MAX, type HostId, ID_MIN, isHostId } from '../addressing/ids.ts';
import { requireName } from '../addressing/names.ts';
import { P6nError } from '../base/errors.ts';
import { decodeHost, decodeHostSecret, encodeRecord } from './codec.ts';
import {
  formatId,
  HOST_COUNTER,
  HOSTS,
  hostKey,
  hostNameKey,
  hostSecretKey,
  instanceCountOfHost,
  inviteCount,
  parseHostId,
  SERVER_COUNT,
  wireguardKeyKey,
} from './keys.ts';
import type { Host, HostRole, HostSecret } from './model.ts';
import { damaged } from './record-fields.ts';
import { requireEndpoints, requirePublicKey } from './refusals.ts';
import { requireSigningSite } from './site.ts';
import { change, countUp, type RegistryContext, type Transaction } from './transaction.ts';

export const SERVERS_MAX = 64;

/** A host by its id or its name. */
export type HostReference = number | string;

/** What a host may change of its own record; what is absent stays. */
export interface HostUpdate {
  readonly endpoints?: readonly string[] | undefined;
  readonly region?: string | undefined;
}

export interface NewHost {
  readonly name: string;
  readonly region: string;
  readonly publicKey: string;
  readonly endpoints: readonly string[];
  readonly role: HostRole;
}

export async function listHosts({ store }: RegistryContext): Promise<readonly Host[]> {
  return (await store.list([HOSTS])).entries.map(decodeHost);
}

export function findHost(context: RegistryContext, reference: HostReference): Promise<Host> {
  return change(context, `find host "${reference}"`, (transaction) =>
    requireHost(transaction, reference),
  );
}

export function updateHost(
  context: RegistryContext,
  id: HostId,
  { endpoints, region }: HostUpdate,
): Promise<Host> {
  return change(context, 'update the host', async (transaction) => {
    if (endpoints !== undefined) requireEndpoints(endpoints);
    if (region !== undefined) requireName('region', region);
    const host = await requireHost(transaction, id);
    const updated: Host = {
      ...host,
      endpoints: endpoints ?? host.endpoints,
      region: region ?? host.region,
    };
    if (encodeRecord(updated) === encodeRecord(host)) return host;
    transaction.put(hostKey(id), encodeRecord(updated));
    return updated;
  });
}

/** Marks a host as drained, or as good for instances again. */
export function drainHost(
  context: RegistryContext,
  reference: HostReference,
  isDrained: boolean,
): Promise<Host> {
  return change(context, `drain host "${reference}"`, async (transaction) => {
    const { drainedAt, ...host } = await requireHost(transaction, reference);
    const at = isDrained ? (drainedAt ?? context.clock.wallNow()) : undefined;
    const updated: Host = { ...host, ...(at === undefined ? {} : { drainedAt: at }) };
    if (at !== drainedAt) transaction.put(hostKey(host.id), encodeRecord(updated));
    return updated;
  });
}

/** Keeps where `server` sees a host, or that it sees it where the host says that it is. */
export function noteObserved(
  context: RegistryContext,
  id: HostId,
  server: HostId,
  endpoint: string | undefined,
): Promise<void> {
  return change(context, 'note where a host is seen', async (transaction) => {
    const { observed = {}, ...host } = await requireHost(transaction, id);
    if (observed[server] === endpoint) return;
    if (endpoint !== undefined) requireEndpoints([endpoint]);
    const { [server]: _, ...others } = observed;
    const seen = endpoint === undefined ? others : { ...others, [server]: endpoint };
    const isSeen = Object.keys(seen).length > 0;
    const updated: Host = { ...host, ...(isSeen ? { observed: seen } : {}) };
    transaction.put(hostKey(id), encodeRecord(updated));
  });
}

export async function verifyHostSecret(
  { store }: RegistryContext,
  host: HostId,
  secret: string,
): Promise<boolean> {
  // The same news take away the tunnel of a host that is removed.
  const stored = await store.glance(hostSecretKey(host));
  if (stored === undefined) return false;
  const expected = Buffer.from(decodeHostSecret(stored).secretHash);
  const actual = Buffer.from(hashSecret(secret));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** Keeps the proof of a host's secret; again at will. */
export function setHostSecret(
  context: RegistryContext,
  host: HostId,
  secret: string,
): Promise<void> {
  return change(context, 'keep the proof of a secret', async (transaction) => {
    await requireHost(transaction, host);
    await putSecret(transaction, host, secret);
  });
}

export async function putSecret(
  transaction: Transaction,
  host: HostId,
  secret: string,
): Promise<void> {
  const record: HostSecret = { kind: 'host-secret', host, secretHash: hashSecret(secret) };
  const value = encodeRecord(record);
  const stored = await transaction.get(hostSecretKey(host));
  if (stored?.value !== value) transaction.put(hostSecretKey(host), value);
}

/** What the registry keeps of a host's secret. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Makes a host as a part of a change, with the next id. */
export async function addHost(
  context: RegistryContext,
  transaction: Transaction,
  host: NewHost,
): Promise<Host> {
  const { name, region, publicKey, endpoints, role } = host;
  requireName('host', name);
  requireName('region', region);
  requirePublicKey(publicKey);
  requireEndpoints(endpoints);
  if ((await transaction.get(hostNameKey(name))) !== undefined) {
    throw new P6nError('NAME_TAKEN', `Cannot add host "${name}": there is one of that name`, {
      hint: 'Start p6nd with another --name, or remove the host of that name if it is gone.',
    });
  }
  if ((await transaction.get(wireguardKeyKey(publicKey))) !== undefined) {
    throw new P6nError('ALREADY_JOINED', `Cannot add host "${name}": its key belongs to the site`, {
      hint: 'Join with a key of its own; remove a copied state folder.',
    });
  }
  const id = await nextId(transaction);
  const createdAt = context.clock.wallNow();
  const site = await requireSigningSite(context, transaction);
  const key = { publicKey, generation: 1 };
  const signature = context.signer.signHost(site.id, { id, name, role }, key);
  const added: Host = {
    ...{ kind: 'host', id, name, region, ...key, signature, endpoints, role, createdAt },
  };
  transaction.put(hostKey(id), encodeRecord(added));
  transaction.put(hostNameKey(name), formatId(id));
  transaction.put(wireguardKeyKey(publicKey), `host/${formatId(id)}`);
  transaction.put(instanceCountOfHost(id), '0');
  if (role === 'server') {
    transaction.put(inviteCount(id), '0');
    await countUp(transaction, SERVER_COUNT, SERVERS_MAX, 'the servers of the site');
  }
  return added;
}

/** The host of that id or name; throws NOT_FOUND. */
export async function requireHost(
  transaction: Transaction,
  reference: HostReference,
): Promise<Host> {
  const id = typeof reference === 'number' ? reference : await idOf(transaction, reference);
  const stored = id === undefined || !isHostId(id) ? undefined : await transaction.get(hostKey(id));
  if (stored !== undefined) return decodeHost(stored);
  throw new P6nError('NOT_FOUND', `Cannot find host "${reference}": there is none`, {
    hint: '`p6nctl hosts list` shows those that exist.',
  });
}

async function idOf(transaction: Transaction, name: string): Promise<HostId | undefined> {
  requireName('host', name);
  const index = await transaction.get(hostNameKey(name));
  if (index === undefined) return undefined;
  const id = parseHostId(index.value);
  if (id === undefined) throw damaged(index.key, 'it is no id of a host');
  return id;
}

/** Counts up for ever, so no id is given out twice. */
async function nextId(transaction: Transaction): Promise<HostId> {
  const stored = await transaction.get(HOST_COUNTER);
  const id = stored === undefined ? ID_MIN : Number.parseInt(stored.value, 16);
  if (!Number.isInteger(id) || id < ID_MIN) throw damaged(HOST_COUNTER, 'it is no count');
  if (id > HOST_ID_MAX) {
    throw new P6nError('LIMIT_REACHED', 'Cannot add a host: the site has given out all host ids');
  }
  transaction.put(HOST_COUNTER, (id + 1).toString(16).padStart(8, '0'));
  return id as HostId;
}

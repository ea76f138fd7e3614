// A registry that takes no writes for a while: one that was restored to an older state, one that is
// being imported, one that was exported to be served elsewhere. One record says so, and every
// change compares that there is none; so it holds on all servers from one moment on.
//
//                restored                    accept
//    open  ------------------>  restored  ------------>  open, after it has taken over every id
//      |       export --close                accept            that hosts and exports report
//      +--------------------->  exported  ------------>  open
//      |           import                    import
//      +--------------------->  importing -----------> open, as a new incarnation

import { HOST_ID_MAX, type HostId, ID_MIN, type NetworkId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';
import { decodeClosure, encodeRecord } from './codec.ts';
import { CLOSURE, formatId, HOST_COUNTER, networkIdKey, REPORTS, reportKey, SITE } from './keys.ts';
import type { Closure, ClosureReason, PeerRemovals, WireguardPeer } from './model.ts';
import { type Store, type StoreCompare, type StoreWrite, TRANSACTION_WRITES_MAX } from './store.ts';
import type { RegistryContext } from './transaction.ts';

/** Ids that somebody knows to have been given out. */
export interface KnownIds {
  readonly networks: readonly NetworkId[];
  /** The highest id of a host; ids of hosts are counted up. */
  readonly highestHost: HostId | undefined;
  readonly peers?: readonly KnownPeers[];
}

/** What somebody knows of the WireGuard peers of a network. */
export interface KnownPeers {
  readonly network: NetworkId;
  /** The one with the highest number. */
  readonly last?: WireguardPeer | undefined;
  readonly removals?: PeerRemovals | undefined;
  /** The last number that was given out, by the word of an operator. */
  readonly count?: number | undefined;
}

/** What one host may report: a liar burns no more ids than these. */
const HOSTS_AHEAD_MAX = 4_096;
/** No host has instances in more networks at a time. */
const NETWORKS_OF_HOST_MAX = 4_096;
const REPORT_PATTERN = /^([0-9a-f]{8}) (\d{1,5})$/;
/** Ids of hosts that are left out when a restored registry is opened: nobody may know them. */
const HOSTS_SKIPPED = 256;
const ATTEMPTS_MAX = 100;

/** Why the registry takes no writes; undefined while it does. */
export async function findClosure(store: Store): Promise<Closure | undefined> {
  return (await readClosure(store))?.closure;
}

/** Throws REGISTRY_CLOSED while the registry takes no writes. */
export async function refuseClosed(store: Store, action: string): Promise<void> {
  const closure = await findClosure(store);
  if (closure === undefined) return;
  throw closedError(closure, action);
}

/** As refuseClosed(), also where nobody has looked yet at what the store says of itself. */
export async function requireOpen(context: RegistryContext, action: string): Promise<void> {
  await refuseClosed(context.store, action);
  if (context.store.restored === undefined) return;
  await admitRestored(context);
  await refuseClosed(context.store, action);
}

/**
 * Throws while there is nothing for a follower to follow, which then keeps what it has: an empty
 * registry is one that waits for an import.
 */
export async function requireFollowable(context: RegistryContext): Promise<void> {
  const { store } = context;
  // Any answer says whether the store was restored; a thousand followers may ask at once.
  const site = await store.glance(SITE);
  if (store.restored !== undefined) await admitRestored(context);
  else if (site !== undefined && (await store.glance(CLOSURE)) === undefined) return;
  const emptiness = await emptinessOf(store, 'follow the registry');
  if (emptiness !== undefined) throw emptiness;
}

/** What to say of a registry that has no site, or not the whole of one yet. */
export async function emptinessOf(store: Store, action: string): Promise<P6nError | undefined> {
  const closure = await findClosure(store);
  if (closure?.reason === 'importing') return closedError(closure, action);
  if ((await store.get(SITE)) !== undefined) return undefined;
  return new P6nError('REGISTRY_EMPTY', `Cannot ${action}: there is no site in the registry`, {
    hint: 'Is it the right --registry? If it is new, `p6nctl registry import` fills it.',
  });
}

/** Begins a new incarnation of a store that was restored to an older state, closed for writes. */
export async function admitRestored({ store, clock, logger }: RegistryContext): Promise<void> {
  const facts = store.restored;
  if (facts === undefined) return;
  logger.error('registry was restored: it takes no writes until it is accepted', { error: facts });
  await store.beginIncarnation([putClosure({ reason: 'restored', since: clock.wallNow(), facts })]);
}

/** Closes an open registry that is about to be served elsewhere. */
export async function closeExported({ store, clock }: RegistryContext): Promise<void> {
  const facts = 'it was exported to be served elsewhere';
  const write = putClosure({ reason: 'exported', since: clock.wallNow(), facts });
  const { committed } = await store.transact({
    compares: [{ key: CLOSURE, modRevision: 0 }],
    writes: [write],
  });
  if (!committed) await refuseClosed(store, 'export the registry to close it');
}

export function putClosure(closure: Omit<Closure, 'kind'>): StoreWrite {
  return { type: 'put', key: CLOSURE, value: encodeRecord({ kind: 'closure', ...closure }) };
}

/**
 * Takes over what `host` (undefined for an export) knows to be given out, while the registry waits
 * to be accepted after a restore. False when it does not.
 */
export async function takeOver(
  { store, logger }: RegistryContext,
  host: HostId | undefined,
  { networks, highestHost }: KnownIds,
): Promise<boolean> {
  const found = await readClosure(store);
  if (found?.closure.reason !== 'restored') return false;
  // What comes when the registry is open already changes nothing.
  const guard = { key: CLOSURE, modRevision: found.modRevision };
  for (const network of networks) {
    if (await takeOverNetwork(store, host, network, guard)) {
      logger.warn('network id taken over', { network, host });
    }
  }
  const report = host === undefined ? undefined : await noteReport(store, host, guard);
  const limit = report === undefined ? HOST_ID_MAX + 1 : report.hosts + HOSTS_AHEAD_MAX;
  if (highestHost !== undefined) {
    await raiseHostCounter(store, (count) => Math.max(count, Math.min(highestHost + 1, limit)), [
      guard,
    ]);
  }
  return true;
}

/** False where it is known already, or where the host has reported enough. */
async function takeOverNetwork(
  store: Store,
  host: HostId | undefined,
  network: NetworkId,
  guard: StoreCompare,
): Promise<boolean> {
  const key = networkIdKey(network);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if ((await store.get(key)) !== undefined) return false;
    const compares: StoreCompare[] = [guard, { key, modRevision: 0 }];
    const writes: StoreWrite[] = [{ type: 'put', key, value: '' }];
    if (host !== undefined) {
      const report = await readReport(store, host, guard);
      if (report.networks >= NETWORKS_OF_HOST_MAX) return false;
      compares.push({ key: reportKey(host), modRevision: report.modRevision });
      writes.push(putReport(host, { ...report, networks: report.networks + 1 }));
    }
    if ((await store.transact({ compares, writes })).committed) return true;
    if ((await store.get(CLOSURE))?.modRevision !== guard.modRevision) return false;
  }
  return false;
}

/** What was taken over of one host since the registry was closed, however often it reports. */
interface Report {
  /** Where the count of hosts stood at its first report. */
  readonly hosts: number;
  /** How many ids of networks. */
  readonly networks: number;
  /** Of its record. */
  readonly modRevision: number;
}

async function readReport(store: Store, host: HostId, guard: StoreCompare): Promise<Report> {
  const stored = await store.get(reportKey(host));
  const { modRevision = 0, value = '' } = stored ?? {};
  const [, hosts, networks] = REPORT_PATTERN.exec(value) ?? [];
  if (hosts === undefined || networks === undefined || modRevision <= guard.modRevision) {
    return { hosts: (await readHostCounter(store)).count, networks: 0, modRevision };
  }
  return { hosts: Number.parseInt(hosts, 16), networks: Number(networks), modRevision };
}

function putReport(host: HostId, { hosts, networks }: Report): StoreWrite {
  const value = `${formatId(hosts as HostId)} ${networks}`;
  return { type: 'put', key: reportKey(host), value };
}

/** The report of a host, which has reported from here on. */
async function noteReport(store: Store, host: HostId, guard: StoreCompare): Promise<Report> {
  const report = await readReport(store, host, guard);
  if (report.modRevision > guard.modRevision) return report;
  await store.transact({
    compares: [guard, { key: reportKey(host), modRevision: report.modRevision }],
    writes: [putReport(host, report)],
  });
  return report;
}

/** How many hosts have reported what they know since the registry was closed. */
export async function countReports(store: Store): Promise<number> {
  const closedAt = (await store.get(CLOSURE))?.modRevision ?? 0;
  const { entries } = await store.list([REPORTS]);
  return entries.filter(({ modRevision }) => modRevision > closedAt).length;
}

/** Opens the registry for writes. Rejects with VALUE_INVALID when it is open or being imported. */
export async function accept({ store, logger }: RegistryContext): Promise<Closure> {
  const found = await readClosure(store);
  if (found === undefined) {
    throw new P6nError('VALUE_INVALID', 'Cannot accept the registry: it is open already');
  }
  const { closure, modRevision } = found;
  if (closure.reason === 'importing') throw closedError(closure, 'accept the registry');
  if (closure.reason === 'restored') {
    const guard = { key: CLOSURE, modRevision };
    await raiseHostCounter(store, (count) => count + HOSTS_SKIPPED, [guard]);
  }
  for (const { key } of (await store.list([REPORTS])).entries) {
    await store.transact({ compares: [], writes: [{ type: 'delete', key }] });
  }
  const { committed } = await store.transact({
    compares: [{ key: CLOSURE, modRevision }],
    writes: [{ type: 'delete', key: CLOSURE }],
  });
  if (!committed) {
    throw new P6nError('CHANGED_MEANWHILE', 'Cannot accept the registry: it has changed');
  }
  logger.info('registry is open for writes', { reason: closure.reason });
  return closure;
}

/** Raises the counter of hosts to what `next` makes of it, as long as `guards` hold. */
async function raiseHostCounter(
  store: Store,
  next: (count: number) => number,
  guards: readonly StoreCompare[],
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const { count, modRevision } = await readHostCounter(store);
    const raised = Math.min(next(count), HOST_ID_MAX + 1);
    if (raised <= count) return;
    const { committed } = await store.transact({
      compares: [...guards, { key: HOST_COUNTER, modRevision }],
      writes: [{ type: 'put', key: HOST_COUNTER, value: formatId(raised as HostId) }],
    });
    if (committed) return;
  }
}

async function readHostCounter(store: Store): Promise<{ count: number; modRevision: number }> {
  const stored = await store.get(HOST_COUNTER);
  const count = stored === undefined ? ID_MIN : Number.parseInt(stored.value, 16);
  return { count, modRevision: stored?.modRevision ?? 0 };
}

/** The closure with its revision, which guards what is written while it stands. */
export async function readClosure(
  store: Store,
): Promise<{ readonly closure: Closure; readonly modRevision: number } | undefined> {
  const stored = await store.get(CLOSURE);
  if (stored === undefined) return undefined;
  return { closure: decodeClosure(stored), modRevision: stored.modRevision };
}

const HINTS: Readonly<Record<ClosureReason, string>> = {
  restored:
    'Wait until the hosts have reported (`p6nctl registry show`), then `p6nctl registry accept`.',
  exported: 'Write where it is served now; `p6nctl registry accept` takes writes here again.',
  importing: 'Run `p6nctl registry import` to its end.',
};

function closedError({ reason, facts }: Closure, action: string): P6nError {
  const message = `Cannot ${action}: the registry is closed: ${facts}`;
  return new P6nError('REGISTRY_CLOSED', message, { hint: HINTS[reason] });
}

/** Batches of writes that fit into a transaction. */
export function* batches(writes: readonly StoreWrite[]): Generator<readonly StoreWrite[]> {
  let batch: StoreWrite[] = [];
  let bytes = 0;
  for (const write of writes) {
    const size = write.type === 'put' ? Buffer.byteLength(write.value) : 0;
    if (batch.length >= TRANSACTION_WRITES_MAX / 2 || bytes + size > BATCH_BYTES_MAX) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(write);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

const BATCH_BYTES_MAX: number = 512 * 1_024;

// A whole registry as text, and back: a line that says what it is, a line for every entry, and a
// last one with the SHA-256 of those before, so that half a file is none. What is imported comes as
// a new incarnation, with every id that either of the two has ever given out.

import { createHash } from 'node:crypto';
import type { NetworkId } from '../addressing/ids.ts';
import { PeerNumbers } from '../addressing/peer-numbers.ts';
import { P6nError } from '../base/errors.ts';
import {
  batches,
  closeExported,
  findClosure,
  type KnownIds,
  type KnownPeers,
  putClosure,
} from './closure.ts';
import { decodePeerRemovals, decodeSite } from './codec.ts';
import {
  CLOSURE,
  HOST_COUNTER,
  HOST_LEASES,
  NETWORK_IDS,
  PEER_COUNTERS,
  PEER_REMOVALS,
  parseHostId,
  parseNetworkId,
  REPORTS,
  SITE,
} from './keys.ts';
import { assertKey, type StoreEntry, type StoreWrite, VALUE_BYTES_MAX } from './store.ts';
import type { RegistryContext } from './transaction.ts';
import { parsePeerCount } from './wireguard/counts.ts';

const FORMAT = 1;
/** What is of this registry and not of the site. */
const LEFT_OUT: readonly string[] = [CLOSURE, HOST_LEASES, REPORTS];
/** What no import takes away. */
const STAYING: readonly string[] = [NETWORK_IDS, PEER_REMOVALS];

interface Header {
  readonly p6n_registry: number;
  readonly site: string;
  readonly incarnation: string;
  readonly revision: number;
  readonly entries: number;
}

/** What a file holds that was found to be whole. */
export interface ParsedExport {
  readonly header: Header;
  readonly entries: ReadonlyMap<string, string>;
}

/** Lines of text, as of one revision; with `close` nothing is written to the registry after it. */
export async function exportRegistry(
  context: RegistryContext,
  { close }: { readonly close: boolean },
): Promise<readonly string[]> {
  const { store } = context;
  if (close && (await findClosure(store))?.reason !== 'exported') await closeExported(context);
  const { revision, entries: all } = await store.list(['']);
  const entries = all.filter(({ key }) => !isLeftOut(key));
  const site = entries.find(({ key }) => key === SITE);
  if (site === undefined) throw new P6nError('REGISTRY_EMPTY', 'Cannot export: there is no site');
  const header: Header = {
    p6n_registry: FORMAT,
    site: decodeSite(site).id,
    incarnation: store.incarnation,
    revision,
    entries: entries.length,
  };
  const lines = [header, ...entries.map(({ key, value }) => ({ key, value }))].map(
    (one) => `${JSON.stringify(one)}\n`,
  );
  return [...lines, `${JSON.stringify({ sha256: digest(lines) })}\n`];
}

/** Reads an export. Throws VALUE_INVALID for what is not a whole one. */
export function parseExport(text: string): ParsedExport {
  const lines = text.split('\n').map((line) => `${line}\n`);
  if (lines.pop() !== '\n') throw invalid('its end is missing');
  const last = parseLine(lines.pop());
  if (last['sha256'] !== digest(lines)) throw invalid('its end is missing, or it was changed');
  const header = parseLine(lines[0]) as unknown as Header;
  if (header.p6n_registry !== FORMAT) throw invalid('it is of another version of p6n');
  const entries = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const { key, value } = parseLine(line);
    if (typeof key !== 'string' || typeof value !== 'string') throw invalid('a line is no entry');
    if (Buffer.byteLength(value) > VALUE_BYTES_MAX) throw invalid('an entry is too long');
    assertKey(key);
    entries.set(key, value);
  }
  if (entries.size !== header.entries || !entries.has(SITE)) throw invalid('entries are missing');
  return { header, entries };
}

/**
 * Makes the registry what `parsed` says; again after it was interrupted. The registry is empty or
 * closed: VALUE_INVALID otherwise, and for another site.
 */
export async function importRegistry(
  context: RegistryContext,
  { header, entries }: ParsedExport,
): Promise<void> {
  const { store, clock, logger } = context;
  await requireReplaceable(context, header);
  const facts = `it is being imported from revision ${header.revision} of ${header.incarnation}`;
  const closure = putClosure({ reason: 'importing', since: clock.wallNow(), facts });
  if (!(await store.beginIncarnation([closure]))) throw changedMeanwhile();
  const guard = await store.get(CLOSURE);
  const compares = [{ key: CLOSURE, modRevision: guard?.modRevision ?? 0 }];
  const existing = (await store.list([''])).entries.filter(({ key }) => key !== CLOSURE);
  for (const writes of batches([...differences(existing, entries)])) {
    if (!(await store.transact({ compares, writes })).committed) throw changedMeanwhile();
  }
  if (!(await store.beginIncarnation([{ type: 'delete', key: CLOSURE }]))) throw changedMeanwhile();
  logger.info('registry imported', { entries: entries.size, incarnation: store.incarnation });
}

/** The ids that an export knows to be given out, and the numbers of WireGuard peers. */
export function idsOf({ entries }: ParsedExport): KnownIds {
  const networks: NetworkId[] = [];
  const peers: KnownPeers[] = [];
  for (const [key, value] of entries) {
    const network = parseNetworkId(key.slice(key.lastIndexOf('/') + 1));
    if (network === undefined) continue;
    if (key.startsWith(NETWORK_IDS)) networks.push(network);
    if (key.startsWith(PEER_COUNTERS)) {
      peers.push({ network, count: parsePeerCount({ key, value }) });
    }
    if (key.startsWith(PEER_REMOVALS)) {
      peers.push({ network, removals: decodePeerRemovals({ key, value }) });
    }
  }
  const next = Number.parseInt(entries.get(HOST_COUNTER) ?? '', 16);
  const highestHost = parseHostId((next - 1).toString(16).padStart(8, '0'));
  return { networks, highestHost, peers };
}

async function requireReplaceable(context: RegistryContext, { site }: Header): Promise<void> {
  const { store } = context;
  const stored = await store.get(SITE);
  if (stored === undefined) return;
  if (decodeSite(stored).id !== site) throw invalid('the registry is of another site');
  if ((await findClosure(store)) !== undefined || store.restored !== undefined) return;
  throw new P6nError('VALUE_INVALID', 'Cannot import: the registry is in use', {
    hint: 'Close it first with `p6nctl registry export --close FILE`, which also saves it.',
  });
}

/**
 * The writes that make `existing` what `wanted` says; used ids of networks stay, and of hosts, and
 * what is said of removed WireGuard peers.
 */
function* differences(
  existing: readonly StoreEntry[],
  wanted: ReadonlyMap<string, string>,
): Generator<StoreWrite> {
  const known = new Map(existing.map(({ key, value }) => [key, value]));
  for (const key of known.keys()) {
    if (wanted.has(key) || STAYING.some((prefix) => key.startsWith(prefix))) continue;
    if (!isLeftOut(key)) yield { type: 'delete', key };
  }
  for (const [key, value] of wanted) {
    const before = known.get(key);
    if (before === value || isLeftOut(key)) continue;
    if (before !== undefined && isLater(key, before, value)) continue;
    yield { type: 'put', key, value };
  }
}

/** Whether `before` knows more than `value`, of what only ever grows. */
function isLater(key: string, before: string, value: string): boolean {
  // Of fixed width: the higher count is the later text.
  if (isCounter(key)) return before > value;
  if (!key.startsWith(PEER_REMOVALS)) return false;
  const [one, other] = [before, value].map((text) =>
    PeerNumbers.parse(decodePeerRemovals({ key, value: text }).numbers),
  );
  return one !== undefined && other !== undefined && one.includes(other);
}

function isCounter(key: string): boolean {
  return key === HOST_COUNTER || key.startsWith(PEER_COUNTERS);
}

function isLeftOut(key: string): boolean {
  return LEFT_OUT.some((prefix) => key.startsWith(prefix));
}

function digest(lines: readonly string[]): string {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line);
  return hash.digest('hex');
}

function parseLine(line: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line ?? '');
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw invalid('it is not an export of a registry');
}

function invalid(facts: string): P6nError {
  return new P6nError('VALUE_INVALID', `Cannot use the export: ${facts}`, {
    hint: '`p6nctl registry export FILE` makes one.',
  });
}

function changedMeanwhile(): P6nError {
  return new P6nError('CHANGED_MEANWHILE', 'Cannot import: somebody else imports at the same time');
}

// What others still know of the WireGuard peers of a registry that was restored to an older state:
// which of them were removed, and up to where their numbers were given out. A host proves both by
// what the site has signed, so one that lies uses up no numbers and cuts nobody off.

import type { NetworkId } from '../../addressing/ids.ts';
import { WIREGUARD_PEER_MAX } from '../../addressing/layout.ts';
import { PeerNumbers } from '../../addressing/peer-numbers.ts';
import { P6nError } from '../../base/errors.ts';
import { admitRestored, type KnownPeers, readClosure } from '../closure.ts';
import { decodePeerRemovals, encodeRecord } from '../codec.ts';
import {
  CLOSURE,
  NETWORKS,
  PEER_COUNTERS,
  parseNetworkId,
  peerCounterKey,
  peerRemovalsKey,
} from '../keys.ts';
import type { Site } from '../model.ts';
import { findSite } from '../site.ts';
import { isGenuinePeer } from '../site-signature.ts';
import type { StoreCompare, StoreWrite } from '../store.ts';
import type { RegistryContext } from '../transaction.ts';
import { formatPeerCount, parsePeerCount } from './counts.ts';
import { sweepPeers } from './peers.ts';
import { genuineNumbers } from './removals.ts';

/**
 * Numbers that every network leaves out when a restored registry is opened: nobody may know them.
 */
const NUMBERS_SKIPPED = 64;
const NETWORKS_AT_ONCE = 50;
const ATTEMPTS_MAX = 100;

/**
 * Takes over what is proved, at any time: what the site says of its peers holds for good. The word
 * of an operator is proof enough.
 */
export async function takeOverPeers(
  context: RegistryContext,
  known: readonly KnownPeers[],
): Promise<void> {
  if (known.length === 0) return;
  if (context.store.restored !== undefined) await admitRestored(context);
  const site = await findSite(context);
  const closure = await readClosure(context.store);
  // One that was exported or is being imported has its truth elsewhere.
  const isElsewhere = closure !== undefined && closure.closure.reason !== 'restored';
  if (site === undefined || isElsewhere) return;
  const guard = { key: CLOSURE, modRevision: closure?.modRevision ?? 0 };
  let isNews = false;
  for (const one of known) {
    const { network, count = 0 } = one;
    const gone = await takeOverRemovals(context, site, one, guard);
    const last = Math.max(count, provedNumber(context, site, one), gone?.highest ?? 0);
    await raisePeerCount(context, network, last, guard);
    isNews ||= gone?.isNews === true;
  }
  if (isNews && closure === undefined) await sweepPeers(context);
}

/** Leaves numbers out in every network of a registry that waits to be accepted. */
export async function skipPeerNumbers({ store }: RegistryContext): Promise<void> {
  const closure = await readClosure(store);
  if (closure?.closure.reason !== 'restored') return;
  const { entries } = await store.list([NETWORKS, PEER_COUNTERS]);
  const counters = new Map(entries.map((entry) => [entry.key, entry]));
  const networks = entries
    .filter(({ key }) => key.startsWith(NETWORKS))
    .flatMap(({ key }) => parseNetworkId(key.slice(NETWORKS.length)) ?? []);
  for (let start = 0; start < networks.length; start += NETWORKS_AT_ONCE) {
    const compares: StoreCompare[] = [{ key: CLOSURE, modRevision: closure.modRevision }];
    const writes: StoreWrite[] = [];
    for (const network of networks.slice(start, start + NETWORKS_AT_ONCE)) {
      const key = peerCounterKey(network);
      const stored = counters.get(key);
      const count = Math.min(parsePeerCount(stored) + NUMBERS_SKIPPED, WIREGUARD_PEER_MAX);
      compares.push({ key, modRevision: stored?.modRevision ?? 0 });
      writes.push({ type: 'put', key, value: formatPeerCount(count) });
    }
    const { committed } = await store.transact({ compares, writes });
    if (committed) continue;
    throw new P6nError('CHANGED_MEANWHILE', 'Cannot accept the registry: it has changed', {
      hint: 'Try again.',
    });
  }
}

/** The highest number of a peer that the site has let in. */
function provedNumber(
  { signer }: RegistryContext,
  { id }: Site,
  { network, last }: KnownPeers,
): number {
  if (last === undefined || last.network !== network) return 0;
  return isGenuinePeer(id, signer.publicKey, last) ? last.number : 0;
}

/** Adds the removals that `known` proves to those of the registry. */
async function takeOverRemovals(
  context: RegistryContext,
  site: Site,
  { network, removals }: KnownPeers,
  guard: StoreCompare,
): Promise<{ readonly highest: number; readonly isNews: boolean } | undefined> {
  if (removals === undefined || removals.network !== network) return undefined;
  const numbers = genuineNumbers(context, site.id, removals);
  if (numbers === undefined) return undefined;
  const { store, signer, logger } = context;
  const { highest } = numbers;
  const key = peerRemovalsKey(network);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const stored = await store.get(key);
    const before = stored && genuineNumbers(context, site.id, decodePeerRemovals(stored));
    // Of a key that this server does not have, or of nobody: it may not be put over what is there.
    if (stored !== undefined && before === undefined && site.publicKey !== signer.publicKey) break;
    if (before?.includes(numbers) === true) break;
    const said = { network, numbers: (before ?? PeerNumbers.NONE).union(numbers).toString() };
    const signature = signer.signPeerRemovals(site.id, said);
    const value = encodeRecord({ kind: 'peer-removals', ...said, signature });
    const { committed } = await store.transact({
      compares: [guard, { key, modRevision: stored?.modRevision ?? 0 }],
      writes: [{ type: 'put', key, value }],
    });
    if (!committed) continue;
    logger.warn('removed peers taken over', { network });
    return { highest, isNews: true };
  }
  return { highest, isNews: false };
}

async function raisePeerCount(
  { store }: RegistryContext,
  network: NetworkId,
  count: number,
  guard: StoreCompare,
): Promise<void> {
  const key = peerCounterKey(network);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const stored = await store.get(key);
    if (parsePeerCount(stored) >= count) return;
    const { committed } = await store.transact({
      compares: [guard, { key, modRevision: stored?.modRevision ?? 0 }],
      writes: [{ type: 'put', key, value: formatPeerCount(count) }],
    });
    if (committed) return;
  }
}

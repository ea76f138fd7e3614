// How many WireGuard peers there are: in a network, behind a host, and of a network behind a host,
// which says what a gateway has to follow. Parts of the changes that make and remove peers.

import type { HostId, NetworkId } from '../../addressing/ids.ts';
import { WIREGUARD_PEER_MAX } from '../../addressing/layout.ts';
import { P6nError } from '../../base/errors.ts';
import { peerCounterKey, peerCountOfBoth, peerCountOfHost, peerCountOfNetwork } from '../keys.ts';
import type { Network } from '../model.ts';
import { damaged, type StoredText } from '../record-fields.ts';
import { countDown, countUp, type RegistryContext, type Transaction } from '../transaction.ts';
import { removedPeers } from './removals.ts';

export const PEERS_PER_NETWORK_MAX = 4_096;
export const PEERS_PER_HOST_MAX = 16_384;

const COUNTER_DIGITS = 4;

export interface PeerPlace {
  readonly network: NetworkId;
  readonly host: HostId;
}

/** Counts one more; true when the network is new behind the host. Throws LIMIT_REACHED. */
export async function countPeer(
  transaction: Transaction,
  { network, host }: PeerPlace,
): Promise<boolean> {
  const both = peerCountOfBoth(host, network);
  const isFirst = (await transaction.count(both)) === undefined;
  const ofNetwork = peerCountOfNetwork(network);
  await countUp(transaction, ofNetwork, PEERS_PER_NETWORK_MAX, 'the peers of the network');
  await countUp(transaction, peerCountOfHost(host), PEERS_PER_HOST_MAX, 'the peers of the host');
  await countUp(transaction, both, PEERS_PER_NETWORK_MAX, 'the peers of the network');
  return isFirst;
}

/** Counts one less; true when the network has none behind the host any more. */
export async function uncountPeer(
  transaction: Transaction,
  { network, host }: PeerPlace,
): Promise<boolean> {
  const both = peerCountOfBoth(host, network);
  await countDown(transaction, peerCountOfNetwork(network));
  await countDown(transaction, peerCountOfHost(host));
  await countDown(transaction, both);
  const isLast = (await transaction.count(both)) === 0;
  if (isLast) transaction.delete(both);
  return isLast;
}

/** A number that no peer of the network has or ever had. Throws LIMIT_REACHED. */
export async function nextPeerNumber(
  context: RegistryContext,
  transaction: Transaction,
  { id, name }: Pick<Network, 'id' | 'name'>,
): Promise<number> {
  const key = peerCounterKey(id);
  const counted = parsePeerCount(await transaction.get(key));
  const last = Math.max(counted, (await removedPeers(context, transaction, id)).highest);
  if (last >= WIREGUARD_PEER_MAX) {
    throw new P6nError(
      'LIMIT_REACHED',
      `Cannot add a peer to network "${name}": it has given out all of its ${WIREGUARD_PEER_MAX}`,
      { hint: 'Use another network: an address that somebody had is given to nobody else.' },
    );
  }
  transaction.put(key, formatPeerCount(last + 1));
  return last + 1;
}

/** The last number that a network has given out; 0 before there is one. */
export function parsePeerCount(stored: StoredText | undefined): number {
  if (stored === undefined) return 0;
  const last = Number.parseInt(stored.value, 16);
  if (!Number.isInteger(last) || last < 0) throw damaged(stored.key, 'it is no count');
  return last;
}

export function formatPeerCount(last: number): string {
  return last.toString(16).padStart(COUNTER_DIGITS, '0');
}

/** Forgets a network that is being removed; NETWORK_IN_USE while it has peers. */
export async function dropPeerCounts(transaction: Transaction, network: Network): Promise<void> {
  const { id, name } = network;
  if (((await transaction.count(peerCountOfNetwork(id))) ?? 0) > 0) {
    throw new P6nError(
      'NETWORK_IN_USE',
      `Cannot remove network "${name}": it has WireGuard peers`,
      {
        hint: `\`p6nctl wireguard list --network ${name}\` shows them; remove them first.`,
      },
    );
  }
  transaction.delete(peerCountOfNetwork(id));
  transaction.delete(peerCounterKey(id));
}

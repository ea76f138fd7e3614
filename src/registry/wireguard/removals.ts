// WireGuard peers that are gone for good: the site signs which numbers of a network these are, and
// a gateway that has heard it serves none of them again, whatever the registry says. One record a
// network, which only ever gets more numbers, so it does not matter how many peers come and go.

import type { NetworkId } from '../../addressing/ids.ts';
import { PeerNumbers } from '../../addressing/peer-numbers.ts';
import { decodePeerRemovals, encodeRecord } from '../codec.ts';
import { peerRemovalsKey } from '../keys.ts';
import type { PeerRemovals, WireguardPeer } from '../model.ts';
import { requireSigningSite, requireSite } from '../site.ts';
import { isGenuinePeerRemovals } from '../site-signature.ts';
import type { RegistryContext, Transaction } from '../transaction.ts';

/** Says for good that a peer was removed, as a part of the change that removes it. */
export function putPeerRemoval(
  context: RegistryContext,
  transaction: Transaction,
  { network, number }: Pick<WireguardPeer, 'network' | 'number'>,
): Promise<void> {
  return putPeerRemovals(context, transaction, network, PeerNumbers.NONE.with(number));
}

/** Adds `numbers` to those of a network that are gone. Throws NOT_PERMITTED as `create` does. */
export async function putPeerRemovals(
  context: RegistryContext,
  transaction: Transaction,
  network: NetworkId,
  numbers: PeerNumbers,
): Promise<void> {
  const known = await removedPeers(context, transaction, network);
  if (known.includes(numbers)) return;
  const { id: site } = await requireSigningSite(context, transaction);
  const said = { network, numbers: known.union(numbers).toString() };
  const signature = context.signer.signPeerRemovals(site, said);
  const removals: PeerRemovals = { kind: 'peer-removals', ...said, signature };
  transaction.put(peerRemovalsKey(network), encodeRecord(removals));
}

/**
 * Which peers of a network are gone. What the site has not signed is nothing: else whoever can
 * write to the database could have laptops cut off by the next removal of another.
 */
export async function removedPeers(
  context: RegistryContext,
  transaction: Transaction,
  network: NetworkId,
): Promise<PeerNumbers> {
  const stored = await transaction.get(peerRemovalsKey(network));
  if (stored === undefined) return PeerNumbers.NONE;
  const { id: site } = await requireSite(transaction);
  return genuineNumbers(context, site, decodePeerRemovals(stored)) ?? PeerNumbers.NONE;
}

/** The numbers that the site says are gone; undefined where it has not signed them. */
export function genuineNumbers(
  { signer }: Pick<RegistryContext, 'signer'>,
  site: string,
  removals: PeerRemovals,
): PeerNumbers | undefined {
  const isGenuine = isGenuinePeerRemovals(site, signer.publicKey, removals);
  return isGenuine ? PeerNumbers.parse(removals.numbers) : undefined;
}

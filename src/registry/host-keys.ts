// How a host changes its WireGuard key without losing a packet: the next key is published beside
// the current one, every host that servers hear of says that it is ready for it, the host switches,
// and the next key is the current one.

import type { HostId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';
import { encodeRecord } from './codec.ts';
import { requireHost } from './hosts.ts';
import { formatId, hostKey, wireguardKeyKey } from './keys.ts';
import type { Host, HostKey, HostLease } from './model.ts';
import { requirePublicKey } from './refusals.ts';
import { requireSigningSite, requireSite } from './site.ts';
import { isGenuineHost } from './site-signature.ts';
import { change, type RegistryContext, type Transaction } from './transaction.ts';

/** What tells the keys of one host from each other, also those that it never came to use. */
const KEY_BEGINNING_LENGTH = 8;
/** How many of those that are waited for are told. */
const MISSING_MAX = 16;

/** How far the others are with the next key of a host. */
export interface NextKeyState {
  readonly ready: boolean;
  /** Hosts that are not ready for it: the first of them. */
  readonly missing: readonly HostId[];
}

/** How a host names the next key of another one that it is ready for. */
export function acknowledgement(host: HostId, { publicKey }: Pick<HostKey, 'publicKey'>): string {
  return `${formatId(host)}/${publicKey.slice(0, KEY_BEGINNING_LENGTH)}`;
}

/** Signs and publishes the next key of a host, in place of another; again at will. */
export function publishNextKey(
  context: RegistryContext,
  id: HostId,
  publicKey: string,
): Promise<Host> {
  requirePublicKey(publicKey);
  return change(context, 'publish the next key of a host', async (transaction) => {
    const { next: before, ...host } = await requireGenuine(context, transaction, id);
    if (before?.publicKey === publicKey) return { ...host, next: before };
    const index = wireguardKeyKey(publicKey);
    if ((await transaction.get(index)) !== undefined) {
      throw new P6nError('VALUE_INVALID', 'Cannot change the key: the next belongs to the site', {
        hint: 'Every key of a host is a fresh one.',
      });
    }
    if (before !== undefined) transaction.delete(wireguardKeyKey(before.publicKey));
    const { id: site } = await requireSite(transaction);
    const key = { publicKey, generation: host.generation + 1 };
    const next: HostKey = { ...key, signature: context.signer.signHost(site, host, key) };
    const updated: Host = { ...host, next };
    transaction.put(index, `host/${formatId(id)}`);
    transaction.put(hostKey(id), encodeRecord(updated));
    return updated;
  });
}

/** Takes the next key of a host back; again at will. */
export function withdrawNextKey(context: RegistryContext, id: HostId): Promise<Host> {
  return change(context, 'withdraw the next key of a host', async (transaction) => {
    const { next, ...host } = await requireHost(transaction, id);
    if (next === undefined) return host;
    transaction.delete(wireguardKeyKey(next.publicKey));
    transaction.put(hostKey(id), encodeRecord(host));
    return host;
  });
}

/** Whether all other hosts that servers hear of are ready for the next key of `host`. */
export function nextKeyState(host: Host, leases: readonly HostLease[]): NextKeyState {
  const { id, next } = host;
  if (next === undefined) return { ready: false, missing: [] };
  const word = acknowledgement(id, next);
  const missing = leases
    .filter((lease) => lease.host !== id && !lease.acknowledged.includes(word))
    .map((lease) => lease.host);
  return { ready: missing.length === 0, missing: missing.slice(0, MISSING_MAX) };
}

/** The host uses its next key: from here on it is the current one, and the last is nobody's. */
export function switchKey(context: RegistryContext, id: HostId, publicKey: string): Promise<Host> {
  return change(context, 'change the key of a host', async (transaction) => {
    const { next, ...host } = await requireHost(transaction, id);
    if (host.publicKey === publicKey) return { ...host, ...(next === undefined ? {} : { next }) };
    if (next?.publicKey !== publicKey) {
      throw new P6nError('NOT_FOUND', 'Cannot change the key: that key was not published', {
        hint: 'Begin again with `p6nctl hosts rotate-key`.',
      });
    }
    const updated: Host = { ...host, ...next };
    transaction.put(hostKey(id), encodeRecord(updated));
    transaction.delete(wireguardKeyKey(host.publicKey));
    return updated;
  });
}

/** The site's word is given for hosts alone that have it already. */
async function requireGenuine(
  context: RegistryContext,
  transaction: Transaction,
  id: HostId,
): Promise<Host> {
  const host = await requireHost(transaction, id);
  const { id: site } = await requireSigningSite(context, transaction);
  if (isGenuineHost(site, context.signer.publicKey, host)) return host;
  throw new P6nError('NOT_PERMITTED', `Cannot sign for host "${host.name}": its record is forged`, {
    hint: 'The log of other hosts says since when they refuse it.',
  });
}

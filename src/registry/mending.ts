// A registry from an older state does not know what the site's key has said since. A server does,
// from the hosts that it believes in, and writes it again: the site's current key, the keys that
// hosts have changed to, and that hosts and WireGuard peers were removed. What the registry says
// and this server does not believe gets no signature. Repeated at will; where nothing is lost,
// nothing is written.

import type { HostId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';
import { decodeHost, encodeRecord } from './codec.ts';
import { removeHost } from './host-removal.ts';
import { listHosts } from './hosts.ts';
import { dropInvites } from './invites.ts';
import { formatId, hostKey, SITE, siteKeyKey, wireguardKeyKey } from './keys.ts';
import type { Host, HostKey, SiteKey } from './model.ts';
import { lookupSite, requireSigningSite } from './site.ts';
import { isGenuineHost, isGenuineNextKey, isSuccessor } from './site-signature.ts';
import { change, type RegistryContext } from './transaction.ts';
import { sweepPeers } from './wireguard/peers.ts';

/** What a server believes, whatever its registry says. */
export interface Believed {
  readonly hosts: readonly Host[];
  readonly removed: ReadonlySet<HostId>;
  /** The chain of the site's keys; the last one signs. */
  readonly siteKeys: readonly SiteKey[];
}

/** Signatures that are checked before others have a turn. */
const CHECKS_PER_TURN = 64;

/**
 * Resolves with how many records were written. A host that cannot be removed again keeps no other
 * from being mended: that error comes in the end.
 */
export async function mend(context: RegistryContext, believed: Believed): Promise<number> {
  let written = (await mendSiteKey(context, believed.siteKeys)) ? 1 : 0;
  const known = new Map(believed.hosts.map((host) => [host.id, host]));
  let refusal: P6nError | undefined;
  for (const [index, host] of (await listHosts(context)).entries()) {
    if (index % CHECKS_PER_TURN === 0) await new Promise(setImmediate);
    try {
      if (believed.removed.has(host.id)) await removeHost(context, host.id, { force: true });
      else if (!(await mendHost(context, host, known.get(host.id)))) continue;
      written += 1;
    } catch (error) {
      if (!(error instanceof P6nError) || error.code !== 'HOST_IN_USE') throw error;
      refusal ??= error;
    }
  }
  written += await sweepPeers(context);
  if (refusal !== undefined) throw refusal;
  return written;
}

/** Leads the chain of keys in the registry on to the key of this server. */
function mendSiteKey(context: RegistryContext, chain: readonly SiteKey[]): Promise<boolean> {
  const { signer } = context;
  return change(context, 'renew the site key', async (transaction) => {
    const site = await lookupSite(transaction);
    const from = chain.findIndex(({ publicKey }) => publicKey === site?.publicKey);
    const lost = chain.slice(from + 1);
    const isChain = lost.every((key, index) => isSuccessor(chain[from + index] as SiteKey, key));
    if (site === undefined || from < 0 || lost.at(-1)?.publicKey !== signer.publicKey) return false;
    if (!isChain) return false;
    for (const key of lost) transaction.put(siteKeyKey(key.generation), encodeRecord(key));
    transaction.put(SITE, encodeRecord({ ...site, publicKey: signer.publicKey }));
    return true;
  }).then(async (isMended) => {
    // They name a key that has gone.
    if (isMended) await dropInvites(context);
    return isMended;
  });
}

/** Whether the record had to be written. */
async function mendHost(
  context: RegistryContext,
  { id }: Host,
  believed: Host | undefined,
): Promise<boolean> {
  if (believed === undefined) return false;
  return await change(context, 'renew a host', async (transaction) => {
    const stored = await transaction.get(hostKey(id));
    if (stored === undefined) return false;
    const host = decodeHost(stored);
    const key = believed.generation > host.generation ? believed : host;
    if (!isSame({ ...host, ...keyOf(key) }, believed)) return false;
    const { id: site } = await requireSigningSite(context, transaction);
    const { publicKey } = context.signer;
    if (key === host && isGenuineHost(site, publicKey, host)) return false;
    const { next, ...rest } = host;
    const isSound =
      next !== undefined && key === host && isGenuineNextKey(site, publicKey, host, next);
    if (next !== undefined && !isSound) transaction.delete(wireguardKeyKey(next.publicKey));
    const signature = context.signer.signHost(site, host, key);
    const mended = { ...rest, ...keyOf(key), signature, ...(isSound ? { next } : {}) };
    if (key !== host) transaction.delete(wireguardKeyKey(host.publicKey));
    transaction.put(wireguardKeyKey(key.publicKey), `host/${formatId(id)}`);
    transaction.put(hostKey(id), encodeRecord(mended));
    return true;
  });
}

function keyOf({ publicKey, generation }: Host): Pick<HostKey, 'publicKey' | 'generation'> {
  return { publicKey, generation };
}

/** Whether the site's key says the same of both. */
function isSame(one: Host, other: Host): boolean {
  const fields = ['name', 'role', 'publicKey', 'generation'] as const;
  return fields.every((field) => one[field] === other[field]);
}

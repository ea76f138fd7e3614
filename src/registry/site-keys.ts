// The keys of the site, a chain in which each vouches for the next, and what it takes to change the
// key: publish the next one, sign with it all that the last one has signed, forget the last one.
// Every step can be repeated; nothing that the last key has not signed is ever signed again.

import { P6nError } from '../base/errors.ts';
import {
  decodeGateway,
  decodeHost,
  decodeHostRemoval,
  decodePeerRemovals,
  decodeSiteKey,
  decodeWireguardPeer,
  encodeRecord,
} from './codec.ts';
import { dropInvites } from './invites.ts';
import {
  GATEWAYS,
  HOSTS,
  PEER_REMOVALS,
  REMOVALS,
  SITE,
  SITE_KEYS,
  siteKeyKey,
  WIREGUARD_PEERS,
} from './keys.ts';
import type { Host, HostKey, Site, SiteKey } from './model.ts';
import type { StoredText } from './record-fields.ts';
import { requireSite } from './site.ts';
import {
  isGenuineGateway,
  isGenuineHost,
  isGenuineNextKey,
  isGenuinePeer,
  isGenuinePeerRemovals,
  isGenuineRemoval,
} from './site-signature.ts';
import type { SiteSigner } from './site-signer.ts';
import { change, type RegistryContext, type Transaction } from './transaction.ts';

/** Where the records stand that the site signs. */
const SIGNED: readonly string[] = [
  // First: what was removed before the key has changed is not to be forgotten by a removal since.
  ...[PEER_REMOVALS, HOSTS, REMOVALS, GATEWAYS, WIREGUARD_PEERS],
];

/** What has been signed anew, and what the last key has not signed and nobody signs. */
export interface Resigned {
  readonly signed: number;
  readonly refused: readonly string[];
}

/** The keys of one registry; every method rejects as those of Registry do. */
export class SiteKeys {
  readonly #context: RegistryContext;

  constructor(context: RegistryContext) {
    this.#context = context;
  }

  /** Ordered by generation. */
  list(): Promise<readonly SiteKey[]> {
    return listSiteKeys(this.#context);
  }

  /**
   * Makes the key of `next` the site's key, by the word of the one that signs so far; again at
   * will. Rejects with CHANGED_MEANWHILE when this server's key is not the site's any more.
   */
  publish(next: SiteSigner): Promise<SiteKey> {
    return publishSiteKey(this.#context, next);
  }

  /** Signs all that the key `last` (base64) has signed, and withdraws all invites. */
  resign(last: string): Promise<Resigned> {
    return resign(this.#context, last);
  }

  /** Signs the hosts of a registry from before there were signatures; resolves with how many. */
  signAll(): Promise<number> {
    return signAll(this.#context);
  }
}

/** The first key is its own witness: hosts learn it from their invites. */
export function putFirstSiteKey(
  { signer, clock }: RegistryContext,
  transaction: Transaction,
  { id, publicKey }: Site,
): void {
  const key = { site: id, generation: 1, publicKey };
  const record: SiteKey = {
    kind: 'site-key',
    ...key,
    signature: signer.signSiteKey(key),
    createdAt: clock.wallNow(),
  };
  transaction.put(siteKeyKey(record.generation), encodeRecord(record));
}

/** Ordered by generation. */
async function listSiteKeys({ store }: RegistryContext): Promise<readonly SiteKey[]> {
  return (await store.list([SITE_KEYS])).entries.map(decodeSiteKey);
}

/**
 * Makes the key of `next` the site's key, by the word of the one that signs so far. Repeated, it
 * changes nothing. Throws CHANGED_MEANWHILE when another server was faster.
 */
function publishSiteKey(context: RegistryContext, next: SiteSigner): Promise<SiteKey> {
  const { signer, clock } = context;
  return change(context, 'change the site key', async (transaction) => {
    const site = await requireSite(transaction);
    const current = (await listSiteKeys(context)).find((one) => one.publicKey === site.publicKey);
    if (current === undefined) {
      throw new P6nError('NOT_FOUND', 'Cannot change the site key: the registry lacks the current');
    }
    if (site.publicKey === next.publicKey) return current;
    if (site.publicKey !== signer.publicKey) {
      throw new P6nError('CHANGED_MEANWHILE', 'Cannot change the site key: this server lacks it', {
        hint: 'Another server has changed it; see `p6nctl site show`.',
      });
    }
    const { generation } = current;
    const key = { site: site.id, generation: generation + 1, publicKey: next.publicKey };
    const record: SiteKey = {
      kind: 'site-key',
      ...key,
      signature: next.signSiteKey(key),
      endorsement: signer.signSiteKey(key),
      createdAt: clock.wallNow(),
    };
    transaction.put(siteKeyKey(key.generation), encodeRecord(record));
    transaction.put(SITE, encodeRecord({ ...site, publicKey: next.publicKey }));
    return record;
  });
}

/**
 * Signs with the context's key all that `last` (base64) has signed, and withdraws all invites,
 * which name the last key.
 */
async function resign(context: RegistryContext, last: string): Promise<Resigned> {
  const { store } = context;
  const refused: string[] = [];
  let signed = 0;
  for (const { key } of (await store.list(SIGNED)).entries) {
    const outcome = await change(context, 'sign a record', async (transaction) => {
      const site = await requireSite(transaction);
      const found = await transaction.get(key);
      if (found === undefined) return 'gone';
      const value = resigned(context.signer, site.id, last, found);
      if (value === undefined) return 'refused';
      if (value !== found.value) transaction.put(key, value);
      return 'signed';
    });
    if (outcome === 'signed') signed += 1;
    if (outcome === 'refused') refused.push(key);
  }
  await dropInvites(context);
  return { signed, refused };
}

/**
 * Signs the hosts of a registry that a version without signatures has written, and gives it its
 * first key. Only for a server that has never seen the registry signed: later, a record without a
 * signature is somebody's forgery.
 */
async function signAll(context: RegistryContext): Promise<number> {
  await change(context, 'sign the registry', async (transaction) => {
    const site = await requireSite(transaction);
    if ((await transaction.get(siteKeyKey(1))) === undefined) {
      putFirstSiteKey(context, transaction, site);
    }
  });
  let signed = 0;
  for (const { key } of (await context.store.list([HOSTS])).entries) {
    const isNew = await change(context, 'sign a host', async (transaction) => {
      const site = await requireSite(transaction);
      const found = await transaction.get(key);
      if (found === undefined) return false;
      const host = decodeHost(found);
      if (host.signature !== '') return false;
      const signature = context.signer.signHost(site.id, host, host);
      transaction.put(key, encodeRecord({ ...host, signature }));
      return true;
    });
    if (isNew) signed += 1;
  }
  return signed;
}

/** The text of a record under the new key; undefined where neither key has signed it. */
function resigned(
  signer: SiteSigner,
  site: string,
  last: string,
  stored: StoredText,
): string | undefined {
  if (stored.key.startsWith(REMOVALS)) {
    const removal = decodeHostRemoval(stored);
    if (isGenuineRemoval(site, signer.publicKey, removal)) return stored.value;
    if (!isGenuineRemoval(site, last, removal)) return undefined;
    return encodeRecord({ ...removal, signature: signer.signRemoval(site, removal) });
  }
  if (stored.key.startsWith(GATEWAYS)) return resignedGateway(signer, site, last, stored);
  if (stored.key.startsWith(WIREGUARD_PEERS)) {
    const peer = decodeWireguardPeer(stored);
    if (isGenuinePeer(site, signer.publicKey, peer)) return stored.value;
    if (!isGenuinePeer(site, last, peer)) return undefined;
    return encodeRecord({ ...peer, signature: signer.signPeer(site, peer) });
  }
  if (stored.key.startsWith(PEER_REMOVALS)) {
    const removals = decodePeerRemovals(stored);
    if (isGenuinePeerRemovals(site, signer.publicKey, removals)) return stored.value;
    if (!isGenuinePeerRemovals(site, last, removals)) return undefined;
    return encodeRecord({ ...removals, signature: signer.signPeerRemovals(site, removals) });
  }
  const host = decodeHost(stored);
  if (isGenuineHost(site, signer.publicKey, host)) return stored.value;
  if (!isGenuineHost(site, last, host)) return undefined;
  const { next: lastNext, ...rest } = host;
  const next = lastNext === undefined ? undefined : resignedNext(signer, site, last, host);
  return encodeRecord({
    ...rest,
    signature: signer.signHost(site, host, host),
    ...(next === undefined ? {} : { next }),
  });
}

/** A gateway without a key has nothing to sign. */
function resignedGateway(
  signer: SiteSigner,
  site: string,
  last: string,
  stored: StoredText,
): string | undefined {
  const gateway = decodeGateway(stored);
  const { key } = gateway;
  if (key === undefined) return stored.value;
  if (isGenuineGateway(site, signer.publicKey, gateway, key)) return stored.value;
  if (!isGenuineGateway(site, last, gateway, key)) return undefined;
  const signature = signer.signGateway(site, gateway, key);
  return encodeRecord({ ...gateway, key: { ...key, signature } });
}

function resignedNext(
  signer: SiteSigner,
  site: string,
  last: string,
  host: Host,
): HostKey | undefined {
  const { next } = host;
  if (next === undefined || !isGenuineNextKey(site, last, host, next)) return undefined;
  return { ...next, signature: signer.signHost(site, host, next) };
}

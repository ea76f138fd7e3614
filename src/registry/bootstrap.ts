// The start of a site: a fresh registry gets its site record, the organization and the network
// `default`, and its first server.

import { ID_MIN } from '../addressing/ids.ts';
import { DEFAULT_NETWORK, DEFAULT_ORGANIZATION } from '../addressing/names.ts';
import { toHex } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import { randomBytes } from '../base/random.ts';
import { encodeRecord } from './codec.ts';
import { addHost, requireHost } from './hosts.ts';
import { SITE } from './keys.ts';
import type { Host, Site } from './model.ts';
import { addNetwork } from './networks.ts';
import { addOrganization } from './organizations.ts';
import { lookupSite } from './site.ts';
import { putFirstSiteKey } from './site-keys.ts';
import { change, type RegistryContext, type Transaction } from './transaction.ts';

const SITE_ID_BYTES = 8;

export interface Bootstrap {
  /** The first server. */
  readonly host: {
    readonly name: string;
    readonly region: string;
    /** WireGuard public key, base64. */
    readonly publicKey: string;
    readonly endpoints: readonly string[];
  };
}

export interface Bootstrapped {
  readonly site: Site;
  readonly host: Host;
}

export function bootstrap(context: RegistryContext, request: Bootstrap): Promise<Bootstrapped> {
  return change(context, 'start the site', async (transaction) => {
    const site = await lookupSite(transaction);
    if (site === undefined) return await found(context, transaction, request);
    return { site, host: await founderOf(context, transaction, site, request) };
  });
}

async function found(
  context: RegistryContext,
  transaction: Transaction,
  { host: founder }: Bootstrap,
): Promise<Bootstrapped> {
  const site: Site = {
    kind: 'site',
    id: toHex(randomBytes(context.random, SITE_ID_BYTES)),
    publicKey: context.signer.publicKey,
    hostOperatorsWrite: true,
    createdAt: context.clock.wallNow(),
  };
  transaction.put(SITE, encodeRecord(site));
  putFirstSiteKey(context, transaction, site);
  await addOrganization(context, transaction, DEFAULT_ORGANIZATION);
  const place = { name: DEFAULT_NETWORK, organization: DEFAULT_ORGANIZATION };
  await addNetwork(context, transaction, place, false);
  const host = await addHost(context, transaction, { ...founder, role: 'server' });
  return { site, host };
}

/** The founder asking again, after a crash before it had written down who it is. */
async function founderOf(
  { signer }: RegistryContext,
  transaction: Transaction,
  site: Site,
  { host: founder }: Bootstrap,
): Promise<Host> {
  const refusal = new P6nError(
    'NOT_PERMITTED',
    'Cannot start the site: the registry is of a site that this host does not belong to',
    { hint: 'Restore the identity of this host from a backup, or move its registry away.' },
  );
  if (site.publicKey !== signer.publicKey) throw refusal;
  // By its id and not by its name, which may have been given anew between two starts.
  const host = await firstHost(transaction);
  if (host?.publicKey !== founder.publicKey) throw refusal;
  return host;
}

/** A registry that is damaged or away is no reason to move it away: that error is the caller's. */
async function firstHost(transaction: Transaction): Promise<Host | undefined> {
  try {
    return await requireHost(transaction, ID_MIN);
  } catch (error) {
    if (error instanceof P6nError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

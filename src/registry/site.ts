// The site: its record, and its signing key, whose secret half stays with the servers.

import nacl from 'tweetnacl';
import { equalConstantTime, wipe } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import { type Random, randomBytes } from '../base/random.ts';
import { decodeSite } from './codec.ts';
import { SITE } from './keys.ts';
import type { Site } from './model.ts';
import type { RegistryContext, Transaction } from './transaction.ts';

/** An Ed25519 key pair. */
export interface SiteKeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. A secret: it goes to a 0600 file and nowhere else. */
  readonly secretKey: Uint8Array;
}

const SEED_BYTES = 32;
const SECRET_KEY_BYTES = 64;

export function generateSiteKeyPair(random: Random): SiteKeyPair {
  return nacl.sign.keyPair.fromSeed(randomBytes(random, SEED_BYTES));
}

/** The public half of a secret key; undefined unless its 64 bytes belong to each other. */
export function sitePublicKeyOf(secretKey: Uint8Array): Uint8Array | undefined {
  if (secretKey.length !== SECRET_KEY_BYTES) return undefined;
  const pair = nacl.sign.keyPair.fromSeed(secretKey.subarray(0, SEED_BYTES));
  const isWhole = equalConstantTime(pair.publicKey, secretKey.subarray(SEED_BYTES));
  wipe(pair.secretKey);
  return isWhole ? pair.publicKey : undefined;
}

export async function findSite({ store }: RegistryContext): Promise<Site | undefined> {
  const stored = await store.get(SITE);
  return stored === undefined ? undefined : decodeSite(stored);
}

export async function lookupSite(transaction: Transaction): Promise<Site | undefined> {
  const stored = await transaction.get(SITE);
  return stored === undefined ? undefined : decodeSite(stored);
}

export async function requireSite(transaction: Transaction): Promise<Site> {
  const site = await lookupSite(transaction);
  if (site !== undefined) return site;
  throw new P6nError('NOT_FOUND', 'Cannot use the registry: it has no site yet');
}

/** The site, whose current key this server has: what another key signs, nobody believes. */
export async function requireSigningSite(
  { signer }: RegistryContext,
  transaction: Transaction,
): Promise<Site> {
  const site = await requireSite(transaction);
  if (site.publicKey === signer.publicKey) return site;
  throw new P6nError('NOT_PERMITTED', "Cannot sign: this server lacks the site's current key", {
    hint: 'It was changed on another server: run the command there.',
  });
}

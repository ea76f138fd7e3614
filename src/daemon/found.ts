// Founding a site: the first p6nd makes its keys and the site's, gives its fresh registry the site,
// the defaults and itself as first server, and is done. A kill between any two steps is repaired by
// starting again.

import { DEFAULT_REGION } from '../addressing/names.ts';
import { fromBase64, toBase64, wipe } from '../base/bytes.ts';
import { type Random, randomBytes } from '../base/random.ts';
import type { Registry } from '../registry/registry.ts';
import { generateSiteKeyPair } from '../registry/site.ts';
import type { SiteSigner } from '../registry/site-signer.ts';
import { type Crypto, KEY_BYTES } from '../wireguard/crypto/crypto.ts';
import { keyPair, wipeKeyPair } from '../wireguard/identity.ts';
import type { DaemonConfig } from './config.ts';
import type { FoundingDraft, Identity, IdentityFiles } from './identity.ts';
import { publishStep } from './steps.ts';

export interface FoundDependencies {
  readonly files: IdentityFiles;
  readonly registry: Registry;
  readonly signer: SiteSigner;
  readonly crypto: Crypto;
  readonly random: Random;
}

/** Makes this host the first server of a new site. Throws what the registry refuses. */
export async function found(
  config: DaemonConfig,
  endpoints: readonly string[],
  { files, registry, signer, crypto, random }: FoundDependencies,
): Promise<Identity> {
  const draft = (await files.readFounding()) ?? (await writeDraft(files, crypto, random));
  publishStep('founding-drafted');
  const own = keyPair(crypto, fromBase64(draft.privateKey) as Uint8Array);
  const publicKey = toBase64(own.publicKey);
  wipeKeyPair(own);
  const siteSecret = fromBase64(draft.siteSecretKey) as Uint8Array;
  signer.setKey(siteSecret);
  wipe(siteSecret);
  const { host } = await registry.bootstrap({
    host: { name: config.name, region: config.region ?? DEFAULT_REGION, publicKey, endpoints },
  });
  publishStep('founding-recorded');
  const identity: Identity = {
    role: 'server',
    hostId: host.id,
    name: host.name,
    region: host.region,
    privateKey: draft.privateKey,
    secret: undefined,
    siteKey: signer.publicKey,
    siteSecretKey: draft.siteSecretKey,
    signed: true,
    servers: [],
    invite: undefined,
  };
  await files.write(identity);
  publishStep('founding-identified');
  return identity;
}

async function writeDraft(
  files: IdentityFiles,
  crypto: Crypto,
  random: Random,
): Promise<FoundingDraft> {
  const pair = keyPair(crypto, randomBytes(random, KEY_BYTES));
  const site = generateSiteKeyPair(random);
  const draft = {
    privateKey: toBase64(pair.privateKey),
    siteSecretKey: toBase64(site.secretKey),
  };
  wipeKeyPair(pair);
  wipe(site.secretKey);
  await files.writeFounding(draft);
  return draft;
}

// The site's signing key on a server: taken from the identity at start, and changed by
// `p6nctl site rotate`. A change that a crash interrupted is ended by the next start.
//
//   next key in the identity -> published -> everything signed anew -> next key is the key

import { fromBase64, wipe } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Registry } from '../registry/registry.ts';
import type { SiteSigner } from '../registry/site-signer.ts';
import type { Identity, IdentityFiles } from './identity.ts';

export interface SiteKeyDependencies {
  readonly registry: Registry;
  readonly signer: SiteSigner;
  readonly files: IdentityFiles;
  readonly logger: Logger;
}

/**
 * Lets the signer have the key; signs the registry if a version without
 * signatures wrote it. Resolves with the identity as it is then.
 */
export async function prepareSiteKey(
  { registry, signer, files, logger }: SiteKeyDependencies,
  identity: Identity,
): Promise<Identity> {
  const secretKey = secretKeyOf(identity);
  signer.setKey(secretKey);
  wipe(secretKey);
  if (identity.signed === true) return identity;
  const hosts = await registry.signAll();
  const signed = { ...identity, signed: true };
  await files.write(signed);
  logger.info('registry signed', { hosts });
  return signed;
}

function secretKeyOf({ siteSecretKey }: Identity): Uint8Array {
  const secretKey = fromBase64(siteSecretKey ?? '');
  if (secretKey !== undefined && secretKey.length > 0) return secretKey;
  throw new P6nError('STATE_CORRUPT', "Cannot serve: this server lacks the site's signing key", {
    hint: 'Restore its identity from a backup.',
  });
}

// A host that slept while all servers of its site moved finds them again by a token: it keeps its
// id, its keys and its addresses, and forgets its copy of the registry, which names servers that
// are gone.

import { join } from 'node:path';
import { followChain } from '../agent/host-trust.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { removeFile } from '../os/atomic-file.ts';
import type { Identity, IdentityFiles } from './identity.ts';
import { parseRehoming, type RehomingToken, rehomingId } from './rehoming-token.ts';
import { COPY_FILE } from './start-state.ts';

export interface RehomingDependencies {
  readonly files: Pick<IdentityFiles, 'write'>;
  readonly stateDir: string;
  readonly logger: Logger;
}

/**
 * The identity with the servers that the token names; the same token again changes nothing. Throws
 * TOKEN_INVALID for a token of another host, or of a site whose key this host's does not lead to.
 */
export async function rehome(
  identity: Identity,
  text: string,
  { files, stateDir, logger }: RehomingDependencies,
): Promise<Identity> {
  const token = parseRehoming(text);
  const rehomed = rehomingId(token);
  if (identity.rehomed === rehomed) return identity;
  requireOwn(identity, token);
  // First, as the token is noted as used with the identity: a crash between is gone on with.
  await removeFile(join(stateDir, COPY_FILE));
  const { servers } = token;
  const moved: Identity = { ...identity, servers, rehomed };
  await files.write(moved);
  logger.info('host is led to other servers', {
    servers: servers.map(({ hostId }) => hostId).join(),
  });
  return moved;
}

function requireOwn(identity: Identity, { host, siteKeys }: RehomingToken): void {
  if (identity.role === 'server') throw refusal('a server serves itself');
  if (host !== identity.hostId) throw refusal(`it is for host ${host}, not ${identity.hostId}`);
  const { siteKey } = followChain({ siteKey: identity.siteKey, site: undefined }, siteKeys);
  const isKnown = siteKeys.some(({ publicKey }) => publicKey === identity.siteKey);
  if (!isKnown || siteKey !== siteKeys.at(-1)?.publicKey) throw refusal('it is of another site');
}

function refusal(reason: string): P6nError {
  return new P6nError('TOKEN_INVALID', `Cannot follow the token: ${reason}`, {
    hint: 'Make one for this host on a server of its site: `p6nctl hosts invite --for NAME`.',
  });
}

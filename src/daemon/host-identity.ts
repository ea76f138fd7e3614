// How a p6nd comes by its identity at start: it has one, it goes on with what a crash left half
// done, it joins with a token, or it founds a site.

import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fromBase64 } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import { Lifecycle } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import type { Crypto } from '../wireguard/crypto/crypto.ts';
import { type KeyPair, keyPair } from '../wireguard/identity.ts';
import type { DaemonConfig } from './config.ts';
import { found } from './found.ts';
import { type Identity, IdentityFiles } from './identity.ts';
import { parseToken, tokenId } from './invite-token.ts';
import { draftJoining, join } from './join.ts';
import type { Machine } from './machine.ts';
import { openRegistry } from './server.ts';

/**
 * This host's identity. Throws ALREADY_JOINED when `--join` names another token than the one that
 * was used, TOKEN_INVALID, INVITE_EXPIRED, and what founding and joining throw.
 */
export async function obtainIdentity(
  config: DaemonConfig,
  endpoints: readonly string[],
  machine: Machine,
  logger: Logger,
): Promise<Identity> {
  const files = new IdentityFiles(config.stateDir);
  const existing = await files.read();
  const token = config.join === undefined ? undefined : await readToken(config.join);
  if (existing !== undefined) {
    if (token !== undefined) requireSameToken(existing, token);
    return existing;
  }
  const founding = await files.readFounding();
  if (founding !== undefined && token !== undefined) throw alreadyJoined();
  const dependencies = { ...machine, files, logger };
  if (token !== undefined) {
    const draft = await draftJoining(token, dependencies);
    return await join(config, endpoints, draft, dependencies);
  }
  const joining = await files.readJoining();
  if (joining !== undefined) return await join(config, endpoints, joining, dependencies);
  const lifecycle = new Lifecycle(logger);
  try {
    const registry = await openRegistry(config.stateDir, machine, logger, lifecycle);
    return await found(config, endpoints, { ...machine, files, registry });
  } finally {
    await lifecycle.stop();
  }
}

/** The host's own key pair. The caller wipes it when it is not needed any more. */
export function hostKey(identity: Identity, crypto: Crypto): KeyPair {
  const privateKey = fromBase64(identity.privateKey);
  if (privateKey === undefined) throw new P6nError('STATE_CORRUPT', 'Cannot read the host key');
  return keyPair(crypto, privateKey);
}

async function readToken(path: string): Promise<string> {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  } catch (cause) {
    const facts = cause instanceof Error ? cause.message : String(cause);
    throw new P6nError('TOKEN_INVALID', `Cannot read the invite's token: ${facts}`, { cause });
  }
}

function requireSameToken(identity: Identity, token: string): void {
  if (identity.invite !== tokenId(parseToken(token))) throw alreadyJoined();
}

function alreadyJoined(): P6nError {
  return new P6nError('ALREADY_JOINED', 'Cannot join: this host belongs to a site already', {
    hint: 'Start p6nd without --join, or with another --state-dir.',
  });
}

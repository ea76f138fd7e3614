// How a p6nd comes by its identity at start: it has one, it goes on with what a crash left half
// done, it joins with a token, or it founds a site.

import { createReadStream } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { fromBase64 } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import { Lifecycle } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import type { SiteSigner } from '../registry/site-signer.ts';
import type { Crypto } from '../wireguard/crypto/crypto.ts';
import { type KeyPair, keyPair } from '../wireguard/identity.ts';
import type { DaemonConfig } from './config.ts';
import { type Identity, IdentityFiles } from './identity.ts';
import { looksLikeToken, parseToken, tokenId } from './invite-token.ts';
import type { Machine } from './machine.ts';
import { looksLikeRehoming } from './rehoming-token.ts';

/** Far more than a token and what stands round it. */
const TOKEN_FILE_LENGTH_MAX = 16_384;

export interface IdentityDependencies {
  readonly machine: Machine;
  readonly logger: Logger;
  /** Gets the key of a site that is founded. */
  readonly signer: SiteSigner;
  /** Gives the attempt up; what it has on disk by then is gone on with at the next start. */
  readonly signal: AbortSignal;
}

/**
 * This host's identity. A token that was kept or used already may be gone since: whoever removes
 * the file, as one should, has a p6nd that starts again with the same flags. A token that leads
 * this host to other servers is followed. Throws ALREADY_JOINED when `--join` names another token
 * than the one that was used, TOKEN_INVALID, INVITE_EXPIRED, and what founding and joining throw.
 */
export async function obtainIdentity(
  config: DaemonConfig,
  endpoints: readonly string[],
  { machine, logger, signer, signal }: IdentityDependencies,
): Promise<Identity> {
  const files = new IdentityFiles(config.stateDir);
  const existing = await files.read();
  if (existing !== undefined) {
    // A crash may have left them beside the identity, and they hold secrets.
    await files.removeDrafts();
    const token = await readToken(config.join, signal).catch(() => '');
    if (looksLikeRehoming(token)) {
      const { rehome } = await import('./rehoming.ts');
      return await rehome(existing, token, { files, stateDir: config.stateDir, logger });
    }
    if (token.trim() !== '') requireSameToken(existing, token);
    return existing;
  }
  const founding = await files.readFounding();
  const joining = await files.readJoining();
  if (founding !== undefined && config.join !== undefined) throw alreadyJoined();
  const dependencies = { ...machine, files, logger, signal };
  // A host that has its identity starts sooner without what these load.
  const { draftJoining, join } = await import('./join.ts');
  if (joining !== undefined) {
    const token = await readToken(config.join, signal).catch(() => '');
    const draft = token.trim() === '' ? joining : await draftJoining(token, dependencies);
    return await join(config, endpoints, draft, dependencies);
  }
  if (config.join !== undefined) {
    const draft = await draftJoining(await readToken(config.join, signal), dependencies);
    return await join(config, endpoints, draft, dependencies);
  }
  const { found } = await import('./found.ts');
  const { openRegistry } = await import('./registry-opener.ts');
  const lifecycle = new Lifecycle(logger);
  try {
    const registry = await openRegistry(
      { machine, logger, lifecycle, signer },
      { place: config.registry, stateDir: config.stateDir, writer: undefined },
    );
    return await found(config, endpoints, { ...machine, files, registry, signer });
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

/** The first line of the file that is not blank; empty when there is none or no file is named. */
async function readToken(path: string | undefined, signal: AbortSignal): Promise<string> {
  if (path === undefined) return '';
  if (looksLikeToken(path) || looksLikeRehoming(path)) {
    throw new P6nError('TOKEN_INVALID', 'Cannot join: --join takes a file, not the token itself', {
      hint:
        'Put the token into a file of mode 0600, or give it on standard input with --join -. ' +
        'Others may have seen it on the command line: better revoke it and make a new invite.',
    });
  }
  try {
    const stream = path === '-' ? process.stdin : createReadStream(path);
    return await firstLine(addAbortSignal(signal, stream));
  } catch (cause) {
    signal.throwIfAborted();
    const facts = cause instanceof Error ? cause.message : String(cause);
    throw new P6nError('TOKEN_INVALID', `Cannot read the invite's token: ${facts}`, { cause });
  }
}

/** What follows it is left unread, so that somebody may type or paste the token. */
async function firstLine(stream: Readable): Promise<string> {
  let read = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream as AsyncIterable<string>) {
    read += chunk;
    const line = /^\s*(\S.*)\n/.exec(read)?.[1];
    if (line !== undefined) return line;
    if (read.length > TOKEN_FILE_LENGTH_MAX) throw new Error('the file is too long');
  }
  return read;
}

function requireSameToken(identity: Identity, token: string): void {
  if (identity.invite !== tokenId(parseToken(token))) throw alreadyJoined();
}

function alreadyJoined(): P6nError {
  return new P6nError('ALREADY_JOINED', 'Cannot join: this host belongs to a site already', {
    hint: 'Start p6nd without --join, or with another --state-dir.',
  });
}

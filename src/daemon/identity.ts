// Who this host is, in its state folder: `identity.json` once it belongs to a site, and before that
// the draft of what it is about to become, so that a crash at any moment is repaired by starting
// again with the same keys.

import { join } from 'node:path';
import { type HostId, isHostId } from '../addressing/ids.ts';
import { fromBase64 } from '../base/bytes.ts';
import { P6nError } from '../base/errors.ts';
import { readFileIfExists, removeFile, writeFileAtomic } from '../os/atomic-file.ts';
import type { SiteKey } from '../registry/model.ts';
import { type InviteToken, parseToken } from './invite-token.ts';

export interface Identity {
  readonly role: 'server' | 'agent';
  readonly hostId: HostId;
  readonly name: string;
  readonly region: string;
  /** X25519 private key, base64. A secret. */
  readonly privateKey: string;
  /**
   * What proves to a server that a request comes from this host's p6nd. A secret; the founder has
   * none.
   */
  readonly secret: string | undefined;
  /** Ed25519 public key of the site, base64. */
  readonly siteKey: string;
  /** Ed25519 secret key of the site, base64; servers only. A secret. */
  readonly siteSecretKey: string | undefined;
  /** Servers: the site's keys, each vouched for by the one before. */
  readonly siteKeys?: readonly SiteKey[];
  /** Servers: the registry is signed; a host without a signature is somebody's forgery. */
  readonly signed?: boolean;
  /** The key that the site changes to, as siteSecretKey; only while it does. A secret. */
  readonly nextSiteSecretKey?: string | undefined;
  /** The key that this host changes to, as privateKey; only while it does. A secret. */
  readonly nextPrivateKey?: string | undefined;
  /** What it serves WireGuard peers by, as privateKey; undefined before the first. A secret. */
  readonly gatewayPrivateKey?: string | undefined;
  /** The servers of the site as of the last word from one. */
  readonly servers: readonly ServerPeer[];
  /** The id of the token that was used: the same token again is no second joining. */
  readonly invite: string | undefined;
  /** The id of the token that has led this host to its servers last. */
  readonly rehomed?: string;
}

/** A server as a host must know it to reach it while its copy is empty. */
export interface ServerPeer {
  readonly hostId: HostId;
  readonly region: string;
  /** WireGuard public key, base64. */
  readonly publicKey: string;
  readonly endpoints: readonly string[];
}

/** Keys of a server that is founding its site. */
export interface FoundingDraft {
  readonly privateKey: string;
  readonly siteSecretKey: string;
}

/** The token and the fresh host key of a host that is joining. */
export interface JoiningDraft {
  readonly token: InviteToken;
  /** X25519 private key that the host will have, base64. A secret. */
  readonly privateKey: string;
}

const IDENTITY_FILE = 'identity.json';
const FOUNDING_FILE = 'founding.json';
const JOINING_FILE = 'joining.json';
const VERSION = 1;
const KEY_BYTES = 32;

export class IdentityFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The identity, or undefined before there is one. Throws STATE_CORRUPT. */
  async read(): Promise<Identity | undefined> {
    const value = await this.#readJson(IDENTITY_FILE);
    if (value === undefined) return undefined;
    if (!isIdentity(value)) throw this.#corrupt(IDENTITY_FILE);
    return value;
  }

  /** Writes the identity, then removes the drafts. What could not be read again is refused. */
  async write(identity: Identity): Promise<void> {
    if (!isIdentity(identity)) {
      throw new P6nError('INTERNAL', 'Cannot join: the server has sent no whole identity', {
        hint: 'Compare `p6nd --version` of both hosts.',
      });
    }
    await this.#writeJson(IDENTITY_FILE, identity);
    await this.removeDrafts();
  }

  /** Removes what was kept until there is an identity. */
  async removeDrafts(): Promise<void> {
    await removeFile(join(this.#folder, FOUNDING_FILE));
    await removeFile(join(this.#folder, JOINING_FILE));
  }

  async readFounding(): Promise<FoundingDraft | undefined> {
    const value = await this.#readJson(FOUNDING_FILE);
    if (value === undefined) return undefined;
    const draft = value as Partial<Record<keyof FoundingDraft, unknown>>;
    const { privateKey, siteSecretKey } = draft;
    if (!isKey(privateKey, KEY_BYTES) || !isKey(siteSecretKey, 2 * KEY_BYTES)) {
      throw this.#corrupt(FOUNDING_FILE);
    }
    return { privateKey, siteSecretKey };
  }

  writeFounding(draft: FoundingDraft): Promise<void> {
    return this.#writeJson(FOUNDING_FILE, draft);
  }

  async readJoining(): Promise<JoiningDraft | undefined> {
    const value = await this.#readJson(JOINING_FILE);
    if (value === undefined) return undefined;
    const { privateKey, token } = value as Partial<Record<keyof JoiningDraft, unknown>>;
    if (!isKey(privateKey, KEY_BYTES) || typeof token !== 'string')
      throw this.#corrupt(JOINING_FILE);
    return { privateKey, token: parseToken(token) };
  }

  /** Keeps a draft; `tokenText` is the token as it was given. */
  writeJoining(privateKey: string, tokenText: string): Promise<void> {
    return this.#writeJson(JOINING_FILE, { privateKey, token: tokenText.trim() });
  }

  async #readJson(name: string): Promise<object | undefined> {
    const text = await readFileIfExists(join(this.#folder, name));
    if (text === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw this.#corrupt(name);
    }
    if (typeof value !== 'object' || value === null) throw this.#corrupt(name);
    const { version, ...rest } = value as { version?: unknown };
    if (version !== VERSION) throw this.#corrupt(name);
    return rest;
  }

  #writeJson(name: string, value: object): Promise<void> {
    const text = `${JSON.stringify({ version: VERSION, ...value }, undefined, 2)}\n`;
    return writeFileAtomic(join(this.#folder, name), text);
  }

  #corrupt(name: string): P6nError {
    const path = join(this.#folder, name);
    return new P6nError('STATE_CORRUPT', `Cannot use ${path}: it is not what p6nd wrote`, {
      hint: 'Restore it from a backup, or move the state folder away and join again.',
    });
  }
}

function isIdentity(value: object): value is Identity {
  const identity = value as Partial<Record<keyof Identity, unknown>>;
  return (
    (identity.role === 'server' || identity.role === 'agent') &&
    typeof identity.hostId === 'number' &&
    isHostId(identity.hostId) &&
    typeof identity.name === 'string' &&
    typeof identity.region === 'string' &&
    isKey(identity.privateKey, KEY_BYTES) &&
    isKey(identity.siteKey, KEY_BYTES) &&
    (identity.secret === undefined || typeof identity.secret === 'string') &&
    (identity.siteSecretKey === undefined || isKey(identity.siteSecretKey, 2 * KEY_BYTES)) &&
    (identity.nextSiteSecretKey === undefined ||
      isKey(identity.nextSiteSecretKey, 2 * KEY_BYTES)) &&
    (identity.nextPrivateKey === undefined || isKey(identity.nextPrivateKey, KEY_BYTES)) &&
    (identity.gatewayPrivateKey === undefined || isKey(identity.gatewayPrivateKey, KEY_BYTES)) &&
    Array.isArray(identity.servers) &&
    identity.servers.every(isServerPeer)
  );
}

export function isServerPeer(value: unknown): value is ServerPeer {
  if (typeof value !== 'object' || value === null) return false;
  const server = value as Partial<Record<keyof ServerPeer, unknown>>;
  return (
    typeof server.hostId === 'number' &&
    isHostId(server.hostId) &&
    typeof server.region === 'string' &&
    isKey(server.publicKey, KEY_BYTES) &&
    Array.isArray(server.endpoints) &&
    server.endpoints.every((endpoint) => typeof endpoint === 'string')
  );
}

function isKey(value: unknown, bytes: number): value is string {
  return typeof value === 'string' && fromBase64(value)?.length === bytes;
}

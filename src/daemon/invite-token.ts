// The token of an invite: all that a machine needs to join. It holds the invite's private key, so
// it is a secret until it is used or has expired.

import { createHash } from 'node:crypto';
import { type HostId, isHostId } from '../addressing/ids.ts';
import { fromBase64 } from '../base/bytes.ts';
import type { WallMillis } from '../base/clock.ts';
import { formatTokenText, invalidToken, parseTokenText } from './token-text.ts';

export interface InviteToken {
  /** X25519 private key of the invite, base64. A secret. */
  readonly privateKey: string;
  /** The `n` of the invite's address `fdaa:0:0:S:S:0:a:n`. */
  readonly number: number;
  /** The server that made it. */
  readonly server: HostId;
  /** WireGuard public key of the server, base64. */
  readonly serverKey: string;
  /** `HOST:PORT`, best first. */
  readonly endpoints: readonly string[];
  /** Ed25519 public key of the site, base64. */
  readonly siteKey: string;
  readonly expiresAt: WallMillis;
}

const PREFIX = 'p6n1_';
const KEY_BYTES = 32;
const NUMBER_MAX = 0xffff;

/** What tells a token from others and gives nothing of it away: hexadecimal. */
export function tokenId(token: InviteToken): string {
  return createHash('sha256').update(token.privateKey).digest('hex');
}

/** Whether a text begins as tokens do. */
export function looksLikeToken(text: string): boolean {
  return text.trimStart().startsWith(PREFIX);
}

export function formatToken(token: InviteToken): string {
  return formatTokenText(PREFIX, token);
}

/**
 * Reads a token with white space round it. Throws TOKEN_INVALID; the error holds nothing of the
 * token.
 */
export function parseToken(text: string): InviteToken {
  const parsed = parseTokenText(PREFIX, text);
  if (!isToken(parsed)) throw invalidToken('it lacks a part');
  return parsed;
}

function isToken(value: unknown): value is InviteToken {
  if (typeof value !== 'object' || value === null) return false;
  const token = value as Partial<Record<keyof InviteToken, unknown>>;
  return (
    isKey(token.privateKey) &&
    isKey(token.serverKey) &&
    isKey(token.siteKey) &&
    typeof token.number === 'number' &&
    Number.isInteger(token.number) &&
    token.number >= 1 &&
    token.number <= NUMBER_MAX &&
    typeof token.server === 'number' &&
    isHostId(token.server) &&
    Array.isArray(token.endpoints) &&
    token.endpoints.length > 0 &&
    token.endpoints.every((endpoint) => typeof endpoint === 'string') &&
    typeof token.expiresAt === 'number'
  );
}

function isKey(value: unknown): boolean {
  return typeof value === 'string' && fromBase64(value)?.length === KEY_BYTES;
}

// The token that leads a host of the site to servers that have moved while it slept. It lets nobody
// in and holds no secret: the host has its keys, and the site knows it.

import { createHash } from 'node:crypto';
import { type HostId, isHostId } from '../addressing/ids.ts';
import type { SiteKey } from '../registry/model.ts';
import { isServerPeer, type ServerPeer } from './identity.ts';
import { formatTokenText, invalidToken, parseTokenText } from './token-text.ts';

export interface RehomingToken {
  /** The host that it is for. */
  readonly host: HostId;
  /** The site's keys, each vouched for by the one before; the last one signs. */
  readonly siteKeys: readonly SiteKey[];
  /** Where the site is served now. */
  readonly servers: readonly ServerPeer[];
}

const PREFIX = 'p6n1h_';

/** Whether a text begins as these tokens do. */
export function looksLikeRehoming(text: string): boolean {
  return text.trimStart().startsWith(PREFIX);
}

export function formatRehoming(token: RehomingToken): string {
  return formatTokenText(PREFIX, token);
}

/** Throws TOKEN_INVALID. */
export function parseRehoming(text: string): RehomingToken {
  const { host, servers, siteKeys } = (parseTokenText(PREFIX, text) ?? {}) as Partial<
    Record<keyof RehomingToken, unknown>
  >;
  const isWhole =
    typeof host === 'number' &&
    isHostId(host) &&
    Array.isArray(servers) &&
    servers.length > 0 &&
    servers.every(isServerPeer) &&
    Array.isArray(siteKeys) &&
    siteKeys.every(isSiteKey);
  if (isWhole) return { host, servers, siteKeys };
  throw invalidToken('it lacks a part');
}

/** Tells a token from others. */
export function rehomingId(token: RehomingToken): string {
  return createHash('sha256').update(formatRehoming(token)).digest('hex');
}

/** What its signature is made of; whether that is sound is for whoever follows the chain. */
function isSiteKey(value: unknown): value is SiteKey {
  if (typeof value !== 'object' || value === null) return false;
  const key = value as Partial<Record<keyof SiteKey, unknown>>;
  const { endorsement, generation, publicKey, signature, site } = key;
  return (
    [publicKey, signature, site].every((text) => typeof text === 'string') &&
    Number.isSafeInteger(generation) &&
    (endorsement === undefined || typeof endorsement === 'string')
  );
}

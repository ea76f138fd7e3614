// Who made a change, when and what for: a note that stands in the transaction of the change itself,
// as the last of its writes, so that no change is without one and no note without its change. The
// history of the keys where notes stand is that of all changes. There are a few of these keys, so
// that the registry does not grow by them, and changes of different things seldom share one.

import type { HostId } from '../addressing/ids.ts';
import type { WallMillis } from '../base/clock.ts';
import type { Principal } from './authority.ts';
import { AUDIT } from './keys.ts';

const PLACES = 1_024;

/** Who made a change. */
export type Actor =
  /** A server by itself, as at its start. */
  | { readonly kind: 'server' }
  | { readonly kind: 'operator' }
  | { readonly kind: 'host' | 'host-operator'; readonly host: HostId }
  | { readonly kind: 'invite'; readonly invite: number }
  | { readonly kind: 'token'; readonly token: string };

export interface AuditNote {
  /** By the clock of the server that made the change. */
  readonly at: WallMillis;
  readonly by: Actor;
  /** As in `create app "web"`; names, and no secrets. */
  readonly action: string;
}

export function actorOf(principal: Principal): Actor {
  switch (principal.kind) {
    case 'operator':
      return { kind: 'operator' };
    case 'host':
    case 'host-operator':
      return { kind: principal.kind, host: principal.host };
    case 'invite':
      return { kind: 'invite', invite: principal.number };
    case 'token':
      return { kind: 'token', token: principal.id };
  }
}

/** Where the note of a change stands that writes `key`. */
export function notePlace(key: string): string {
  // FNV-1a.
  let hash = 0x811c_9dc5;
  for (let n = 0; n < key.length; n++) hash = Math.imul(hash ^ key.charCodeAt(n), 0x0100_0193);
  return `${AUDIT}${(hash >>> 0) % PLACES}`;
}

export function encodeNote(note: AuditNote): string {
  return JSON.stringify(note);
}

/** Undefined for what is none: nothing but the account of a change depends on it. */
export function decodeNote(text: string): AuditNote | undefined {
  try {
    const note = JSON.parse(text) as Partial<AuditNote>;
    const isNote =
      typeof note.at === 'number' &&
      typeof note.action === 'string' &&
      typeof note.by?.kind === 'string';
    return isNote ? (note as AuditNote) : undefined;
  } catch {
    return undefined;
  }
}

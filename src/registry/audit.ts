// Who made a change, when and what for: a note that stands in the transaction of the change itself,
// so that no change is without one and no note without its change. It stands at one key, whose
// history in the store is that of all changes; so the registry does not grow by it.

import type { HostId } from '../addressing/ids.ts';
import type { WallMillis } from '../base/clock.ts';
import type { Principal } from './authority.ts';

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

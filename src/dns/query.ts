// A question as the handlers see it: whose it is, below which of our own names it stands, and which
// app it is about. And what a handler may say.

import type { ZoneIndexes } from './app-index.ts';
import type { AppZone, InstanceName, NetworkZone } from './zone.ts';

/** A name below which we answer ourselves, and nobody else is ever asked. */
export interface Apex {
  /** Without the final dot. */
  readonly name: string;
  readonly labels: readonly string[];
  /** Length of the name on the wire, its root label included. */
  readonly wireBytes: number;
}

export const INTERNAL_APEX: Apex = apex('internal');
/** The reverse zone of fdaa::/16. */
export const REVERSE_APEX: Apex = apex('a.a.d.f.ip6.arpa');

export interface Query {
  readonly labels: readonly string[];
  readonly type: number;
  readonly recursionDesired: boolean;
  /** The table of the asker's network; undefined when nothing is known of that network. */
  readonly zone: NetworkZone | undefined;
  readonly indexes: ZoneIndexes;
  /** Undefined for a name of somebody else. */
  readonly apex: Apex | undefined;
  /** Undefined where the name stands below no app of the asker's network. */
  readonly app: AppZone | undefined;
  /** What stands before the app, or before the apex where there is no app; first label first. */
  readonly prefix: readonly string[];
}

/**
 * What stands at a name that exists. A question for a type that is not among it is answered without
 * records, so that no handler can take a missing type for a missing name.
 */
export interface NameContent {
  /** AAAA records, in random order. */
  readonly instances?: readonly InstanceName[];
  /**
   * Entries of one TXT record, joined by `,`; none of them, no record. The same array for the same
   * content: its encoding is remembered.
   */
  readonly text?: readonly string[];
  /** Whether the SOA record stands here. */
  readonly authority?: true;
}

/** `absent`: no such name. `unready`: not known at the moment. */
export type Verdict = NameContent | 'absent' | 'unready' | 'refused' | 'forward';

export interface Handler {
  /** As it is shown to operators. */
  readonly name: string;
  /** The verdict, or undefined to leave the question to the next handler. */
  handle(query: Query): Verdict | undefined;
}

/** A name that exists and holds nothing itself. */
export const NOTHING_HERE: NameContent = {};

export function makeQuery(
  question: Pick<Query, 'labels' | 'type' | 'recursionDesired'>,
  zone: NetworkZone | undefined,
  indexes: ZoneIndexes,
): Query {
  const { labels, type, recursionDesired } = question;
  const owner = [INTERNAL_APEX, REVERSE_APEX].find((one) => isBelow(labels, one));
  const below = owner === undefined ? [] : labels.slice(0, labels.length - owner.labels.length);
  const app = owner === INTERNAL_APEX ? zone?.apps.get(below[below.length - 1] ?? '') : undefined;
  const prefix = app === undefined ? below : below.slice(0, -1);
  return { labels, type, recursionDesired, zone, indexes, apex: owner, app, prefix };
}

function isBelow(labels: readonly string[], one: Apex): boolean {
  const start = labels.length - one.labels.length;
  return start >= 0 && one.labels.every((label, index) => labels[start + index] === label);
}

function apex(name: string): Apex {
  return { name, labels: name.split('.'), wireBytes: name.length + 2 };
}

// A question as the handlers see it: whose it is, below which of our own names it stands, and which
// app it is about. And what a handler may say.

import type { ZoneIndexes } from './app-index.ts';
import type { AddressTarget, NameContent } from './content.ts';
import type { AppZone, NetworkZone } from './zone.ts';

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
/** Names of the asker's own address, as Fly.io and Modal call it. */
export const OWN_ADDRESS_APEXES: readonly Apex[] = [
  apex('fly-local-6pn'),
  apex('i6pn.modal.local'),
];
const APEXES: readonly Apex[] = [INTERNAL_APEX, REVERSE_APEX, ...OWN_ADDRESS_APEXES];

export interface Query {
  readonly labels: readonly string[];
  readonly type: number;
  readonly recursionDesired: boolean;
  /** The table of the asker's network; undefined when nothing is known of that network. */
  readonly zone: NetworkZone | undefined;
  readonly indexes: ZoneIndexes;
  /** The address of the asker; undefined where it has none of its own. */
  readonly self: AddressTarget | undefined;
  /** Undefined for a name of somebody else. */
  readonly apex: Apex | undefined;
  /** Undefined where the name stands below no app of the asker's network. */
  readonly app: AppZone | undefined;
  /** What stands before the app, or before the apex where there is no app; first label first. */
  readonly prefix: readonly string[];
}

/** `absent`: no such name. `unready`: not known at the moment. */
export type Verdict = NameContent | 'absent' | 'unready' | 'refused' | 'forward';

export interface Handler {
  /** As it is shown to operators. */
  readonly name: string;
  /** What it answers for, in a few words for operators. */
  readonly summary: string;
  /** The verdict, or undefined to leave the question to the next handler. */
  handle(query: Query): Verdict | undefined;
}

export function makeQuery(
  question: Pick<Query, 'labels' | 'type' | 'recursionDesired'>,
  asker: Pick<Query, 'zone' | 'self'>,
  indexes: ZoneIndexes,
): Query {
  const { labels, type, recursionDesired } = question;
  const { zone, self } = asker;
  const owner = APEXES.find((one) => isBelow(labels, one));
  const below = owner === undefined ? [] : labels.slice(0, labels.length - owner.labels.length);
  const app = owner === INTERNAL_APEX ? zone?.apps.get(below[below.length - 1] ?? '') : undefined;
  const prefix = app === undefined ? below : below.slice(0, -1);
  return { labels, type, recursionDesired, zone, indexes, self, apex: owner, app, prefix };
}

function isBelow(labels: readonly string[], one: Apex): boolean {
  const start = labels.length - one.labels.length;
  return start >= 0 && one.labels.every((label, index) => labels[start + index] === label);
}

function apex(name: string): Apex {
  return { name, labels: name.split('.'), wireBytes: name.length + 2 };
}

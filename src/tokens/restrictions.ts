// What one block of a token allows, and its text: JSON with the fields in one order and nothing
// else, so that one meaning has one text. A field that is absent restricts nothing.

import type { WallMillis } from '../base/clock.ts';

/** What a caller can do to something: see it, make it, change it, take it away. */
export const VERBS = ['read', 'create', 'change', 'remove'] as const;
export type Verb = (typeof VERBS)[number];

/** Organizations or apps that one block names. */
export const TOKEN_NAMES_MAX = 32;
/** As long as names of organizations and apps are. */
const NAME_PATTERN = /^[A-Za-z0-9-]{1,63}$/;
const ID_PATTERN = /^[0-9a-f]{16}$/;

export interface Restrictions {
  /** The token is good until then. */
  readonly expiresAt?: WallMillis;
  readonly verbs?: readonly Verb[];
  readonly organizations?: readonly string[];
  readonly apps?: readonly string[];
}

/** Of the first block, which names the token. */
export interface RootRestrictions extends Restrictions {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly expiresAt: WallMillis;
}

export function formatRestrictions(restrictions: Restrictions | RootRestrictions): string {
  const { expiresAt, verbs, organizations, apps } = restrictions;
  const id = 'id' in restrictions ? restrictions.id : undefined;
  return JSON.stringify({ id, expires_at: expiresAt, verbs, organizations, apps });
}

/** The restrictions that `text` is the one text of, or undefined. */
export function parseRestrictions(text: string): Restrictions | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { id, expires_at: expiresAt, verbs, organizations, apps } = parsed as Fields;
  if (id !== undefined && !isTokenId(id)) return undefined;
  if (expiresAt !== undefined && !isMoment(expiresAt)) return undefined;
  if (verbs !== undefined && !isListOf(verbs, isVerb)) return undefined;
  if (organizations !== undefined && !isListOf(organizations, isName)) return undefined;
  if (apps !== undefined && !isListOf(apps, isName)) return undefined;
  const restrictions = {
    ...(id === undefined ? {} : { id }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(verbs === undefined ? {} : { verbs }),
    ...(organizations === undefined ? {} : { organizations }),
    ...(apps === undefined ? {} : { apps }),
  };
  // What is left out above, is written otherwise or stands twice makes another text.
  return formatRestrictions(restrictions) === text ? restrictions : undefined;
}

export function isRoot(restrictions: Restrictions): restrictions is RootRestrictions {
  return 'id' in restrictions && restrictions.expiresAt !== undefined;
}

export function isTokenId(value: unknown): value is string {
  return typeof value === 'string' && ID_PATTERN.test(value);
}

type Fields = Readonly<Record<'id' | 'expires_at' | 'verbs' | 'organizations' | 'apps', unknown>>;

function isMoment(value: unknown): value is WallMillis {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isVerb(value: unknown): value is Verb {
  return VERBS.some((verb) => verb === value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME_PATTERN.test(value);
}

/** Empty lists would allow nothing at all: nobody means that. */
function isListOf<T>(value: unknown, isOne: (item: unknown) => item is T): value is readonly T[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= TOKEN_NAMES_MAX &&
    value.every(isOne) &&
    new Set(value).size === value.length
  );
}

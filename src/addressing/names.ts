// The rules for every kind of name that people give. Names become DNS labels, so they keep to
// letters, digits and dashes, and the words that have a meaning in a DNS name are reserved.

import { P6nError } from '../base/errors.ts';

export type NameKind =
  | 'app'
  | 'region'
  | 'group'
  | 'network'
  | 'organization'
  | 'host'
  | 'instance'
  | 'peer';

/** A label of RFC 1035 holds 63 bytes. */
export const NAME_LENGTH_MAX = 63;
export const DEFAULT_REGION = 'local';
export const DEFAULT_GROUP = 'app';
export const DEFAULT_NETWORK = 'default';
export const DEFAULT_ORGANIZATION = 'default';

const LABEL_PATTERN = /^[a-z][a-z0-9-]{0,62}$/;
const NETWORK_PATTERN = /^[a-zA-Z][a-zA-Z0-9-]{0,62}$/;
const TOP_PATTERN = /^top[0-9]*$/;
/** Labels with a meaning of their own in names under `.internal`. */
const RESERVED_LABELS: ReadonlySet<string> = new Set(
  'self global all regions vms vm process nearest of kv healthy svc internal flycast'.split(' '),
);

const RULES: Readonly<Record<NameKind, { pattern: RegExp; sentence: string; reserved: boolean }>> =
  {
    app: rule(true),
    region: rule(true),
    group: rule(true),
    instance: rule(false),
    host: rule(false),
    peer: rule(false),
    organization: rule(false),
    network: {
      pattern: NETWORK_PATTERN,
      sentence: 'letters, digits and dashes, first a letter, at most 63 in all',
      reserved: true,
    },
  };

/** What is wrong with `name` as a name of that kind, or undefined when nothing is. */
export function nameProblem(kind: NameKind, name: string): P6nError | undefined {
  const { pattern, sentence, reserved } = RULES[kind];
  if (!pattern.test(name)) {
    return new P6nError(
      'NAME_INVALID',
      `Cannot use "${name}" as ${article(kind)} name: it is not ${sentence}`,
      {
        hint: `Choose a name of ${sentence}.`,
      },
    );
  }
  if (reserved && isReserved(name.toLowerCase())) {
    return new P6nError(
      'NAME_RESERVED',
      `Cannot use "${name}" as ${article(kind)} name: the word is reserved`,
      {
        hint: 'The word has a meaning of its own in names under .internal; choose another one.',
      },
    );
  }
  return undefined;
}

/** Throws NAME_INVALID or NAME_RESERVED unless `name` may be the name of a `kind`. */
export function requireName(kind: NameKind, name: string): void {
  const problem = nameProblem(kind, name);
  if (problem !== undefined) throw problem;
}

/** The form in which network names are compared: unique without regard to case. */
export function foldNetworkName(name: string): string {
  return name.toLowerCase();
}

function isReserved(label: string): boolean {
  return RESERVED_LABELS.has(label) || TOP_PATTERN.test(label);
}

function article(kind: NameKind): string {
  return `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

function rule(reserved: boolean): { pattern: RegExp; sentence: string; reserved: boolean } {
  return {
    pattern: LABEL_PATTERN,
    sentence: 'lower-case letters, digits and dashes, first a letter, at most 63 in all',
    reserved,
  };
}

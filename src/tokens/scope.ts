// What a token allows: the one answer to whether it may do something to something, made of all its
// blocks. What no block speaks for is denied.

import type { WallMillis } from '../base/clock.ts';
import type { Restrictions, Verb } from './restrictions.ts';

/**
 * What a request is about, as far as the one says that has what: without an organization it is the
 * site as a whole, its hosts among it; without an app the organization and what is directly of it.
 */
export interface TokenObject {
  readonly organization?: string | undefined;
  readonly app?: string | undefined;
}

/** Whether all of `restrictions` last longer than `now`. */
export function isCurrent(restrictions: readonly Restrictions[], now: WallMillis): boolean {
  return restrictions.every(({ expiresAt }) => expiresAt === undefined || now < expiresAt);
}

export function permitsVerb(restrictions: readonly Restrictions[], verb: Verb): boolean {
  return restrictions.every(({ verbs }) => verbs === undefined || verbs.includes(verb));
}

export function permitsObject(
  restrictions: readonly Restrictions[],
  { organization, app }: TokenObject,
): boolean {
  return restrictions.every(
    ({ organizations, apps }) => isListed(organizations, organization) && isListed(apps, app),
  );
}

function isListed(names: readonly string[] | undefined, name: string | undefined): boolean {
  return names === undefined || (name !== undefined && names.includes(name));
}

// The feed by which a server keeps a host's copy true, one JSON value a line: the registry's
// records as they are stored, and heartbeats, so that silence means a lost server.

import { Type } from 'typebox';
import type { FollowEvent } from '../../registry/model.ts';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

/** A host follows at most this many networks. */
export const FOLLOWED_NETWORKS_MAX = 4_096;

export type FollowLine = FollowEvent | { readonly type: 'heartbeat' };

export interface FollowQuery {
  /** Ids of networks in decimal, separated by commas, besides the hosts, which are always sent. */
  readonly networks?: string;
  /** The revision to go on from; both or none. */
  readonly incarnation?: string;
  readonly number?: string;
  /** Those of the networks of which nothing is known as of that revision, as in `networks`. */
  readonly lacks?: string;
}

/** `4294967295,` for each. */
const NETWORKS_LENGTH_MAX = 11 * FOLLOWED_NETWORKS_MAX;

const ids = Type.String({
  pattern: '^[0-9]{1,10}(,[0-9]{1,10})*$',
  maxLength: NETWORKS_LENGTH_MAX,
});

export const FOLLOW_QUERY: Contract<FollowQuery> = contract<FollowQuery>()(
  strictObject({
    networks: Type.Optional(ids),
    incarnation: Type.Optional(Type.String({ minLength: 1, maxLength: TEXT_LENGTH_MAX })),
    number: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$' })),
    lacks: Type.Optional(ids),
  }),
);

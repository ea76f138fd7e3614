// How an instance, an app or a host that is in use is removed all the same, and a host's key is
// changed that not all others are ready for.

import { Type } from 'typebox';
import { type Contract, contract, strictObject } from './schema.ts';

export interface RemoveQuery {
  /**
   * `1` to stop a started instance first, or to let the instances of an app, or the records of
   * those of a host, go along; or to wait for no host that is not ready.
   */
  readonly force?: '1';
}

export const REMOVE_QUERY: Contract<RemoveQuery> = contract<RemoveQuery>()(
  strictObject({ force: Type.Optional(Type.Literal('1')) }),
);

// How an instance, an app or a host that is in use is removed all the same.

import { Type } from 'typebox';
import { type Contract, contract, strictObject } from './schema.ts';

export interface RemoveQuery {
  /**
   * `1` to stop a started instance first, or to let the instances of an app, or the records of
   * those of a host, go along.
   */
  readonly force?: '1';
}

export const REMOVE_QUERY: Contract<RemoveQuery> = contract<RemoveQuery>()(
  strictObject({ force: Type.Optional(Type.Literal('1')) }),
);

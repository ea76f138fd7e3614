// What p6nd knows of itself beyond its status: for who looks for what went wrong. No secret is in
// it.

import { Type } from 'typebox';
import { type Contract, contract, strictObject } from './schema.ts';

export interface DebugView {
  /** The options in force, as p6nd has read them. */
  readonly config: object;
  /** The last lines of the log, oldest first. */
  readonly log: readonly string[];
}

export const DEBUG_VIEW: Contract<DebugView> = contract<DebugView>()(
  strictObject({ config: Type.Object({}), log: Type.Array(Type.String()) }),
);

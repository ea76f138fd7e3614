// The body of every answer that is not a success.

import { Type } from 'typebox';
import { type Contract, contract, strictObject } from './schema.ts';

export interface ErrorBody {
  /** One sentence: the action, a colon, the facts. */
  readonly error: string;
  /** A code of the catalogue in base/errors.ts. */
  readonly code: string;
  /** What the reader can do about it. */
  readonly hint?: string;
  /** A word for programs that know the Machines API: `name_taken`. */
  readonly status?: string;
}

export const ERROR_BODY: Contract<ErrorBody> = contract<ErrorBody>()(
  strictObject({
    error: Type.String(),
    code: Type.String(),
    hint: Type.Optional(Type.String()),
    status: Type.Optional(Type.String()),
  }),
);

// The body of every answer that is not a success: that of the Machines API, with our own code and
// hint beside it.

import { Type } from 'typebox';
import { type Contract, contract, strictObject } from './schema.ts';

export type ErrorStatus = 'unknown' | 'name_taken';

export interface ErrorBody {
  /** One sentence: the action, a colon, the facts. Of a taken name, that of the Machines API. */
  readonly error: string;
  /** A code of the catalogue in base/errors.ts. */
  readonly code: string;
  /** What the reader can do about it. */
  readonly hint?: string;
  /** For programs that know the Machines API. */
  readonly status: ErrorStatus;
  /** Our own sentence, where `error` is not. */
  readonly details?: string;
}

export const ERROR_BODY: Contract<ErrorBody> = contract<ErrorBody>()(
  strictObject({
    error: Type.String(),
    code: Type.String(),
    hint: Type.Optional(Type.String()),
    status: Type.Union([Type.Literal('unknown'), Type.Literal('name_taken')]),
    details: Type.Optional(Type.String()),
  }),
);

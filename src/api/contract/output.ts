// What an instance's command writes, as one JSON value a line; where it was asked to follow, the
// last line says how the command ended.

import { Type } from 'typebox';
import { type Contract, contract, strictObject } from './schema.ts';

export type OutputLine =
  | {
      readonly type: 'stdout' | 'stderr';
      /** Base64. */
      readonly data: string;
      /** When it was written, milliseconds since 1970. */
      readonly at?: number;
    }
  /** The reader was slower than the command: so many bytes are left out here. */
  | { readonly type: 'skipped'; readonly bytes: number }
  /** `code` is absent when a signal ended the command, `signal` when it ended by itself. */
  | { readonly type: 'exit'; readonly code?: number; readonly signal?: string }
  | { readonly type: 'heartbeat' };

export interface OutputQuery {
  /** `1` to go on until the command ends. */
  readonly follow?: '1';
  /** How much of the past to begin with, bytes in decimal. */
  readonly tail_bytes?: string;
  /** And lines. */
  readonly tail_lines?: string;
}

export const OUTPUT_LINE: Contract<OutputLine> = contract<OutputLine>()(
  Type.Union([
    strictObject({
      type: Type.Union([Type.Literal('stdout'), Type.Literal('stderr')]),
      data: Type.String(),
      at: Type.Optional(Type.Number()),
    }),
    strictObject({ type: Type.Literal('skipped'), bytes: Type.Integer() }),
    strictObject({
      type: Type.Literal('exit'),
      code: Type.Optional(Type.Integer()),
      signal: Type.Optional(Type.String()),
    }),
    strictObject({ type: Type.Literal('heartbeat') }),
  ]),
);

export const OUTPUT_QUERY: Contract<OutputQuery> = contract<OutputQuery>()(
  strictObject({
    follow: Type.Optional(Type.Literal('1')),
    tail_bytes: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$' })),
    tail_lines: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$' })),
  }),
);

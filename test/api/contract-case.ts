// What a contract takes and what it refuses, as one row of a table.

import type { Contract } from '../../src/api/contract/schema.ts';

export interface Case {
  readonly schema: Contract<unknown>;
  readonly taken: readonly unknown[];
  readonly refused: readonly unknown[];
}

export function row<T>(
  schema: Contract<T>,
  taken: readonly T[],
  refused: readonly unknown[],
): Case {
  return { schema, taken, refused };
}

// Zone transfers and the other types that ask for something else than records (128 to 254 but for
// those of one name): neither answered nor handed on.

import { RecordType } from '../protocol.ts';
import type { Handler } from '../query.ts';

const REFUSED_TYPES: ReadonlySet<number> = new Set([
  0,
  RecordType.OPT,
  RecordType.TKEY,
  RecordType.TSIG,
  RecordType.IXFR,
  RecordType.AXFR,
  RecordType.MAILB,
  RecordType.MAILA,
]);

export const transfers: Handler = {
  name: 'transfers',
  summary: 'types that ask for no records',
  handle: ({ type }) => (REFUSED_TYPES.has(type) ? 'refused' : undefined),
};

// Facts that people give their instances: pairs of text, bounded in number and size.

import { type TRecord, type TString, Type } from 'typebox';

export const METADATA_PAIRS_MAX = 64;
export const METADATA_KEY_LENGTH_MAX = 128;
export const METADATA_VALUE_LENGTH_MAX = 4_096;

export const METADATA: TRecord<'^.*$', TString> = Type.Record(
  Type.String(),
  Type.String({ maxLength: METADATA_VALUE_LENGTH_MAX }),
  {
    maxProperties: METADATA_PAIRS_MAX,
    propertyNames: { minLength: 1, maxLength: METADATA_KEY_LENGTH_MAX },
  },
);

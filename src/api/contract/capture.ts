// Which packets of this host's data plane are shown, as pcapng.

import { Type } from 'typebox';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

/** A network or an instance of this host. */
export interface CaptureQuery {
  readonly network?: string;
  readonly instance?: string;
  /** Bytes of each packet, 64 to SNAP_LENGTH_MAX, which it is where absent. */
  readonly snap_length?: string;
  /** Packets after which the capture ends; without an end where absent. */
  readonly count?: string;
}

const text = Type.Optional(Type.String({ maxLength: TEXT_LENGTH_MAX }));

export const CAPTURE_QUERY: Contract<CaptureQuery> = contract<CaptureQuery>()(
  strictObject({
    network: text,
    instance: text,
    snap_length: Type.Optional(Type.String({ pattern: '^[1-9]\\d{1,4}$' })),
    count: Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,8}$' })),
  }),
);

// Which rule a packet would meet on this host, and why.

import { Type } from 'typebox';
import { type Contract, contract, strictObject } from './schema.ts';

/** Longest text of an address, with room for a dotted quad at its end. */
export const ADDRESS_LENGTH_MAX = 45;

export type ExplainProtocol = 'tcp' | 'udp' | 'icmp';

export interface ExplainRequest {
  readonly from: string;
  readonly to: string;
  readonly protocol?: ExplainProtocol;
  readonly port?: number;
}

export interface Explanation {
  readonly verdict: 'pass' | 'drop';
  /** Name of the rule that decides: a drop reason, or the way out. */
  readonly rule: string;
  readonly sentence: string;
}

const address = Type.String({ maxLength: ADDRESS_LENGTH_MAX });

export const EXPLAIN_REQUEST: Contract<ExplainRequest> = contract<ExplainRequest>()(
  strictObject({
    from: address,
    to: address,
    protocol: Type.Optional(
      Type.Union([Type.Literal('tcp'), Type.Literal('udp'), Type.Literal('icmp')]),
    ),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
  }),
);

export const EXPLANATION: Contract<Explanation> = contract<Explanation>()(
  strictObject({
    verdict: Type.Union([Type.Literal('pass'), Type.Literal('drop')]),
    rule: Type.String(),
    sentence: Type.String(),
  }),
);

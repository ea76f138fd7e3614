// What an instance would get for a name, and why.

import { Type } from 'typebox';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

export interface NameQuestion {
  readonly name: string;
  /** AAAA where absent. */
  readonly type?: string;
  /** Name or id of a network with an instance on this host; the only one where absent. */
  readonly network?: string;
}

export interface NameRecord {
  readonly name: string;
  readonly type: string;
  /** Seconds. */
  readonly ttl: number;
  readonly data: string;
}

export interface NameAnswer {
  readonly name: string;
  readonly type: string;
  /** The name of the network that is asked for. */
  readonly network: string;
  readonly network_id: number;
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` or another code of a reply. */
  readonly outcome: string;
  /** The part of the name server that has decided. */
  readonly handler: string;
  readonly why: string;
  readonly records: readonly NameRecord[];
}

/** A line of what `dns watch` reads: the answer at first, and each one that differs. */
export interface NameLine {
  readonly type: 'answer';
  readonly answer: NameAnswer;
}

const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

export const NAME_QUESTION: Contract<NameQuestion> = contract<NameQuestion>()(
  strictObject({ name: text, type: Type.Optional(text), network: Type.Optional(text) }),
);

export const NAME_ANSWER: Contract<NameAnswer> = contract<NameAnswer>()(
  strictObject({
    name: Type.String(),
    type: Type.String(),
    network: Type.String(),
    network_id: Type.Integer(),
    outcome: Type.String(),
    handler: Type.String(),
    why: Type.String(),
    records: Type.Array(
      strictObject({
        name: Type.String(),
        type: Type.String(),
        ttl: Type.Number(),
        data: Type.String(),
      }),
    ),
  }),
);

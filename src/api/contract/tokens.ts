// Tokens of the API: made by a server, told once, narrowed by their holders without a server, and
// revoked by their ids.

import { type TSchema, Type } from 'typebox';
import { TOKEN_NAMES_MAX, type Verb } from '../../tokens/restrictions.ts';
import { TOKEN_TTL } from './protocol.ts';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

/** What it allows; an absent list restricts nothing. */
export interface TokenScope {
  readonly verbs?: readonly Verb[];
  readonly organizations?: readonly string[];
  readonly apps?: readonly string[];
}

export interface CreateToken extends TokenScope {
  /** What it is for. */
  readonly label?: string;
  /** How long it is good; 30 days where absent. */
  readonly ttl_ms?: number;
}

export interface TokenView {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly label: string;
  readonly verbs?: readonly string[];
  readonly organizations?: readonly string[];
  readonly apps?: readonly string[];
  /** Milliseconds since 1970. */
  readonly created_at: number;
  readonly expires_at: number;
  /** Absent while it is good. */
  readonly revoked_at?: number;
}

export interface TokenList {
  readonly tokens: readonly TokenView[];
}

export interface TokenCreated {
  readonly details: TokenView;
  /** A secret: whoever has it may do what it allows. */
  readonly token: string;
}

const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

function names<T extends TSchema>(item: T) {
  return Type.Array(item, { minItems: 1, maxItems: TOKEN_NAMES_MAX, uniqueItems: true });
}

const name = Type.String({ pattern: '^[A-Za-z0-9-]{1,63}$' });

const token = strictObject({
  id: Type.String(),
  label: Type.String(),
  verbs: Type.Optional(Type.Array(Type.String())),
  organizations: Type.Optional(Type.Array(Type.String())),
  apps: Type.Optional(Type.Array(Type.String())),
  created_at: Type.Number(),
  expires_at: Type.Number(),
  revoked_at: Type.Optional(Type.Number()),
});

export const CREATE_TOKEN: Contract<CreateToken> = contract<CreateToken>()(
  strictObject({
    label: Type.Optional(text),
    ttl_ms: Type.Optional(Type.Integer({ minimum: TOKEN_TTL.minMs, maximum: TOKEN_TTL.maxMs })),
    verbs: Type.Optional(
      names(
        Type.Union([
          Type.Literal('read'),
          Type.Literal('create'),
          Type.Literal('change'),
          Type.Literal('remove'),
        ]),
      ),
    ),
    organizations: Type.Optional(names(name)),
    apps: Type.Optional(names(name)),
  }),
);

export const TOKEN_VIEW: Contract<TokenView> = contract<TokenView>()(token);

export const TOKEN_LIST: Contract<TokenList> = contract<TokenList>()(
  strictObject({ tokens: Type.Array(token) }),
);

export const TOKEN_CREATED: Contract<TokenCreated> = contract<TokenCreated>()(
  strictObject({ details: token, token: Type.String() }),
);

// The tokens of the site for the operator of a server; another host has none to give.

import type { CreateToken, TokenCreated, TokenList, TokenView } from '../api/contract/tokens.ts';
import type { TokenService } from '../api/services.ts';
import type { WallMillis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import { authorize, type Principal } from '../registry/authority.ts';
import type { TokenRecord } from '../registry/model.ts';
import type { Registry } from '../registry/registry.ts';
import type { Tokens } from '../registry/tokens.ts';

export class TokenDesk implements TokenService {
  readonly #registry: Registry | undefined;

  /** Undefined on a host that is no server. */
  constructor(registry: Registry | undefined) {
    this.#registry = registry;
  }

  async list(principal: Principal): Promise<TokenList> {
    const tokens = this.#tokens(principal);
    const [records, revocations] = await Promise.all([tokens.list(), tokens.revocations()]);
    const revoked = new Map(revocations.map(({ id, revokedAt }) => [id, revokedAt]));
    return { tokens: records.map((record) => tokenView(record, revoked.get(record.id))) };
  }

  async create(principal: Principal, request: CreateToken): Promise<TokenCreated> {
    const { ttl_ms: ttlMs, ...facts } = request;
    const { record, token } = await this.#tokens(principal).create({ ...facts, ttlMs });
    return { details: tokenView(record, undefined), token };
  }

  async revoke(principal: Principal, id: string): Promise<void> {
    await this.#tokens(principal).revoke(id);
  }

  #tokens(principal: Principal): Tokens {
    authorize(principal, 'token-write');
    if (this.#registry !== undefined) return this.#registry.as(principal).tokens;
    throw new P6nError('NOT_A_SERVER', 'Cannot make or revoke tokens: this host is no server', {
      hint: 'Run the command on a server; `p6nctl hosts list` shows which host is one.',
    });
  }
}

function tokenView(record: TokenRecord, revokedAt: WallMillis | undefined): TokenView {
  const { kind: _, createdAt, expiresAt, ...facts } = record;
  const revoked = revokedAt === undefined ? {} : { revoked_at: revokedAt };
  return { ...facts, created_at: createdAt, expires_at: expiresAt, ...revoked };
}

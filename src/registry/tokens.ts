// Tokens: what the site has made and what it has taken back. A token proves itself by the site's
// signature; the registry only knows which are good for nothing any more, and tells every host.

import { toHex } from '../base/bytes.ts';
import type { WallMillis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import { randomBytes } from '../base/random.ts';
import { mintToken } from '../tokens/mint.ts';
import { isTokenId, type Verb } from '../tokens/restrictions.ts';
import { requireApp } from './apps.ts';
import { decodeRevocation, decodeToken, encodeRecord } from './codec.ts';
import {
  REVOCATION_COUNT,
  REVOCATIONS,
  revocationKey,
  TOKEN_COUNT,
  TOKENS,
  tokenKey,
} from './keys.ts';
import {
  TOKEN_TTL_DEFAULT_MS,
  TOKEN_TTL_MAX_MS,
  TOKEN_TTL_MIN_MS,
  type TokenRecord,
  type TokenRevocation,
} from './model.ts';
import { requireSigningSite } from './site.ts';
import {
  change,
  countDown,
  countUp,
  type RegistryContext,
  type Transaction,
} from './transaction.ts';

/** On record at a time, and revoked at a time; every host has all that are revoked. */
export const TOKENS_MAX = 4_096;
const TOKEN_ID_BYTES = 8;
/** How long a revocation outlasts its token: a host whose clock is slow takes tokens for longer. */
const REVOCATION_KEPT_MS: number = 24 * 60 * 60 * 1_000;

export interface NewToken {
  readonly label?: string | undefined;
  /** TOKEN_TTL_DEFAULT_MS where absent. */
  readonly ttlMs?: number | undefined;
  /** All of each where absent; of apps alone, the organizations that they are of. */
  readonly verbs?: readonly Verb[] | undefined;
  readonly organizations?: readonly string[] | undefined;
  readonly apps?: readonly string[] | undefined;
}

export interface CreatedToken {
  readonly record: TokenRecord;
  /** A secret, of which nothing else is kept. */
  readonly token: string;
}

/** The tokens of a registry, whose changes are noted as made by the context's actor. */
export class Tokens {
  readonly #context: RegistryContext;

  constructor(context: RegistryContext) {
    this.#context = context;
  }

  /**
   * Rejects with VALUE_INVALID, LIMIT_REACHED, NOT_FOUND for an app that is not there and of which
   * no organization is named, or NOT_PERMITTED on a server without the key.
   */
  async create(request: NewToken): Promise<CreatedToken> {
    const { clock, random, signer } = this.#context;
    const { label = '', ttlMs = TOKEN_TTL_DEFAULT_MS, verbs, apps } = request;
    requireTtl(ttlMs);
    await this.#removeExpired();
    return await change(this.#context, 'create a token', async (transaction) => {
      await requireSigningSite(this.#context, transaction);
      await countUp(transaction, TOKEN_COUNT, TOKENS_MAX, 'the tokens');
      const organizations = request.organizations ?? (await organizationsOf(transaction, apps));
      const createdAt = clock.wallNow();
      const scope = {
        ...(verbs === undefined ? {} : { verbs }),
        ...(organizations === undefined ? {} : { organizations }),
        ...(apps === undefined ? {} : { apps }),
      };
      const expiresAt = (createdAt + ttlMs) as WallMillis;
      const id = toHex(randomBytes(random, TOKEN_ID_BYTES));
      if (!(await transaction.isUnused(tokenKey(id)))) {
        throw new P6nError('CHANGED_MEANWHILE', 'Cannot create a token: its id is in use');
      }
      const record: TokenRecord = { kind: 'token', id, label, ...scope, createdAt, expiresAt };
      const sign = (said: Uint8Array): Uint8Array => signer.signToken(said);
      const token = mintToken({ id, expiresAt, ...scope }, sign, random);
      transaction.put(tokenKey(id), encodeRecord(record));
      return { record, token };
    });
  }

  /** All that have not expired, the oldest first, also those that were revoked. */
  async list(): Promise<readonly TokenRecord[]> {
    const { entries } = await this.#context.store.list([TOKENS]);
    return entries.map(decodeToken).sort((a, b) => a.createdAt - b.createdAt);
  }

  async revocations(): Promise<readonly TokenRevocation[]> {
    return (await this.#context.store.list([REVOCATIONS])).entries.map(decodeRevocation);
  }

  /**
   * Makes a token worthless, with all that was made of it; again at will. One that this registry
   * does not know may have been made before a restore, so it is revoked all the same. Rejects with
   * VALUE_INVALID for what is no id, or LIMIT_REACHED.
   */
  async revoke(id: string): Promise<TokenRevocation> {
    if (!isTokenId(id)) {
      throw new P6nError('VALUE_INVALID', 'Cannot revoke the token: that is no id of a token', {
        hint: 'See the ids with `p6nctl tokens list`; a token itself is never needed for it.',
      });
    }
    await this.#removeExpired();
    return await change(this.#context, `revoke token ${id}`, async (transaction) => {
      const present = await transaction.get(revocationKey(id));
      if (present !== undefined) return decodeRevocation(present);
      const revokedAt = this.#context.clock.wallNow();
      const found = await transaction.get(tokenKey(id));
      const expiresAt =
        found === undefined
          ? ((revokedAt + TOKEN_TTL_MAX_MS) as WallMillis)
          : decodeToken(found).expiresAt;
      await countUp(transaction, REVOCATION_COUNT, TOKENS_MAX, 'the revoked tokens');
      const revocation = { kind: 'token-revocation', id, revokedAt, expiresAt } as const;
      transaction.put(revocationKey(id), encodeRecord(revocation));
      return revocation;
    });
  }

  /** What has expired is refused without a word of the registry. */
  async #removeExpired(): Promise<void> {
    const { clock, store } = this.#context;
    const { entries } = await store.list([TOKENS, REVOCATIONS]);
    for (const entry of entries) {
      const isToken = entry.key.startsWith(TOKENS);
      const end = isToken
        ? decodeToken(entry).expiresAt
        : decodeRevocation(entry).expiresAt + REVOCATION_KEPT_MS;
      if (end > clock.wallNow()) continue;
      await change(this.#context, 'remove an expired token', (transaction) =>
        drop(transaction, entry.key, isToken ? TOKEN_COUNT : REVOCATION_COUNT),
      );
    }
  }
}

/** Of apps alone: a name that is free again may become that of somebody else's app. */
async function organizationsOf(
  transaction: Transaction,
  apps: readonly string[] | undefined,
): Promise<readonly string[] | undefined> {
  if (apps === undefined) return undefined;
  const organizations = new Set<string>();
  for (const name of apps) organizations.add((await requireApp(transaction, name)).organization);
  return [...organizations];
}

async function drop(transaction: Transaction, key: string, count: string): Promise<void> {
  if ((await transaction.get(key)) === undefined) return;
  transaction.delete(key);
  await countDown(transaction, count);
}

function requireTtl(ttlMs: number): void {
  const isValid = Number.isInteger(ttlMs) && ttlMs >= TOKEN_TTL_MIN_MS && ttlMs <= TOKEN_TTL_MAX_MS;
  if (isValid) return;
  throw new P6nError('VALUE_INVALID', 'Cannot create a token: it cannot last that long', {
    hint: 'A token lasts a second to ten years.',
  });
}

// Whether what somebody shows is a token that is good: signed, current, not revoked. What was
// signed once is remembered, so that a program that asks often costs one verification.

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { fromBase64 } from '../../base/bytes.ts';
import type { WallMillis } from '../../base/clock.ts';
import { P6nError } from '../../base/errors.ts';
import { hasSigned } from '../../registry/site-signature.ts';
import { TOKEN_LENGTH_MAX, TOKEN_PREFIX } from '../../tokens/format.ts';
import { isCurrent } from '../../tokens/scope.ts';
import { type VerifiedToken, verifyToken } from '../../tokens/verify.ts';

/** Tokens that are remembered; the oldest give way. */
const REMEMBERED_MAX = 1_024;
/** A token and the word in front of it, with others beside it. */
const AUTHORIZATION_LENGTH_MAX: number = 2 * TOKEN_LENGTH_MAX;
/** Clients of the Machines API write the second, and several tokens with commas between them. */
const AUTHORIZATION_PATTERN = /^(?:Bearer|FlyV1) +(\S+)$/i;

export interface TokenCheckDependencies {
  /** The site's key as this host believes it, base64. */
  readonly siteKey: () => string;
  /** The ids of revoked tokens; undefined while this host has not heard of any registry. */
  readonly revoked: () => ReadonlySet<string> | undefined;
  readonly wallNow: () => WallMillis;
}

export class TokenCheck {
  readonly #dependencies: TokenCheckDependencies;
  /** By a digest of the token; no token is kept. */
  readonly #verified = new Map<string, VerifiedToken>();
  #siteKey = '';

  constructor(dependencies: TokenCheckDependencies) {
    this.#dependencies = dependencies;
  }

  /** Throws TOKEN_REFUSED, or REGISTRY_UNAVAILABLE while nobody can say what is revoked. */
  require({ authorization }: IncomingHttpHeaders): VerifiedToken {
    if (authorization === undefined) throw refused('there is no token');
    const text = tokenIn(authorization);
    const token = text === undefined ? undefined : this.#verify(text);
    if (token === undefined) throw refused('it is no token of this site');
    const revoked = this.#dependencies.revoked();
    if (revoked === undefined) {
      throw new P6nError('REGISTRY_UNAVAILABLE', 'Cannot take tokens yet: this host is starting', {
        hint: 'Try again in a few seconds.',
      });
    }
    if (revoked.has(token.id)) throw refused('it was revoked');
    if (!isCurrent(token.restrictions, this.#dependencies.wallNow())) throw refused('it has ended');
    return token;
  }

  #verify(text: string): VerifiedToken | undefined {
    const siteKey = this.#dependencies.siteKey();
    if (siteKey !== this.#siteKey) this.#verified.clear();
    this.#siteKey = siteKey;
    const digest = createHash('sha256').update(text).digest('base64');
    const known = this.#verified.get(digest);
    if (known !== undefined) return known;
    const token = verifyToken(text, fromBase64(siteKey) ?? new Uint8Array(), hasSigned);
    if (token === undefined) return undefined;
    const [oldest] = this.#verified.keys();
    if (this.#verified.size >= REMEMBERED_MAX && oldest !== undefined) {
      this.#verified.delete(oldest);
    }
    this.#verified.set(digest, token);
    return token;
  }
}

/** The first token of ours in the header. */
function tokenIn(authorization: string): string | undefined {
  if (authorization.length > AUTHORIZATION_LENGTH_MAX) return undefined;
  const shown = AUTHORIZATION_PATTERN.exec(authorization)?.[1] ?? '';
  return shown.split(',').find((one) => one.startsWith(TOKEN_PREFIX));
}

function refused(facts: string): P6nError {
  return new P6nError('TOKEN_REFUSED', `Cannot accept the request: ${facts}`, {
    hint: 'Send `Authorization: Bearer TOKEN` with one of `p6nctl tokens create`.',
  });
}

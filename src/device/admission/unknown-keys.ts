// Keys that proved themselves in an initiation and that no peer has. A host that has just joined
// speaks before others have heard of it; when they do, they answer at once, not at its next try.

import { toHex } from '../../base/bytes.ts';
import type { Millis } from '../../base/clock.ts';
import type { PublicKey } from '../../wireguard/crypto/crypto.ts';
import type { Endpoint } from '../peers/endpoint.ts';

export const UNKNOWN_KEYS_MAX = 64;
export const UNKNOWN_KEY_MS = 30_000;

export class UnknownKeys {
  /** Ordered by when they spoke last. */
  readonly #seen = new Map<string, { readonly endpoint: Endpoint; readonly at: Millis }>();

  remember(key: PublicKey, endpoint: Endpoint, now: Millis): void {
    const name = toHex(key);
    this.#seen.delete(name);
    if (this.#seen.size >= UNKNOWN_KEYS_MAX) this.#forgetOldest();
    this.#seen.set(name, { endpoint, at: now });
  }

  /** Forgets `key` and returns where it spoke from, if that was within UNKNOWN_KEY_MS. */
  take(key: PublicKey, now: Millis): Endpoint | undefined {
    const name = toHex(key);
    const seen = this.#seen.get(name);
    this.#seen.delete(name);
    return seen !== undefined && now - seen.at < UNKNOWN_KEY_MS ? seen.endpoint : undefined;
  }

  #forgetOldest(): void {
    for (const name of this.#seen.keys()) {
      this.#seen.delete(name);
      return;
    }
  }
}

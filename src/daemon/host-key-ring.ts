// This host's own WireGuard key in memory: replaced when the host changes its key, wiped in the
// end.

import { toBase64 } from '../base/bytes.ts';
import type { Crypto } from '../wireguard/crypto/crypto.ts';
import { type KeyPair, wipeKeyPair } from '../wireguard/identity.ts';
import { hostKey } from './host-identity.ts';
import type { Identity } from './identity.ts';

export class HostKeyRing {
  readonly #crypto: Crypto;
  #current: KeyPair;

  constructor(identity: Identity, crypto: Crypto) {
    this.#crypto = crypto;
    this.#current = hostKey(identity, crypto);
  }

  get current(): KeyPair {
    return this.#current;
  }

  /** Base64. */
  get publicKey(): string {
    return toBase64(this.#current.publicKey);
  }

  /** Takes the key of `identity`; what is returned wipes the last one, once nobody uses it. */
  replace(identity: Identity): () => void {
    const last = this.#current;
    this.#current = hostKey(identity, this.#crypto);
    return () => wipeKeyPair(last);
  }

  stop(): void {
    wipeKeyPair(this.#current);
  }
}

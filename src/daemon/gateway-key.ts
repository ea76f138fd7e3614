// The key by which this host serves WireGuard peers: made once, when the first of them comes, and
// kept while the host changes its own. Their configurations name it.

import { fromBase64, toBase64, wipe } from '../base/bytes.ts';
import { type Random, randomBytes } from '../base/random.ts';
import type { Crypto } from '../wireguard/crypto/crypto.ts';
import { type KeyPair, keyPair, wipeKeyPair } from '../wireguard/identity.ts';
import type { IdentityKeeper } from './identity-keeper.ts';

const KEY_BYTES = 32;

export interface GatewayKeyDependencies {
  readonly keeper: IdentityKeeper;
  readonly crypto: Crypto;
  readonly random: Random;
}

export class GatewayKey {
  readonly #dependencies: GatewayKeyDependencies;
  #current: KeyPair | undefined;

  constructor(dependencies: GatewayKeyDependencies) {
    this.#dependencies = dependencies;
    this.#read();
  }

  /** Undefined before one was made. */
  get current(): KeyPair | undefined {
    return this.#current;
  }

  /** Makes the key, unless there is one; resolves once it is durable. */
  async make(): Promise<KeyPair> {
    if (this.#current !== undefined) return this.#current;
    const { keeper, random } = this.#dependencies;
    const drawn = randomBytes(random, KEY_BYTES);
    await keeper.change({ gatewayPrivateKey: toBase64(drawn) });
    wipe(drawn);
    return this.#read() as KeyPair;
  }

  stop(): void {
    if (this.#current !== undefined) wipeKeyPair(this.#current);
  }

  #read(): KeyPair | undefined {
    const { keeper, crypto } = this.#dependencies;
    const bytes = fromBase64(keeper.current.gatewayPrivateKey ?? '');
    if (bytes?.length !== KEY_BYTES) return undefined;
    this.#current = keyPair(crypto, bytes);
    wipe(bytes);
    return this.#current;
  }
}

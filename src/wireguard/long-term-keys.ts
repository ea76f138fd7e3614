// What a tunnel keeps through all its handshakes: our key pair, the peer's public key, the secret
// that these two share, and the preshared key.

import { wipe } from '../base/bytes.ts';
import { type Crypto, KEY_BYTES, type PublicKey, type SymmetricKey } from './crypto/crypto.ts';
import type { KeyPair } from './identity.ts';

/** Stands for none in the handshake. */
const NO_PRESHARED_KEY = new Uint8Array(KEY_BYTES) as SymmetricKey;

export class LongTermKeys {
  readonly remote: PublicKey;
  readonly #crypto: Crypto;
  #local: KeyPair;
  #presharedKey: SymmetricKey = NO_PRESHARED_KEY;
  /** Made when it is first needed: most peers of a large mesh never speak. */
  #staticStatic: Uint8Array | undefined;

  constructor(crypto: Crypto, local: KeyPair, remote: PublicKey) {
    this.#crypto = crypto;
    this.#local = local;
    this.remote = new Uint8Array(remote) as PublicKey;
  }

  /** Belongs to the device, which wipes it. */
  get local(): KeyPair {
    return this.#local;
  }

  get presharedKey(): SymmetricKey {
    return this.#presharedKey;
  }

  setLocal(local: KeyPair): void {
    this.#local = local;
    this.#forgetStaticStatic();
  }

  /** Takes a copy; undefined for none. */
  setPresharedKey(presharedKey: SymmetricKey | undefined): void {
    if (this.#presharedKey !== NO_PRESHARED_KEY) wipe(this.#presharedKey);
    this.#presharedKey =
      presharedKey === undefined
        ? NO_PRESHARED_KEY
        : (new Uint8Array(presharedKey) as SymmetricKey);
  }

  /** The shared secret of the two static keys; undefined when the peer's has low order. */
  staticStatic(): Uint8Array | undefined {
    if (this.#staticStatic !== undefined) return this.#staticStatic;
    const secret = new Uint8Array(KEY_BYTES);
    const isShared = this.#crypto.diffieHellman(secret, this.#local.privateKey, this.remote);
    this.#staticStatic = isShared ? secret : undefined;
    return this.#staticStatic;
  }

  wipe(): void {
    this.#forgetStaticStatic();
    this.setPresharedKey(undefined);
  }

  #forgetStaticStatic(): void {
    if (this.#staticStatic !== undefined) wipe(this.#staticStatic);
    this.#staticStatic = undefined;
  }
}

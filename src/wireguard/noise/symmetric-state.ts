// The running hash and chaining key of a Noise handshake (the Noise Protocol Framework, revision
// 34, section 5.2), for patterns in which each derived key seals one field, so nonces are always 0.

import { assert } from '../../base/assert.ts';
import { wipe } from '../../base/bytes.ts';
import {
  type Crypto,
  HASH_BYTES,
  KEY_BYTES,
  NONCE_BYTES,
  type SymmetricKey,
} from '../crypto/crypto.ts';
import { kdf1, kdf2, kdf3 } from './kdf.ts';

const EMPTY = new Uint8Array(0);
/** Of every field: its key is used once. */
const NONCE = new Uint8Array(NONCE_BYTES);

export class SymmetricState {
  readonly #crypto: Crypto;
  readonly #chainingKey: Uint8Array;
  #hash: Uint8Array;
  /** Seals the next field; replaced by each mix, never used twice. */
  readonly #fieldKey = new Uint8Array(KEY_BYTES);
  #hasFieldKey = false;
  /** Of one mix; zero between two. */
  readonly #seed = new Uint8Array(HASH_BYTES);

  private constructor(crypto: Crypto, chainingKey: Uint8Array, hash: Uint8Array) {
    this.#crypto = crypto;
    this.#chainingKey = chainingKey;
    this.#hash = hash;
  }

  /** The state of a protocol whose name is longer than a hash, after its prologue. */
  static begin(crypto: Crypto, protocolName: Uint8Array, prologue: Uint8Array): SymmetricState {
    const chainingKey = crypto.hash(protocolName);
    return new SymmetricState(crypto, chainingKey, crypto.hash(chainingKey, prologue));
  }

  /** A state of its own, so that a handshake is carried on while the original stays as it is. */
  copy(): SymmetricState {
    return new SymmetricState(this.#crypto, this.#chainingKey.slice(), this.#hash.slice());
  }

  /** The hash of all that was sent and received. */
  get hash(): Uint8Array {
    return this.#hash;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#crypto.hash(this.#hash, data);
  }

  /** An ephemeral public key: with a preshared key in the pattern it is a key too (section 9.2). */
  mixEphemeral(publicKey: Uint8Array): void {
    this.mixHash(publicKey);
    kdf1(this.#crypto, this.#chainingKey, publicKey, this.#seed);
    wipe(this.#seed);
  }

  /** A shared secret whose key the next field is sealed with. */
  mixKey(secret: Uint8Array): void {
    kdf2(this.#crypto, this.#chainingKey, secret, this.#seed, this.#fieldKey);
    wipe(this.#seed);
    this.#hasFieldKey = true;
  }

  mixPresharedKey(presharedKey: SymmetricKey): void {
    const hashInput = new Uint8Array(HASH_BYTES);
    const [seed, fieldKey] = [this.#seed, this.#fieldKey];
    kdf3(this.#crypto, this.#chainingKey, presharedKey, seed, hashInput, fieldKey);
    this.#hasFieldKey = true;
    this.mixHash(hashInput);
    wipe(seed, hashInput);
  }

  /** Seals a field; the ciphertext with its tag goes into the hash. */
  seal(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#crypto.aeadSeal(this.#takeFieldKey(), NONCE, plaintext, this.#hash);
    this.mixHash(ciphertext);
    this.#forgetFieldKey();
    return ciphertext;
  }

  /** Opens a field; undefined when its tag is wrong, and the state is then of no use. */
  open(ciphertext: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#crypto.aeadOpen(this.#takeFieldKey(), NONCE, ciphertext, this.#hash);
    this.mixHash(ciphertext);
    this.#forgetFieldKey();
    return plaintext;
  }

  /** The keys of the two directions, the initiator's sending one first. */
  split(): [SymmetricKey, SymmetricKey] {
    const first = this.#chainingKey.slice();
    const second = new Uint8Array(KEY_BYTES);
    kdf2(this.#crypto, first, EMPTY, this.#seed, second);
    wipe(this.#seed);
    return [first as SymmetricKey, second as SymmetricKey];
  }

  /** Zeroes all secrets; the state is not used afterwards. */
  wipe(): void {
    wipe(this.#chainingKey, this.#hash, this.#seed);
    this.#forgetFieldKey();
  }

  #takeFieldKey(): Uint8Array {
    assert(this.#hasFieldKey, 'SymmetricState: no key was mixed in for this field');
    return this.#fieldKey;
  }

  #forgetFieldKey(): void {
    wipe(this.#fieldKey);
    this.#hasFieldKey = false;
  }
}

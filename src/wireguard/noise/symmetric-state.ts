// The running hash and chaining key of a Noise handshake (the Noise Protocol Framework, revision
// 34, section 5.2), for patterns in which each derived key seals one field, so nonces are always 0.

import { assert } from '../../base/assert.ts';
import { wipe } from '../../base/bytes.ts';
import {
  type Crypto,
  HASH_BYTES,
  KEY_BYTES,
  NONCE_BYTES,
  type PrivateKey,
  type PublicKey,
  type SymmetricKey,
} from '../crypto/crypto.ts';
import { kdf1, kdf2, kdf3 } from './kdf.ts';

const EMPTY = new Uint8Array(0);
/** Of every field: its key is used once. */
const NONCE = new Uint8Array(NONCE_BYTES);

export class SymmetricState {
  readonly #crypto: Crypto;
  readonly #chainingKey = new Uint8Array(HASH_BYTES);
  readonly #hash = new Uint8Array(HASH_BYTES);
  /** Seals the next field; replaced by each mix, never used twice. */
  readonly #fieldKey = new Uint8Array(KEY_BYTES);
  #hasFieldKey = false;
  /** Of one mix; both zero between two. */
  readonly #seed = new Uint8Array(HASH_BYTES);
  readonly #secret = new Uint8Array(KEY_BYTES);

  private constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  /** The state of a protocol whose name is longer than a hash, after its prologue. */
  static begin(crypto: Crypto, protocolName: Uint8Array, prologue: Uint8Array): SymmetricState {
    const state = new SymmetricState(crypto);
    crypto.hash(state.#chainingKey, protocolName);
    crypto.hash(state.#hash, state.#chainingKey, prologue);
    return state;
  }

  /** A state of its own, so that a handshake is carried on while the original stays as it is. */
  copy(): SymmetricState {
    const state = new SymmetricState(this.#crypto);
    state.become(this);
    return state;
  }

  /** Takes the place of a copy of `other`, which waits for its first field. */
  become(other: SymmetricState): void {
    this.#chainingKey.set(other.#chainingKey);
    this.#hash.set(other.#hash);
    this.#forgetFieldKey();
  }

  /** The hash of all that was sent and received. */
  get hash(): Uint8Array {
    return this.#hash;
  }

  mixHash(data: Uint8Array): void {
    this.#crypto.hash(this.#hash, this.#hash, data);
  }

  /** An ephemeral public key: with a preshared key in the pattern it is a key too (section 9.2). */
  mixEphemeral(publicKey: Uint8Array): void {
    this.mixHash(publicKey);
    kdf1(this.#crypto, this.#chainingKey, publicKey, this.#seed);
    wipe(this.#seed);
  }

  /** The shared secret of two keys; false when `theirs` has low order, and all must end. */
  mixSharedSecret(own: PrivateKey, theirs: PublicKey): boolean {
    const isShared = this.#crypto.diffieHellman(this.#secret, own, theirs);
    if (isShared) this.mixKey(this.#secret);
    wipe(this.#secret);
    return isShared;
  }

  /** A shared secret whose key the next field is sealed with. */
  mixKey(secret: Uint8Array): void {
    kdf2(this.#crypto, this.#chainingKey, secret, this.#seed, this.#fieldKey);
    wipe(this.#seed);
    this.#hasFieldKey = true;
  }

  mixPresharedKey(presharedKey: SymmetricKey): void {
    const hashInput = this.#secret;
    const [seed, fieldKey] = [this.#seed, this.#fieldKey];
    kdf3(this.#crypto, this.#chainingKey, presharedKey, seed, hashInput, fieldKey);
    this.#hasFieldKey = true;
    this.mixHash(hashInput);
    wipe(seed, hashInput);
  }

  /** Seals a field over `ciphertext`, which with its tag goes into the hash. */
  seal(ciphertext: Uint8Array, plaintext: Uint8Array): void {
    this.#crypto.aeadSeal(ciphertext, this.#takeFieldKey(), NONCE, plaintext, this.#hash);
    this.mixHash(ciphertext);
    this.#forgetFieldKey();
  }

  /** Opens a field over `plaintext`. False when its tag is wrong: the state is then of no use. */
  open(plaintext: Uint8Array, ciphertext: Uint8Array): boolean {
    const key = this.#takeFieldKey();
    const isOpened = this.#crypto.aeadOpen(plaintext, key, NONCE, ciphertext, this.#hash);
    this.mixHash(ciphertext);
    this.#forgetFieldKey();
    return isOpened;
  }

  /** The keys of the two directions, the initiator's sending one first. */
  split(): [SymmetricKey, SymmetricKey] {
    const first = this.#chainingKey.slice();
    const second = new Uint8Array(KEY_BYTES);
    kdf2(this.#crypto, first, EMPTY, this.#seed, second);
    wipe(this.#seed);
    return [first as SymmetricKey, second as SymmetricKey];
  }

  /** Zeroes all secrets; the state is not used afterwards, unless as that of another handshake. */
  wipe(): void {
    wipe(this.#chainingKey, this.#hash, this.#seed, this.#secret);
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

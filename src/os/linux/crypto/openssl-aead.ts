// ChaCha20-Poly1305 and XChaCha20-Poly1305 of handshake fields and cookie replies by OpenSSL: short
// texts, each with a key of its own.

import { assert } from '../../../base/assert.ts';
import {
  AEAD_TAG_BYTES,
  type Crypto,
  KEY_BYTES,
  NONCE_BYTES,
} from '../../../wireguard/crypto/crypto.ts';
import { xchachaKey, xchachaNonce } from '../../../wireguard/crypto/xchacha.ts';
import { addressOf } from '../ffi.ts';
import { lastingMemory } from '../low-memory.ts';
import { AEAD_GET_TAG, AEAD_SET_TAG, type OpensslFunctions } from './openssl-functions.ts';

const SUCCESS = 1;
const SEAL = 1;
const OPEN = 0;

// One piece of memory for all that OpenSSL reads and writes.
const KEY_OFFSET = 0;
const NONCE_OFFSET: number = KEY_OFFSET + KEY_BYTES;
const LENGTH_OFFSET: number = NONCE_OFFSET + 16;
const TEXT_OFFSET: number = LENGTH_OFFSET + 8;
/** Additional data, text and tag together; those of WireGuard take 112. */
const TEXT_BYTES_MAX = 4096;

export class OpensslAead {
  readonly #functions: OpensslFunctions;
  readonly #cipher: number;
  readonly #memory = lastingMemory(TEXT_OFFSET + TEXT_BYTES_MAX);
  readonly #address = addressOf(this.#memory);

  constructor(functions: OpensslFunctions) {
    this.#functions = functions;
    this.#cipher = functions.chacha20Poly1305();
  }

  /** As Crypto.aeadSeal(). */
  readonly seal: Crypto['aeadSeal'] = (target, key, nonce, plaintext, additional) => {
    const isSealed = this.#run(SEAL, target, key, nonce, plaintext, additional);
    assert(isSealed, 'OpensslAead: OpenSSL failed');
  };

  /** As Crypto.aeadOpen(). */
  readonly open: Crypto['aeadOpen'] = (target, key, nonce, ciphertext, additional) =>
    this.#run(OPEN, target, key, nonce, ciphertext, additional);

  /** As Crypto.xaeadSeal(). */
  readonly xseal: Crypto['xaeadSeal'] = (target, key, nonce, plaintext, additional) => {
    const derived = xchachaKey(key, nonce);
    this.seal(target, derived, xchachaNonce(nonce), plaintext, additional);
    derived.fill(0);
  };

  /** As Crypto.xaeadOpen(). */
  readonly xopen: Crypto['xaeadOpen'] = (target, key, nonce, ciphertext, additional) => {
    const derived = xchachaKey(key, nonce);
    const isOpened = this.open(target, derived, xchachaNonce(nonce), ciphertext, additional);
    derived.fill(0);
    return isOpened;
  };

  /** False where a tag is wrong. Nothing secret is left in memory. */
  #run(
    direction: number,
    target: Uint8Array,
    key: Uint8Array,
    nonce: Uint8Array,
    input: Uint8Array,
    additional: Uint8Array,
  ): boolean {
    const used = additional.length + input.length + AEAD_TAG_BYTES;
    assert(key.length === KEY_BYTES && nonce.length === NONCE_BYTES, 'OpensslAead: a wrong size');
    assert(used <= TEXT_BYTES_MAX, 'OpensslAead: the text is too long');
    const memory = this.#memory;
    const text = TEXT_OFFSET + additional.length;
    memory.set(key, KEY_OFFSET);
    memory.set(nonce, NONCE_OFFSET);
    memory.set(additional, TEXT_OFFSET);
    memory.set(input, text);
    const context = this.#functions.cipherContextNew();
    const sealedBytes = direction === SEAL ? input.length + AEAD_TAG_BYTES : input.length;
    const plainBytes = sealedBytes - AEAD_TAG_BYTES;
    const isDone = plainBytes >= 0 && this.#crypt(context, direction, text, plainBytes);
    const outputBytes = direction === SEAL ? sealedBytes : plainBytes;
    if (isDone) for (let i = 0; i < outputBytes; i++) target[i] = memory[text + i]!;
    this.#functions.cipherContextFree(context);
    memory.fill(0, 0, TEXT_OFFSET + used);
    return isDone;
  }

  /** What stands before `text` is additional, and the tag stands behind it. */
  #crypt(context: number, direction: number, text: number, plainBytes: number): boolean {
    const { cipherInit, cipherFinal, cipherContextControl } = this.#functions;
    const address = this.#address;
    const length = address + LENGTH_OFFSET;
    const [start, tag] = [address + text, address + text + plainBytes];
    const [key, nonce] = [address + KEY_OFFSET, address + NONCE_OFFSET];
    let isDone = cipherInit(context, this.#cipher, 0, key, nonce, direction) === SUCCESS;
    if (direction === OPEN) {
      isDone &&= cipherContextControl(context, AEAD_SET_TAG, AEAD_TAG_BYTES, tag) === SUCCESS;
    }
    isDone &&= this.#update(context, 0, address + TEXT_OFFSET, text - TEXT_OFFSET);
    isDone &&= this.#update(context, start, start, plainBytes);
    isDone &&= cipherFinal(context, tag, length) === SUCCESS;
    if (direction === SEAL) {
      isDone &&= cipherContextControl(context, AEAD_GET_TAG, AEAD_TAG_BYTES, tag) === SUCCESS;
    }
    return isDone;
  }

  #update(context: number, output: number, input: number, bytes: number): boolean {
    if (bytes === 0) return true;
    const length = this.#address + LENGTH_OFFSET;
    return this.#functions.cipherUpdate(context, output, length, input, bytes) === SUCCESS;
  }
}

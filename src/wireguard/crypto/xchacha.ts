// The key that XChaCha20-Poly1305 makes of its own key and the first 16 bytes of a nonce of 24
// (HChaCha20, draft-irtf-cfrg-xchacha): the rest is ChaCha20-Poly1305, by whatever is fast.

import { hchacha } from '@noble/ciphers/chacha.js';
import { KEY_BYTES, NONCE_BYTES, XNONCE_BYTES } from './crypto.ts';

const WORD_BYTES = 4;
const INPUT_BYTES = 16;
/** "expand 32-byte k" in words. */
const SIGMA = Uint32Array.of(0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574);

/** The key for this nonce. The caller wipes it. */
export function xchachaKey(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const derived = new Uint8Array(KEY_BYTES);
  const keyWords = words(key, KEY_BYTES);
  hchacha(SIGMA, keyWords, words(nonce, INPUT_BYTES), new Uint32Array(derived.buffer));
  keyWords.fill(0);
  return derived;
}

/** What is left of the nonce: four zero bytes and the last eight. */
export function xchachaNonce(nonce: Uint8Array): Uint8Array {
  const rest = new Uint8Array(NONCE_BYTES);
  rest.set(nonce.subarray(INPUT_BYTES, XNONCE_BYTES), WORD_BYTES);
  return rest;
}

/** A copy, which stands where words may. */
function words(bytes: Uint8Array, length: number): Uint32Array {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return new Uint32Array(copy.buffer);
}

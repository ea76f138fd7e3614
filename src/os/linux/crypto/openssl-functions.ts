// The functions of OpenSSL that Node.js carries and exports, bound by name. A Node.js that was
// built otherwise lacks them, so binding them is a question and not a matter of importing this
// file.

import { nativeFunction } from '../ffi.ts';

type Call1 = (a: number) => number;
type Call2 = (a: number, b: number) => number;
type Call3 = (a: number, b: number, c: number) => number;
type Call4 = (a: number, b: number, c: number, d: number) => number;
type Call5 = (a: number, b: number, c: number, d: number, e: number) => number;
type Call6 = (a: number, b: number, c: number, d: number, e: number, f: number) => number;
type NewRawKey = (type: number, engine: number, key: Buffer, length: number) => number;

const P = 'uintptr_t';

/** EVP_CIPHER_CTX_ctrl(3): EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG */
export const AEAD_GET_TAG = 0x10;
export const AEAD_SET_TAG = 0x11;
/** EVP_PKEY_X25519, which is NID_X25519. */
export const PKEY_X25519 = 1034;

/** Pointers are numbers; a function that can fail returns 1 for success. */
export interface OpensslFunctions {
  readonly chacha20Poly1305: () => number;
  readonly cipherContextNew: () => number;
  readonly cipherContextFree: Call1;
  /** (context, kind, argument, pointer) */
  readonly cipherContextControl: Call4;
  /** (context, cipher, engine, key, nonce, 1 to seal and 0 to open) */
  readonly cipherInit: Call6;
  /** (context, output, pointer to output length, input, input length) */
  readonly cipherUpdate: Call5;
  /** (context, output, pointer to output length) */
  readonly cipherFinal: Call3;
  readonly newRawPrivateKey: NewRawKey;
  readonly newRawPublicKey: NewRawKey;
  /** (key, output, pointer to length) */
  readonly getRawPublicKey: (key: number, output: Buffer, length: Buffer) => number;
  readonly keyFree: Call1;
  /** (key, engine) */
  readonly keyContextNew: Call2;
  readonly keyContextFree: Call1;
  readonly deriveInit: Call1;
  /** (context, peer's key) */
  readonly deriveSetPeer: Call2;
  /** (context, output, pointer to length) */
  readonly derive: (context: number, output: Buffer, length: Buffer) => number;
  readonly blake2s: () => number;
  /** (input, length, output, pointer to output length, algorithm, engine) */
  readonly digest: Call6;
  /** (library context, name, properties) */
  readonly macFetch: (library: number, name: string, properties: number) => number;
  readonly macContextNew: Call1;
  /** (context, parameters) */
  readonly macSetParameters: (context: number, parameters: Buffer) => number;
  /** (context, key, key length, parameters) */
  readonly macInit: Call4;
  /** (context, input, input length) */
  readonly macUpdate: Call3;
  /** (context, output, pointer to output length, room) */
  readonly macFinal: Call4;
}

/** ChaCha20 and Poly1305 by themselves, which not every build exports. */
export interface ChachaFunctions {
  /** (output, input, length, key, block number and nonce) */
  readonly chacha20: Call5;
  /** Bytes of a Poly1305 context. */
  readonly polyBytes: () => number;
  /** (context, key) */
  readonly polyInit: Call2;
  /** (context, input, length) */
  readonly polyUpdate: Call3;
  /** (context, tag): the context is zeroed. */
  readonly polyFinal: Call2;
}

/** The functions, or undefined when one of them is missing. */
export function bindChacha(): ChachaFunctions | undefined {
  try {
    return {
      chacha20: nativeFunction('ChaCha20_ctr32', 'void', [P, P, 'size_t', P, P]),
      polyBytes: nativeFunction('Poly1305_ctx_size', 'size_t', []),
      polyInit: nativeFunction('Poly1305_Init', 'void', [P, P]),
      polyUpdate: nativeFunction('Poly1305_Update', 'void', [P, P, 'size_t']),
      polyFinal: nativeFunction('Poly1305_Final', 'void', [P, P]),
    };
  } catch {
    return undefined;
  }
}

/** All functions, or undefined when one of them is missing. */
export function bindOpenssl(): OpensslFunctions | undefined {
  try {
    return { ...bindCipher(), ...bindKeys(), ...bindMac() };
  } catch {
    return undefined;
  }
}

function bindCipher(): Pick<
  OpensslFunctions,
  | 'chacha20Poly1305'
  | 'cipherContextNew'
  | 'cipherContextFree'
  | 'cipherContextControl'
  | 'cipherInit'
  | 'cipherUpdate'
  | 'cipherFinal'
> {
  return {
    chacha20Poly1305: nativeFunction('EVP_chacha20_poly1305', P, []),
    cipherContextNew: nativeFunction('EVP_CIPHER_CTX_new', P, []),
    cipherContextFree: nativeFunction('EVP_CIPHER_CTX_free', 'void', [P]),
    cipherContextControl: nativeFunction('EVP_CIPHER_CTX_ctrl', 'int', [P, 'int', 'int', P]),
    cipherInit: nativeFunction('EVP_CipherInit_ex', 'int', [P, P, P, P, P, 'int']),
    cipherUpdate: nativeFunction('EVP_CipherUpdate', 'int', [P, P, P, P, 'int']),
    cipherFinal: nativeFunction('EVP_CipherFinal_ex', 'int', [P, P, P]),
  };
}

function bindKeys(): Pick<
  OpensslFunctions,
  | 'newRawPrivateKey'
  | 'newRawPublicKey'
  | 'getRawPublicKey'
  | 'keyFree'
  | 'keyContextNew'
  | 'keyContextFree'
  | 'deriveInit'
  | 'deriveSetPeer'
  | 'derive'
> {
  const raw = ['int', P, 'void *', 'size_t'] as const;
  return {
    newRawPrivateKey: nativeFunction('EVP_PKEY_new_raw_private_key', P, raw),
    newRawPublicKey: nativeFunction('EVP_PKEY_new_raw_public_key', P, raw),
    getRawPublicKey: nativeFunction('EVP_PKEY_get_raw_public_key', 'int', [P, 'void *', 'void *']),
    keyFree: nativeFunction('EVP_PKEY_free', 'void', [P]),
    keyContextNew: nativeFunction('EVP_PKEY_CTX_new', P, [P, P]),
    keyContextFree: nativeFunction('EVP_PKEY_CTX_free', 'void', [P]),
    deriveInit: nativeFunction('EVP_PKEY_derive_init', 'int', [P]),
    deriveSetPeer: nativeFunction('EVP_PKEY_derive_set_peer', 'int', [P, P]),
    derive: nativeFunction('EVP_PKEY_derive', 'int', [P, 'void *', 'void *']),
  };
}

function bindMac(): Pick<
  OpensslFunctions,
  | 'blake2s'
  | 'digest'
  | 'macFetch'
  | 'macContextNew'
  | 'macSetParameters'
  | 'macInit'
  | 'macUpdate'
  | 'macFinal'
> {
  return {
    blake2s: nativeFunction('EVP_blake2s256', P, []),
    digest: nativeFunction('EVP_Digest', 'int', [P, 'size_t', P, P, P, P]),
    macFetch: nativeFunction('EVP_MAC_fetch', P, [P, 'str', P]),
    macContextNew: nativeFunction('EVP_MAC_CTX_new', P, [P]),
    macSetParameters: nativeFunction('EVP_MAC_CTX_set_params', 'int', [P, 'void *']),
    macInit: nativeFunction('EVP_MAC_init', 'int', [P, P, 'size_t', P]),
    macUpdate: nativeFunction('EVP_MAC_update', 'int', [P, P, 'size_t']),
    macFinal: nativeFunction('EVP_MAC_final', 'int', [P, P, P, 'size_t']),
  };
}

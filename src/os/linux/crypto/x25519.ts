// X25519 by the function itself, as the OpenSSL inside Node.js carries it. Its interface for keys
// makes an object of each key, and of a private key the public one too, which takes as long as the
// exchange does.

import { assert } from '../../../base/assert.ts';
import { KEY_BYTES, type PrivateKey, type PublicKey } from '../../../wireguard/crypto/crypto.ts';
import { addressOf, nativeFunction, nativeMemory } from '../ffi.ts';

export interface X25519 {
  publicKey(privateKey: PrivateKey): PublicKey;
  /** Undefined for a result that is all zero. */
  diffieHellman(privateKey: PrivateKey, peer: PublicKey): Uint8Array | undefined;
}

const SUCCESS = 1;
const P = 'uintptr_t';

/** For the calling thread; undefined where Node.js does not export it. */
export function bindX25519(): X25519 | undefined {
  try {
    const exchange = nativeFunction('ossl_x25519', 'int', [P, P, P]);
    const derive = nativeFunction('ossl_x25519_public_from_private', 'void', [P, P]);
    const own = nativeMemory(KEY_BYTES);
    const other = nativeMemory(KEY_BYTES);
    const result = nativeMemory(KEY_BYTES);
    const [ownAddress, otherAddress] = [addressOf(own), addressOf(other)];
    const resultAddress = addressOf(result);
    return {
      publicKey: (privateKey) => {
        put(own, privateKey);
        derive(resultAddress, ownAddress);
        own.fill(0);
        return Uint8Array.from(result) as PublicKey;
      },
      diffieHellman: (privateKey, peer) => {
        put(own, privateKey);
        put(other, peer);
        const returned = exchange(resultAddress, ownAddress, otherAddress);
        own.fill(0);
        const shared = returned === SUCCESS ? Uint8Array.from(result) : undefined;
        result.fill(0);
        return shared;
      },
    };
  } catch {
    return undefined;
  }
}

function put(memory: Buffer, key: Uint8Array): void {
  assert(key.length === KEY_BYTES, 'bindX25519: an X25519 key has 32 bytes');
  memory.set(key);
}

// X25519 by the function itself, as the OpenSSL inside Node.js carries it. Its interface for keys
// makes an object of each key, and of a private key the public one too, which takes as long as the
// exchange does.

import { assert } from '../../../base/assert.ts';
import { type Crypto, KEY_BYTES, type PublicKey } from '../../../wireguard/crypto/crypto.ts';
import { addressOf, nativeFunction } from '../ffi.ts';
import { lastingMemory } from '../low-memory.ts';

export type X25519 = Pick<Crypto, 'publicKey' | 'diffieHellman'>;

const SUCCESS = 1;
const P = 'uintptr_t';

/** For the calling thread; undefined where Node.js does not export it. */
export function bindX25519(): X25519 | undefined {
  try {
    const exchange = nativeFunction('ossl_x25519', 'int', [P, P, P]);
    const derive = nativeFunction('ossl_x25519_public_from_private', 'void', [P, P]);
    const own = lastingMemory(KEY_BYTES);
    const other = lastingMemory(KEY_BYTES);
    const result = lastingMemory(KEY_BYTES);
    const [ownAddress, otherAddress] = [addressOf(own), addressOf(other)];
    const resultAddress = addressOf(result);
    return {
      publicKey: (privateKey) => {
        put(own, privateKey);
        derive(resultAddress, ownAddress);
        own.fill(0);
        const publicKey = new Uint8Array(KEY_BYTES) as PublicKey;
        publicKey.set(result);
        return publicKey;
      },
      diffieHellman: (target, privateKey, peer) => {
        put(own, privateKey);
        put(other, peer);
        const isShared = exchange(resultAddress, ownAddress, otherAddress) === SUCCESS;
        own.fill(0);
        if (isShared) target.set(result);
        result.fill(0);
        return isShared;
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

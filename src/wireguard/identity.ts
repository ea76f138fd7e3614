// What a device's own key gives every tunnel: the keys of its macs and the start of handshakes.

import { wipe } from '../base/bytes.ts';
import { CONSTRUCTION, IDENTIFIER, LABEL_COOKIE, LABEL_MAC1 } from './constants.ts';
import type { Crypto, PrivateKey, PublicKey } from './crypto/crypto.ts';
import { SymmetricState } from './noise/symmetric-state.ts';

export interface KeyPair {
  readonly privateKey: PrivateKey;
  readonly publicKey: PublicKey;
}

const ENCODER = new TextEncoder();

/** The key pair of `privateKey`, of which it takes a copy and clamps it (RFC 7748, section 5). */
export function keyPair(crypto: Crypto, privateKey: Uint8Array): KeyPair {
  const clamped = new Uint8Array(privateKey);
  clamped[0] = clamped[0]! & 248;
  clamped[31] = (clamped[31]! & 127) | 64;
  const own = clamped as PrivateKey;
  return { privateKey: own, publicKey: crypto.publicKey(own) };
}

/** The start of a WireGuard handshake whose responder has the key `responder`. */
export function startHandshake(crypto: Crypto, responder: PublicKey): SymmetricState {
  const state = SymmetricState.begin(
    crypto,
    ENCODER.encode(CONSTRUCTION),
    ENCODER.encode(IDENTIFIER),
  );
  state.mixHash(responder);
  return state;
}

/** The key of mac1 in messages to whoever has the key `receiver`. */
export function mac1Key(crypto: Crypto, receiver: PublicKey): Uint8Array {
  return crypto.hash(ENCODER.encode(LABEL_MAC1), receiver);
}

/** The key of cookie replies from whoever has the key `replier`. */
export function cookieKey(crypto: Crypto, replier: PublicKey): Uint8Array {
  return crypto.hash(ENCODER.encode(LABEL_COOKIE), replier);
}

export function wipeKeyPair(pair: KeyPair): void {
  wipe(pair.privateKey);
}

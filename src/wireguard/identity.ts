// What a device's own key gives every tunnel: the keys of its macs and the start of handshakes.

import { wipe } from '../base/bytes.ts';
import { type Random, randomBytes } from '../base/random.ts';
import { CONSTRUCTION, IDENTIFIER, LABEL_COOKIE, LABEL_MAC1 } from './constants.ts';
import {
  type Crypto,
  HASH_BYTES,
  KEY_BYTES,
  type PrivateKey,
  type PublicKey,
} from './crypto/crypto.ts';
import { SymmetricState } from './noise/symmetric-state.ts';

export interface KeyPair {
  readonly privateKey: PrivateKey;
  readonly publicKey: PublicKey;
}

const ENCODER = new TextEncoder();

/** The key pair of `privateKey`, of which it takes a copy and clamps it (RFC 7748, section 5). */
export function keyPair(crypto: Crypto, privateKey: Uint8Array): KeyPair {
  return clampedPair(crypto, new Uint8Array(privateKey));
}

/** A fresh one. */
export function drawKeyPair(crypto: Crypto, random: Random): KeyPair {
  return clampedPair(crypto, randomBytes(random, KEY_BYTES));
}

function clampedPair(crypto: Crypto, drawn: Uint8Array): KeyPair {
  drawn[0] = drawn[0]! & 248;
  drawn[31] = (drawn[31]! & 127) | 64;
  const privateKey = drawn as PrivateKey;
  return { privateKey, publicKey: crypto.publicKey(privateKey) };
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
  return labelledKey(crypto, LABEL_MAC1, receiver);
}

/** The key of cookie replies from whoever has the key `replier`. */
export function cookieKey(crypto: Crypto, replier: PublicKey): Uint8Array {
  return labelledKey(crypto, LABEL_COOKIE, replier);
}

function labelledKey(crypto: Crypto, label: string, publicKey: PublicKey): Uint8Array {
  const key = new Uint8Array(HASH_BYTES);
  crypto.hash(key, ENCODER.encode(label), publicKey);
  return key;
}

export function wipeKeyPair(pair: KeyPair): void {
  wipe(pair.privateKey);
}

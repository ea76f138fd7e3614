// The crypto port by the OpenSSL inside Node.js: what is done for every packet, the X25519 of
// handshakes, and the macs and fields of their messages, many times as fast as the reference, which
// does the rest. It is compared with the reference before anybody gets it.

import { assert } from '../../../base/assert.ts';
import { equalConstantTime, wipe } from '../../../base/bytes.ts';
import {
  AEAD_TAG_BYTES,
  type Crypto,
  HASH_BYTES,
  KEY_BYTES,
  MAC_BYTES,
  NONCE_BYTES,
  type PrivateKey,
  type PublicKey,
  XNONCE_BYTES,
} from '../../../wireguard/crypto/crypto.ts';
import { nativeMemory } from '../ffi.ts';
import { OpensslAead } from './openssl-aead.ts';
import { bindOpenssl, type OpensslFunctions, PKEY_X25519 } from './openssl-functions.ts';
import { OpensslHash } from './openssl-hash.ts';
import { HMAC_BLAKE2S, KEYED_BLAKE2S, type MacAlgorithm, OpensslMac } from './openssl-mac.ts';
import { openSessionCipher } from './session-ciphers.ts';
import { bindX25519, type X25519 } from './x25519.ts';

const SUCCESS = 1;
const LENGTH_BYTES = 8;
const NOTHING = new Uint8Array(0);

/**
 * The fast crypto for the calling thread; undefined where Node.js exports no OpenSSL, or one that
 * does not agree with `reference`.
 */
export function opensslCrypto(reference: Crypto): Crypto | undefined {
  const functions = bindOpenssl();
  if (functions === undefined) return undefined;
  const macs = openMac(functions, KEYED_BLAKE2S);
  const hmacs = openMac(functions, HMAC_BLAKE2S);
  const sessionCipher = openSessionCipher(functions, reference);
  if (macs === undefined || hmacs === undefined || sessionCipher === undefined) return undefined;
  const aead = new OpensslAead(functions);
  const crypto: Crypto = {
    ...reference,
    name: 'openssl',
    ...keyExchange(functions),
    hash: new OpensslHash(functions).hash,
    mac: (target, key, a, b) => macs.write(target, key, a, b),
    hmac: (target, key, a, b) => hmacs.write(target, key, a, b),
    aeadSeal: aead.seal,
    aeadOpen: aead.open,
    xaeadSeal: aead.xseal,
    xaeadOpen: aead.xopen,
    sessionCipher,
  };
  const faster: Crypto = { ...crypto, ...bindX25519() };
  return [faster, crypto].find((one) => agrees(one, reference));
}

/** By OpenSSL's interface, which every Node.js has. */
export function keyExchange(functions: OpensslFunctions): X25519 {
  return {
    publicKey: (privateKey) => publicKey(functions, privateKey),
    diffieHellman: (target, privateKey, peer) => diffieHellman(functions, target, privateKey, peer),
  };
}

function openMac(functions: OpensslFunctions, algorithm: MacAlgorithm): OpensslMac | undefined {
  try {
    return new OpensslMac(functions, algorithm);
  } catch {
    return undefined;
  }
}

function publicKey(functions: OpensslFunctions, privateKey: PrivateKey): PublicKey {
  const key = rawKey(functions.newRawPrivateKey, privateKey);
  try {
    const output = nativeMemory(KEY_BYTES);
    const returned = functions.getRawPublicKey(key, output, lengthCell());
    if (returned !== SUCCESS) throw new Error('OpenSSL gave no public key');
    return new Uint8Array(output) as PublicKey;
  } finally {
    functions.keyFree(key);
  }
}

/** OpenSSL itself refuses a result that is all zero. */
function diffieHellman(
  functions: OpensslFunctions,
  target: Uint8Array,
  privateKey: PrivateKey,
  publicKey: PublicKey,
): boolean {
  const own = rawKey(functions.newRawPrivateKey, privateKey);
  const peer = rawKey(functions.newRawPublicKey, publicKey);
  const context = functions.keyContextNew(own, 0);
  const output = nativeMemory(KEY_BYTES);
  try {
    const isDerived =
      functions.deriveInit(context) === SUCCESS &&
      functions.deriveSetPeer(context, peer) === SUCCESS &&
      functions.derive(context, output, lengthCell()) === SUCCESS;
    if (isDerived) target.set(output);
    return isDerived;
  } finally {
    output.fill(0);
    functions.keyContextFree(context);
    functions.keyFree(peer);
    functions.keyFree(own);
  }
}

function rawKey(make: OpensslFunctions['newRawPrivateKey'], key: Uint8Array): number {
  assert(key.length === KEY_BYTES, 'opensslCrypto: an X25519 key has 32 bytes');
  const copy = nativeMemory(KEY_BYTES);
  copy.set(key);
  const made = make(PKEY_X25519, 0, copy, KEY_BYTES);
  copy.fill(0);
  if (made === 0) throw new Error('OpenSSL refused an X25519 key');
  return made;
}

function lengthCell(): Buffer {
  const cell = nativeMemory(LENGTH_BYTES);
  cell.writeUInt32LE(KEY_BYTES);
  return cell;
}

/** Whether each function that the two do differently gives the same. */
function agrees(crypto: Crypto, reference: Crypto): boolean {
  const [ours, expected] = [outputs(crypto), outputs(reference)];
  const isSame = ours.every((output, i) => equalConstantTime(output, expected[i] ?? NOTHING));
  wipe(...ours, ...expected);
  return isSame;
}

function outputs(crypto: Crypto): Uint8Array[] {
  const key = Uint8Array.from({ length: KEY_BYTES }, (_, i) => i + 1);
  const publicKey = crypto.publicKey(key as PrivateKey);
  const made = (length: number, make: (target: Uint8Array) => unknown): Uint8Array => {
    const target = new Uint8Array(length);
    return make(target) === false ? NOTHING : target;
  };
  const secret = made(KEY_BYTES, (to) => crypto.diffieHellman(to, key as PrivateKey, publicKey));
  const nonce = key.subarray(0, NONCE_BYTES);
  const xnonce = key.subarray(0, XNONCE_BYTES);
  const sealedBytes = KEY_BYTES + AEAD_TAG_BYTES;
  const sealed = made(sealedBytes, (to) => crypto.aeadSeal(to, key, nonce, publicKey, secret));
  const xsealed = made(sealedBytes, (to) => crypto.xaeadSeal(to, key, xnonce, publicKey, secret));
  return [
    publicKey,
    secret,
    sealed,
    xsealed,
    made(HASH_BYTES, (to) => crypto.hash(to, key, publicKey)),
    made(MAC_BYTES, (to) => crypto.mac(to, key, publicKey)),
    made(HASH_BYTES, (to) => crypto.hmac(to, key, publicKey, secret)),
    made(KEY_BYTES, (to) => crypto.aeadOpen(to, key, nonce, sealed, secret)),
    made(KEY_BYTES, (to) => crypto.aeadOpen(to, key, nonce, sealed, publicKey)),
    made(KEY_BYTES, (to) => crypto.xaeadOpen(to, key, xnonce, xsealed, secret)),
    made(KEY_BYTES, (to) => crypto.xaeadOpen(to, key, xnonce, xsealed, publicKey)),
  ];
}

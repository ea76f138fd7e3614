// The handshake against the Noise vector of its pattern, with the vector's prologue and payloads,
// by any implementation of the crypto port.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../src/base/bytes.ts';
import type { Slab } from '../../src/base/slab.ts';
import { CONSTRUCTION } from '../../src/wireguard/constants.ts';
import {
  AEAD_TAG_BYTES,
  type Crypto,
  KEY_BYTES,
  type PrivateKey,
  type PublicKey,
  type SymmetricKey,
} from '../../src/wireguard/crypto/crypto.ts';
import { type KeyPair, keyPair } from '../../src/wireguard/identity.ts';
import { finishInitiation, initiate } from '../../src/wireguard/noise/initiator.ts';
import {
  openInitiation,
  openInitiationPayload,
  respond,
} from '../../src/wireguard/noise/responder.ts';
import { SymmetricState } from '../../src/wireguard/noise/symmetric-state.ts';
import { hex, readForeignVectors } from '../vectors/vectors.ts';
import { diffieHellman } from './crypto-results.ts';

interface NoiseVector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_psks: readonly string[];
  readonly init_static: string;
  readonly init_ephemeral: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const file = 'noise-ikpsk2-25519-chachapoly-blake2s.json';
const foreign = readForeignVectors<readonly NoiseVector[]>(file);

export function noiseSuite(crypto: Crypto, makeSlab: (length: number) => Slab): void {
  test(`${crypto.name}: Noise_IKpsk2 messages of both roles equal the vector`, {
    skip: foreign.skip,
  }, () => {
    if (foreign.skip !== false) return;
    const vector = foreign.vectors[0]!;
    assert.equal(vector.protocol_name, CONSTRUCTION);
    const [first, second, ...transport] = vector.messages;
    const local = keys(crypto, vector.init_static);
    const remote = keys(crypto, vector.resp_static);
    const staticStatic = diffieHellman(crypto, local.privateKey, remote.publicKey)!;
    const presharedKey = hex(vector.init_psks[0]!) as SymmetricKey;
    const ephemeral = keys(crypto, vector.init_ephemeral);

    const state = start(crypto, vector, remote.publicKey);
    const payload = hex(first!.payload);
    const sealedStatic = new Uint8Array(KEY_BYTES + AEAD_TAG_BYTES);
    const sealedPayload = new Uint8Array(payload.length + AEAD_TAG_BYTES);
    const begin = { state, local, ephemeral, remote: remote.publicKey, staticStatic, payload };
    assert.ok(initiate(begin, { sealedStatic, sealedPayload }));
    const message = [ephemeral.publicKey, sealedStatic, sealedPayload].map(toHex).join('');
    assert.equal(message, first!.ciphertext);

    const responderStart = start(crypto, vector, remote.publicKey);
    const opened = openInitiation(responderStart, remote, ephemeral.publicKey, sealedStatic)!;
    assert.equal(toHex(opened.remote), toHex(local.publicKey));
    const openedPayload = new Uint8Array(payload.length);
    assert.ok(openInitiationPayload(opened, staticStatic, openedPayload, sealedPayload));
    assert.deepEqual(openedPayload, payload);

    const theirs = keys(crypto, vector.resp_ephemeral);
    const answer = hex(second!.payload);
    const sealedAnswer = new Uint8Array(answer.length + AEAD_TAG_BYTES);
    assert.ok(respond(opened, theirs, presharedKey, sealedAnswer, answer));
    assert.equal(toHex(theirs.publicKey) + toHex(sealedAnswer), second!.ciphertext);
    const openedAnswer = new Uint8Array(answer.length);
    const response = { ephemeral: theirs.publicKey, sealedPayload: sealedAnswer };
    const finish = { state, local, ephemeral, presharedKey };
    assert.ok(finishInitiation(finish, response, openedAnswer));
    assert.deepEqual(openedAnswer, answer);
    assert.equal(toHex(state.hash), vector.handshake_hash);
    assert.equal(toHex(opened.state.hash), vector.handshake_hash);

    const directions = state.split();
    assert.deepEqual(opened.state.split(), directions);
    for (const [n, { payload: text, ciphertext }] of transport.entries()) {
      const cipher = crypto.sessionCipher(directions[n % 2]!);
      const slab = makeSlab(256);
      slab.bytes.set(hex(text));
      cipher.seal(slab, 0, text.length / 2, n >> 1, 0);
      assert.equal(toHex(slab.bytes.subarray(0, ciphertext.length / 2)), ciphertext);
    }
  });
}

function start(crypto: Crypto, vector: NoiseVector, responder: PublicKey): SymmetricState {
  const name = new TextEncoder().encode(CONSTRUCTION);
  const state = SymmetricState.begin(crypto, name, hex(vector.init_prologue));
  state.mixHash(responder);
  return state;
}

function keys(crypto: Crypto, privateKey: string): KeyPair {
  return keyPair(crypto, hex(privateKey) as PrivateKey);
}

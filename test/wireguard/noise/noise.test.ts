// The handshake against the Noise vector of its pattern, with the vector's prologue and payloads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllZero, toHex } from '../../../src/base/bytes.ts';
import { plainSlab } from '../../../src/base/slab.ts';
import { CONSTRUCTION } from '../../../src/wireguard/constants.ts';
import type { PrivateKey, PublicKey, SymmetricKey } from '../../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../../src/wireguard/crypto/noble.ts';
import { type KeyPair, keyPair, startHandshake } from '../../../src/wireguard/identity.ts';
import { finishInitiation, initiate } from '../../../src/wireguard/noise/initiator.ts';
import {
  openInitiation,
  openInitiationPayload,
  respond,
} from '../../../src/wireguard/noise/responder.ts';
import { SymmetricState } from '../../../src/wireguard/noise/symmetric-state.ts';
import { hex, readForeignVectors } from '../../vectors/vectors.ts';

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

const crypto = NOBLE_CRYPTO;
const file = 'noise-ikpsk2-25519-chachapoly-blake2s.json';
const foreign = readForeignVectors<readonly NoiseVector[]>(file);

test('Noise_IKpsk2 messages of both roles equal the vector', { skip: foreign.skip }, () => {
  if (foreign.skip !== false) return;
  const vector = foreign.vectors[0]!;
  assert.equal(vector.protocol_name, CONSTRUCTION);
  const [first, second, ...transport] = vector.messages;
  const local = keys(vector.init_static);
  const remote = keys(vector.resp_static);
  const staticStatic = crypto.diffieHellman(local.privateKey, remote.publicKey)!;
  const presharedKey = hex(vector.init_psks[0]!) as SymmetricKey;
  const ephemeral = keys(vector.init_ephemeral);

  const state = start(vector, remote.publicKey);
  const initiation = initiate(crypto, {
    state,
    local,
    ephemeral,
    remote: remote.publicKey,
    staticStatic,
    payload: hex(first!.payload),
  })!;
  const { sealedStatic, sealedPayload } = initiation;
  const message = [ephemeral.publicKey, sealedStatic, sealedPayload].map(toHex).join('');
  assert.equal(message, first!.ciphertext);

  const responderStart = start(vector, remote.publicKey);
  const { publicKey } = ephemeral;
  const opened = openInitiation(crypto, responderStart, remote, publicKey, sealedStatic)!;
  assert.equal(toHex(opened.remote), toHex(local.publicKey));
  const payload = openInitiationPayload(opened, staticStatic, sealedPayload)!;
  assert.equal(toHex(payload), first!.payload);

  const theirs = keys(vector.resp_ephemeral);
  const response = respond(crypto, opened, theirs, presharedKey, hex(second!.payload))!;
  assert.equal(toHex(response.ephemeral) + toHex(response.sealedPayload), second!.ciphertext);
  const finished = finishInitiation(crypto, { state, local, ephemeral, presharedKey }, response)!;
  assert.equal(toHex(finished), second!.payload);
  assert.equal(toHex(state.hash), vector.handshake_hash);
  assert.equal(toHex(opened.state.hash), vector.handshake_hash);

  const directions = state.split();
  assert.deepEqual(opened.state.split(), directions);
  for (const [n, { payload: text, ciphertext }] of transport.entries()) {
    const cipher = crypto.sessionCipher(directions[n % 2]!);
    const slab = plainSlab(256);
    slab.bytes.set(hex(text));
    cipher.seal(slab, 0, text.length / 2, n >> 1, 0);
    assert.equal(toHex(slab.bytes.subarray(0, ciphertext.length / 2)), ciphertext);
  }
});

test('openInitiation() wipes the state of a message that is false', () => {
  const own = keyPair(crypto, new Uint8Array(32).fill(1));
  const ephemeral = keyPair(crypto, new Uint8Array(32).fill(2));
  const state = startHandshake(crypto, own.publicKey);
  const sealedStatic = new Uint8Array(48);
  assert.equal(openInitiation(crypto, state, own, ephemeral.publicKey, sealedStatic), undefined);
  assert.ok(isAllZero(state.hash));
  const other = startHandshake(crypto, own.publicKey);
  const lowOrder = new Uint8Array(32) as PublicKey;
  assert.equal(openInitiation(crypto, other, own, lowOrder, sealedStatic), undefined);
  assert.ok(isAllZero(other.hash));
});

function start(vector: NoiseVector, responder: PublicKey): SymmetricState {
  const name = new TextEncoder().encode(CONSTRUCTION);
  const state = SymmetricState.begin(crypto, name, hex(vector.init_prologue));
  state.mixHash(responder);
  return state;
}

function keys(privateKey: string): KeyPair {
  return keyPair(crypto, hex(privateKey) as PrivateKey);
}

// The Noise handshake by the reference crypto, and what it leaves behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllZero } from '../../../src/base/bytes.ts';
import { plainSlab } from '../../../src/base/slab.ts';
import type { PublicKey } from '../../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../../src/wireguard/crypto/noble.ts';
import { keyPair, startHandshake } from '../../../src/wireguard/identity.ts';
import { openInitiation } from '../../../src/wireguard/noise/responder.ts';
import { noiseSuite } from '../../conformance/noise-suite.ts';

const crypto = NOBLE_CRYPTO;

noiseSuite(crypto, plainSlab);

test('openInitiation() wipes the state of a message that is false', () => {
  const own = keyPair(crypto, new Uint8Array(32).fill(1));
  const ephemeral = keyPair(crypto, new Uint8Array(32).fill(2));
  const state = startHandshake(crypto, own.publicKey);
  const sealedStatic = new Uint8Array(48);
  assert.equal(openInitiation(state, own, ephemeral.publicKey, sealedStatic), undefined);
  assert.ok(isAllZero(state.hash));
  const other = startHandshake(crypto, own.publicKey);
  const lowOrder = new Uint8Array(32) as PublicKey;
  assert.equal(openInitiation(other, own, lowOrder, sealedStatic), undefined);
  assert.ok(isAllZero(other.hash));
});

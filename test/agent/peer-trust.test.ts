// Which WireGuard peers are believed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId, NetworkId } from '../../src/addressing/ids.ts';
import { PeerTrust } from '../../src/agent/peer-trust.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import type { WireguardPeer } from '../../src/registry/model.ts';
import { makeSigner } from '../fakes/site.ts';
import { makeKey } from './agent-world.ts';

const SITE = '0123456789abcdef';
const SIGNER = makeSigner(1);
const KNOWN = { site: SITE, siteKey: SIGNER.publicKey };

test('a peer is believed by the word of the site alone', () => {
  const anna = signed('anna', 1);
  const eve = { ...anna, name: 'eve' };
  assert.deepEqual(new PeerTrust().judge([anna, eve], KNOWN), {
    believed: [anna],
    refused: [eve],
  });
  const unknown = { ...KNOWN, site: undefined };
  assert.deepEqual(new PeerTrust().judge([anna], unknown).believed, []);
});

test('a peer that was believed stays so while the site changes its key', () => {
  const trust = new PeerTrust();
  const [anna, ben] = [signed('anna', 1), signed('ben', 2)];
  trust.judge([anna], KNOWN);
  const after = { ...KNOWN, siteKey: makeSigner(2).publicKey };
  assert.deepEqual(trust.judge([anna, ben], after).believed, [anna]);
  // With another key or address it is another one.
  assert.deepEqual(trust.judge([{ ...anna, number: 3 }], after).believed, []);
  // One that was away is new.
  assert.deepEqual(trust.judge([anna], after).believed, []);
});

function signed(name: string, number: number): WireguardPeer {
  const facts = {
    kind: 'wireguard-peer',
    network: 0x2_0000 as NetworkId,
    host: 0x1_0000 as HostId,
    publicKey: makeKey(number),
    name,
    number,
  } as const;
  return { ...facts, signature: SIGNER.signPeer(SITE, facts), createdAt: 1 as WallMillis };
}

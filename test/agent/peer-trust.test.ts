// Which WireGuard peers are believed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId, NetworkId } from '../../src/addressing/ids.ts';
import { PeerNumbers } from '../../src/addressing/peer-numbers.ts';
import { type PeerClaims, PeerTrust } from '../../src/agent/peer-trust.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import type { PeerRemovals, WireguardPeer } from '../../src/registry/model.ts';
import { makeSigner } from '../fakes/site.ts';
import { makeKey } from './agent-world.ts';

const SITE = '0123456789abcdef';
const SIGNER = makeSigner(1);
const KNOWN = { site: SITE, siteKey: SIGNER.publicKey };

test('a peer is believed by the word of the site alone', () => {
  const anna = signed('anna', 1);
  const eve = { ...anna, name: 'eve' };
  assert.deepEqual(new PeerTrust().judge(claims([anna, eve]), KNOWN), {
    believed: [anna],
    refused: [eve],
    ...{ removed: [], forgedRemovals: [] },
  });
  const unknown = { ...KNOWN, site: undefined };
  assert.deepEqual(new PeerTrust().judge(claims([anna]), unknown).believed, []);
});

test('a peer that was believed stays so while the site changes its key', () => {
  const trust = new PeerTrust();
  const [anna, ben] = [signed('anna', 1), signed('ben', 2)];
  trust.judge(claims([anna]), KNOWN);
  const after = { ...KNOWN, siteKey: makeSigner(2).publicKey };
  assert.deepEqual(trust.judge(claims([anna, ben]), after).believed, [anna]);
  // With another key or address it is another one.
  assert.deepEqual(trust.judge(claims([{ ...anna, number: 3 }]), after).believed, []);
  // One that was away is new.
  assert.deepEqual(trust.judge(claims([anna]), after).believed, []);
});

test('a peer that was removed stays away, whatever is said later', () => {
  const trust = new PeerTrust();
  const [anna, ben] = [signed('anna', 1), signed('ben', 2)];
  assert.equal(trust.judge(claims([anna, ben]), KNOWN).believed.length, 2);
  assert.deepEqual(trust.judge(claims([anna, ben], [removals(1)]), KNOWN).removed, [anna]);
  // The record of the removal is taken away, and the peer is signed by another key of the site.
  const after = trust.judge(claims([anna, ben]), KNOWN);
  assert.deepEqual([after.believed, after.removed], [[ben], [anna]]);
  const older = trust.judge(claims([anna, ben], [removals()]), KNOWN);
  assert.deepEqual(older.believed, [ben]);
  // After a restart too.
  assert.ok(trust.takeNews());
  assert.ok(!trust.takeNews());
  const next = new PeerTrust(trust.memory);
  assert.deepEqual(next.judge(claims([anna, ben]), KNOWN).believed, [ben]);
});

test('a removal that the site has not signed removes nobody', () => {
  const trust = new PeerTrust();
  const anna = signed('anna', 1);
  const forged = [
    { ...removals(1), signature: removals(2).signature },
    { ...removals(1), network: 0x2_0001 as NetworkId },
    { ...removals(2), numbers: '!' },
    { ...removals(2), numbers: 'AA==' },
  ];
  for (const one of forged) {
    const { believed, forgedRemovals } = trust.judge(claims([anna], [one]), KNOWN);
    assert.deepEqual([believed, forgedRemovals], [[anna], [one]]);
  }
});

test('what a gateway remembers proves all that was removed, and the last number', () => {
  const trust = new PeerTrust();
  const [anna, ben] = [signed('anna', 1), signed('ben', 7)];
  trust.judge(claims([ben, anna], [removals(3, 4)]), KNOWN);
  assert.equal(trust.memory[0]?.last, ben);
  // A registry from an older state has signed fewer since: the proof of 3 is kept.
  trust.judge(claims([ben], [removals(4, 5)]), KNOWN);
  const [memory] = trust.memory;
  assert.deepEqual(memory, {
    network: 0x2_0000,
    removed: removals(3, 4, 5).numbers,
    removals: removals(3, 4),
    last: ben,
  });
  trust.judge(claims([ben], [removals(3, 4, 5, 6)]), KNOWN);
  assert.deepEqual(trust.memory[0]?.removals, removals(3, 4, 5, 6));
});

test('a gateway remembers a bounded number of networks', () => {
  const trust = new PeerTrust([], 2);
  for (const network of [1, 2, 3].map((id) => (0x2_0000 + id) as NetworkId)) {
    trust.judge(claims([], [removalsOf(network, 1)]), KNOWN);
  }
  assert.deepEqual(
    trust.memory.map(({ network }) => network),
    [0x2_0002, 0x2_0003],
  );
});

function claims(
  wireguardPeers: readonly WireguardPeer[],
  peerRemovals: readonly PeerRemovals[] = [],
): PeerClaims {
  return { wireguardPeers, peerRemovals };
}

function removals(...numbers: readonly number[]): PeerRemovals {
  return removalsOf(0x2_0000 as NetworkId, ...numbers);
}

function removalsOf(network: NetworkId, ...numbers: readonly number[]): PeerRemovals {
  const set = numbers.reduce((all, number) => all.with(number), PeerNumbers.NONE);
  const said = { network, numbers: set.toString() };
  return { kind: 'peer-removals', ...said, signature: SIGNER.signPeerRemovals(SITE, said) };
}

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

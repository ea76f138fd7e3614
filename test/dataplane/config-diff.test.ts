// What the worker is sent when a configuration changes: what differs and nothing else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataplaneConfig } from '../../src/dataplane/config.ts';
import { type ConfigChange, diffConfig } from '../../src/dataplane/config-diff.ts';
import type { PeerConfig } from '../../src/device/config.ts';
import type { PrivateKey, SymmetricKey } from '../../src/wireguard/crypto/crypto.ts';
import { Mesh } from '../fakes/mesh.ts';

const MESH = makeMesh();
const BEFORE = MESH.configOf(0);
const [PEER, OTHER_PEER] = BEFORE.device.peers as [PeerConfig, PeerConfig];
const NOTHING: ConfigChange = {
  privateKey: undefined,
  mtu: undefined,
  peers: [],
  replacedTuns: [],
  newTuns: [],
  filter: undefined,
  goneTuns: [],
  gonePeers: [],
  gateway: undefined,
};

test('diffConfig() of the first configuration is all of it', () => {
  assert.deepEqual(diffConfig(undefined, BEFORE), {
    privateKey: BEFORE.device.privateKey,
    mtu: 1420,
    peers: BEFORE.device.peers,
    replacedTuns: [],
    newTuns: BEFORE.tuns,
    filter: BEFORE.filter,
    goneTuns: [],
    gonePeers: [],
    gateway: undefined,
  });
});

test('diffConfig() of equal configurations is nothing, whatever holds their bytes', () => {
  const copied = structuredClone(BEFORE);
  assert.equal(diffConfig(BEFORE, copied), undefined);
  const buffers = copied.device.peers.map((peer) => ({
    ...peer,
    publicKey: Buffer.from(peer.publicKey) as Uint8Array as PeerConfig['publicKey'],
  }));
  assert.equal(diffConfig(BEFORE, withPeers(buffers)), undefined);
  const privateKey = Buffer.from(BEFORE.device.privateKey) as Uint8Array as PrivateKey;
  const buffered = { ...BEFORE, device: { ...BEFORE.device, privateKey } };
  assert.equal(diffConfig(BEFORE, buffered), undefined);
});

test('diffConfig() leaves an interface alone that somebody else has moved', () => {
  const [tun] = BEFORE.tuns;
  const at = (name: string, movable: boolean): DataplaneConfig => ({
    ...BEFORE,
    tuns: [{ ...tun!, tun: 7, name, movable }],
  });
  assert.equal(diffConfig(at('before', true), at('after', true)), undefined);
  assert.deepEqual(diffConfig(at('before', false), at('after', false))?.replacedTuns, [7]);
});

test('diffConfig() tells every difference of a peer, and the peer alone', () => {
  const presharedKey = new Uint8Array(32).fill(7) as SymmetricKey;
  const route = { kind: 'host', hostId: 0x10002, key: 'next' } as const;
  for (const difference of [
    { presharedKey },
    { endpoint: { address: '192.0.2.1', port: 1 } },
    { persistentKeepaliveSeconds: 25 },
    { route },
  ]) {
    const changed = { ...PEER, ...difference };
    const change = diffConfig(BEFORE, withPeers([changed, OTHER_PEER]));
    assert.deepEqual(change, { ...NOTHING, peers: [changed] });
  }
  const keyed = { ...PEER, presharedKey };
  const otherKey = { ...PEER, presharedKey: new Uint8Array(32).fill(8) as SymmetricKey };
  const change = diffConfig(withPeers([keyed]), withPeers([otherKey]));
  assert.deepEqual(change, { ...NOTHING, peers: [otherKey] });
});

test('diffConfig() tells peers that go, whatever their order', () => {
  const change = diffConfig(BEFORE, withPeers([OTHER_PEER]));
  assert.deepEqual(change, { ...NOTHING, gonePeers: [PEER.publicKey] });
  assert.equal(diffConfig(BEFORE, withPeers([OTHER_PEER, PEER])), undefined);
});

test('diffConfig() tells TUNs that come, go, and are to be others', () => {
  const [host, instance] = BEFORE.tuns as [(typeof BEFORE.tuns)[0], (typeof BEFORE.tuns)[0]];
  const moved = { ...instance, namespace: '/run/netns/elsewhere' };
  const added = { ...instance, tun: 9 };
  const cases: [(typeof BEFORE.tuns)[0][], Partial<ConfigChange>][] = [
    [[host], { goneTuns: [instance.tun] }],
    [[host, moved], { replacedTuns: [instance.tun], newTuns: [moved] }],
    [[host, instance, added], { newTuns: [added] }],
    [[{ ...host, mtu: 1300 }, instance], { mtu: 1300 }],
  ];
  for (const [tuns, expected] of cases) {
    assert.deepEqual(diffConfig(BEFORE, { ...BEFORE, tuns }), { ...NOTHING, ...expected });
  }
  const mtuOnly = [host, { ...instance, mtu: 1300 }];
  assert.equal(diffConfig(BEFORE, { ...BEFORE, tuns: mtuOnly }), undefined);
});

test('diffConfig() tells a filter as a whole, and the private key', () => {
  const filter = { ...BEFORE.filter, region: 'elsewhere' };
  assert.deepEqual(diffConfig(BEFORE, { ...BEFORE, filter }), { ...NOTHING, filter });
  const { privateKey } = MESH.configOf(1).device;
  const device = { ...BEFORE.device, privateKey };
  assert.deepEqual(diffConfig(BEFORE, { ...BEFORE, device }), { ...NOTHING, privateKey });
});

function makeMesh(): Mesh {
  const mesh = new Mesh((n) => new Uint8Array(32).fill(n + 1));
  for (let n = 1; n <= 3; n++) mesh.addHost({ address: `198.51.100.${n}`, port: 51_820 });
  mesh.addInstance(0, 1, '/run/netns/one');
  return mesh;
}

function withPeers(peers: readonly PeerConfig[]): DataplaneConfig {
  return { ...BEFORE, device: { ...BEFORE.device, peers } };
}

// The plan of addresses: each kind is made and recognised, and all else is nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId, InstanceId, NetworkId } from '../../src/addressing/ids.ts';
import {
  classifyAddress,
  hostAddress,
  instanceAddress,
  isSiteAddress,
  NAMESERVER_ADDRESS,
  networkNameserverAddress,
  networkPrefix,
  presenceAddress,
  wireguardPeerAddress,
} from '../../src/addressing/layout.ts';

const network = 0x00180a7b as NetworkId;
const host = 0x0001007d as HostId;
const instance = 0xf066b83b as InstanceId;

test('addresses are written as the plan draws them', () => {
  assert.equal(instanceAddress(network, host, instance), 'fdaa:18:a7b:1:7d:f066:b83b:2');
  assert.equal(hostAddress(host), 'fdaa::1:7d:0:0:1');
  assert.equal(presenceAddress(network, host), 'fdaa:18:a7b:1:7d::1');
  assert.equal(wireguardPeerAddress(network, host, 0x102), 'fdaa:18:a7b:1:7d:0:a:102');
  assert.equal(networkNameserverAddress(network), 'fdaa:18:a7b::3');
  assert.equal(networkPrefix(network), 'fdaa:18:a7b::/48');
});

test('isSiteAddress() holds for all of fdaa::/16 and nothing else', () => {
  for (const text of ['fdaa::', NAMESERVER_ADDRESS, 'FDAA:ffff::1', 'fdaa:0:1::']) {
    assert.equal(isSiteAddress(text), true, text);
  }
  for (const text of ['fdab::1', 'fd00::1', '::', '192.0.2.1', 'fdaa', 'fdaa::1%2', '']) {
    assert.equal(isSiteAddress(text), false, text);
  }
});

test('classifyAddress() recognises each kind', () => {
  const kinds = {
    [NAMESERVER_ADDRESS]: { kind: 'nameserver', network: 0 },
    [networkNameserverAddress(network)]: { kind: 'nameserver', network },
    [hostAddress(host)]: { kind: 'host', network: 0, host },
    [presenceAddress(network, host)]: { kind: 'host', network, host },
    [instanceAddress(network, host, instance)]: {
      kind: 'instance',
      network,
      host,
      instance,
      slot: 2,
    },
    [wireguardPeerAddress(network, host, 9)]: { kind: 'wireguard-peer', network, host, peer: 9 },
    'fdaa:18:a7b:0:1::7': { kind: 'service', network },
  };
  for (const [address, kind] of Object.entries(kinds))
    assert.deepEqual(classifyAddress(address), kind);
});

const nothing = [
  'fdab::3',
  '::1',
  'nonsense',
  'fdaa::1',
  'fdaa:0:1::3', // a network id below 0x10000
  'fdaa:18:a7b:0:7d:1:1:2', // a host id below 0x10000
  'fdaa:18:a7b:21:0:1:1:2', // a host id above the limit
  'fdaa:18:a7b:1:7d:0:5:2', // an instance id below 0x10000
  'fdaa:18:a7b:1:7d:0:a:0', // a peer number of 0
  'fdaa:18:a7b:1:7d::2', // a slot of a host that has no meaning
  'fdaa:0:0:1:7d:f066:b83b:2', // an instance in network 0
  'fdaa:0:0:0:1::7', // a service in network 0
];
for (const address of nothing) {
  test(`classifyAddress() knows nothing of ${address}`, () => {
    assert.equal(classifyAddress(address), undefined);
  });
}

test('instanceAddress() asserts that the network is a tenant', () => {
  assert.throws(() => instanceAddress(0 as NetworkId, host, instance), /tenant/);
});

// The plan of WireGuard peers, of their gateway, and of operators that visit a network.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import { presenceAddress } from '../../src/addressing/layout.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import type { Gateway, WireguardPeer } from '../../src/registry/model.ts';
import {
  HOST,
  makeHost,
  makeIdentity,
  makeKey,
  makeNetwork,
  NETWORK,
  OTHER_HOST,
} from './agent-world.ts';
import { planOf } from './plan-input.ts';

test('plan() serves the WireGuard peers behind this host, in networks that it follows', () => {
  const gateway = { privateKey: makeIdentity().privateKey, listenPort: 51821 };
  const here = [HOST, OTHER_HOST].map((host) => ({ kind: 'gateway', host, networks: [NETWORK] }));
  const copy = {
    networks: [makeNetwork()],
    gateways: here.slice(0, 1) as Gateway[],
    wireguardPeers: [laptop(1, HOST), laptop(2, OTHER_HOST)],
  };
  const planned = planOf({ identity: makeIdentity({ gateway }), copy });
  assert.deepEqual([...planned.followed], [NETWORK]);
  const peers = planned.dataplane.gateway?.device.peers ?? [];
  assert.deepEqual(
    peers.map(({ route }) => route),
    [{ kind: 'prefixes', prefixes: ['fdaa:2:0:1::a:1/128'] }],
  );
  assert.equal(planned.dataplane.gateway?.listenPort, 51821);
  assert.deepEqual(planned.dataplane.filter.wireguardPeers, [{ network: NETWORK, peer: 1 }]);
  assert.deepEqual(planned.dataplane.filter.networks, [{ id: NETWORK, regionScoped: false }]);
  assert.ok(planned.listeners.includes('fdaa:2::3' as never));
  assert.deepEqual(planned.zone.networks.get(NETWORK)?.peers, [
    { name: 'peer-1', address: 'fdaa:2:0:1::a:1' },
    { name: 'peer-2', address: 'fdaa:2:0:1:1:0:a:2' },
  ]);
  // Of another gateway nothing is followed, and without a peer there is no socket.
  const elsewhere = { ...copy, gateways: here.slice(1) as Gateway[], wireguardPeers: [] };
  const other = planOf({ identity: makeIdentity({ gateway }), copy: elsewhere });
  assert.equal(other.followed.size, 0);
  assert.equal(other.dataplane.gateway, undefined);
  assert.equal(planOf({ copy }).dataplane.gateway, undefined, 'before there is a key');
});

test('plan() names the peers that a region-scoped network has behind hosts of the region', () => {
  const { zone } = planOf({
    visited: new Set([NETWORK]),
    copy: {
      hosts: [makeHost(HOST), makeHost(OTHER_HOST, { region: 'fra' })],
      networks: [makeNetwork(NETWORK, { regionScoped: true })],
      wireguardPeers: [laptop(1, HOST), laptop(2, OTHER_HOST)],
    },
  });
  const names = zone.networks.get(NETWORK)?.peers.map(({ name }) => name);
  assert.deepEqual(names, ['peer-1']);
});

test('plan() is present in a network that an operator visits', () => {
  const visited = new Set([NETWORK]);
  assert.deepEqual([...planOf({ visited }).followed], [NETWORK]);
  const known = planOf({ visited, copy: { networks: [makeNetwork()] } });
  const addresses = known.hostLink.addresses.map(({ address }) => address);
  assert.ok(addresses.includes(presenceAddress(NETWORK, HOST)));
  assert.ok(known.zone.networks.has(NETWORK));
});

function laptop(number: number, host: HostId): WireguardPeer {
  return {
    ...{ kind: 'wireguard-peer', network: NETWORK, name: `peer-${number}`, host, number },
    ...{ publicKey: makeKey(number), signature: '', createdAt: 1 as WallMillis },
  };
}

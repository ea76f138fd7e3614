// What the registry needs of every store for WireGuard peers: numbers and limits that hold when
// servers make and remove peers at the same time, and removals that stand.

import assert from 'node:assert/strict';
import type { HostId } from '../../src/addressing/ids.ts';
import { PeerNumbers } from '../../src/addressing/peer-numbers.ts';
import { decodePeerRemovals } from '../../src/registry/codec.ts';
import { gatewayKey, peerCountOfNetwork, peerRemovalsKey } from '../../src/registry/keys.ts';
import type { Gateway, Network } from '../../src/registry/model.ts';
import type { Registry } from '../../src/registry/registry.ts';
import type { Store } from '../../src/registry/store.ts';
import { Site } from '../fakes/site.ts';
import type { Check } from './store-calls.ts';

const BLUE = { name: 'blue' };
const AT_ONCE = 6;

export function testWireguardPeers(check: Check): void {
  check(
    'gives WireGuard peers numbers of their own while servers make and remove some',
    async (store) => {
      const { site, network, host } = await started(store);
      const servers = [site.registry, site.secondServer()];
      const names = Array.from({ length: AT_ONCE }, (_, i) => `peer-${i}`);
      const made = await Promise.all(
        names.map((name, i) => create(site, servers[i % 2] as Registry, name)),
      );
      const numbers = made.map(({ peer }) => peer.number);
      assert.deepEqual(numbers.toSorted(), [1, 2, 3, 4, 5, 6]);
      const rivals = servers.map((server) => create(site, server, 'rival'));
      const outcomes = await Promise.allSettled(rivals);
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);

      // Each removal is in the one record, whichever server has made it.
      const gone = names.slice(0, 4);
      await Promise.all(
        gone.map((name, i) => servers[i % 2]?.wireguard.remove({ name, network: BLUE })),
      );
      const key = peerRemovalsKey(network.id);
      const { numbers: text } = decodePeerRemovals({ key, value: await read(store, key) });
      const removed = PeerNumbers.parse(text);
      for (const [i, number] of numbers.entries()) assert.equal(removed?.has(number), i < 4);
      assert.equal(await read(store, peerCountOfNetwork(network.id)), '3');
      assert.equal((await site.registry.wireguard.list()).length, 3);
      assert.equal((await create(site, site.registry, 'late')).peer.number, 8);

      const gateway = JSON.parse(await read(store, gatewayKey(host))) as Gateway;
      assert.deepEqual(gateway.networks, [network.id]);
      for (const { peer } of await site.registry.wireguard.list()) {
        await site.registry.wireguard.remove({ name: peer.name, network: BLUE });
      }
      const left = JSON.parse(await read(store, gatewayKey(host))) as Gateway;
      assert.deepEqual(left.networks, []);
    },
  );
}

async function started(
  store: Store,
): Promise<{ readonly site: Site; readonly network: Network; readonly host: HostId }> {
  const site = new Site({ store });
  const { id: host } = await site.start();
  return { site, host, network: await site.registry.createNetwork(BLUE) };
}

function create(
  site: Site,
  registry: Registry,
  name: string,
): ReturnType<Registry['wireguard']['create']> {
  return registry.wireguard.create({
    ...{ name, network: BLUE, host: 'one', publicKey: site.freshKey() },
  });
}

async function read(store: Store, key: string): Promise<string> {
  return (await store.get(key))?.value ?? '';
}

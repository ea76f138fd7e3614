// Configurations that would join what must be apart are refused as a whole.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from '../../src/filter/packet-address.ts';
import { compileTables } from '../../src/filter/tables.ts';
import { CONFIG, GREY, RED } from './site.ts';

test('instance cannot share what is the host or another instance', () => {
  const [first] = CONFIG.instances;
  assert.ok(first !== undefined);
  const refused = [
    { ...first, instance: 0x1111_0009 as never, tun: 0 },
    { ...first, instance: 0x1111_0009 as never, tun: 1 },
    { ...first, tun: 9 },
    { ...first, network: 0 as never, tun: 9 },
    { ...first, instance: 10 as never, tun: 9 },
  ];
  for (const instance of refused) {
    const config = { ...CONFIG, instances: [...CONFIG.instances, instance] };
    assert.throws(() => compileTables(config), /compileTables/);
  }
});

test('ids must be those of the plan', () => {
  for (const peer of [0, -1, 1.5, 0x1_0000, Number.NaN]) {
    const config = { ...CONFIG, wireguardPeers: [{ network: RED, peer }] };
    assert.throws(() => compileTables(config), /bad peer/);
  }
  for (const peer of [1, 0xffff]) {
    const tables = compileTables({ ...CONFIG, wireguardPeers: [{ network: RED, peer }] });
    assert.ok(tables.networks.get(keyOf(RED))?.wireguardPeers.has(peer));
  }
  // As numbers of 32 bits it would be network 0.
  const beyond = { ...CONFIG, wireguardPeers: [{ network: (2 ** 32) as never, peer: 1 }] };
  assert.throws(() => compileTables(beyond), /not a network id/);
  for (const id of [0, 1, 0xffff, 2 ** 32, 1.5]) {
    const config = { ...CONFIG, networks: [{ id: id as never, regionScoped: false }] };
    assert.throws(() => compileTables(config), /not a network id/);
  }
});

test('what is in a network that is not configured is left out', () => {
  const tables = compileTables({
    ...CONFIG,
    instances: [{ network: GREY, instance: 0x1111_0001 as never, tun: 9 }],
    wireguardPeers: [{ network: GREY, peer: 1 }],
  });
  assert.equal(tables.networks.get(keyOf(GREY)), undefined);
  for (const network of tables.networks.values()) {
    assert.deepEqual([network.instances.size, network.wireguardPeers.size], [0, 0]);
  }
});

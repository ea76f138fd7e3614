// WireGuard peers and their gateways: the rules, what followers are told, and what the site signs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeWireguardPeer, encodeRecord } from '../../../src/registry/codec.ts';
import { parseExport } from '../../../src/registry/export.ts';
import { gatewayKey, peerCounterKey, peerKey } from '../../../src/registry/keys.ts';
import type { Gateway, Host, WireguardPeer } from '../../../src/registry/model.ts';
import { isGenuinePeer } from '../../../src/registry/site-signature.ts';
import type { NewPeer } from '../../../src/registry/wireguard/peers.ts';
import { makeSigner, Site } from '../../fakes/site.ts';

test('a peer has a name of its network, a number, and the word of the site', async () => {
  const { site, server, create } = await started();
  const anna = (await create({ name: 'anna' })).peer;
  assert.deepEqual([anna.host, anna.number, anna.name], [server.id, 1, 'anna']);
  assert.equal((await create({ name: 'ben' })).peer.number, 2);
  await assert.rejects(create({ name: 'anna' }), { code: 'NAME_TAKEN' });
  await assert.rejects(create({ name: 'Anna' }), { code: 'NAME_INVALID' });
  await assert.rejects(create({ name: 'x', network: { name: 'none' } }), { code: 'NOT_FOUND' });
  await assert.rejects(create({ name: 'x', host: 'none' }), { code: 'NOT_FOUND' });
  await assert.rejects(create({ name: 'x', publicKey: 'no key' }), { code: 'VALUE_INVALID' });
  // Of another peer, and of a host: a gateway could not tell them apart.
  for (const publicKey of [anna.publicKey, server.publicKey]) {
    await assert.rejects(create({ name: 'x', publicKey }), { code: 'VALUE_INVALID' });
  }
  const { id = '' } = (await site.registry.findSite()) ?? {};
  assert.ok(isGenuinePeer(id, site.signer.publicKey, anna));
  const changes: Partial<WireguardPeer>[] = [
    { network: (anna.network + 1) as WireguardPeer['network'] },
    { name: 'eve' },
    { host: (anna.host + 1) as WireguardPeer['host'] },
    { number: 9 },
    { publicKey: site.freshKey() },
  ];
  for (const change of changes) {
    assert.equal(isGenuinePeer(id, site.signer.publicKey, { ...anna, ...change }), false);
  }
});

test('a number is given out once, whatever is removed and imported', async () => {
  const { site, create, registry, network } = await started();
  await create({ name: 'anna' });
  const saved = await registry.custody.export({ close: false });
  await create({ name: 'ben' });
  await registry.wireguard.remove({ name: 'anna', network });
  await registry.wireguard.remove({ name: 'ben', network });
  await registry.custody.export({ close: true });
  await registry.custody.import(parseExport(saved.join('')));
  assert.equal((await create({ name: 'carl' })).peer.number, 3);
  const { id } = await registry.findNetwork(network);
  await site.store.transact({
    compares: [],
    writes: [{ type: 'put', key: peerCounterKey(id), value: 'ffff' }],
  });
  await assert.rejects(create({ name: 'dora' }), { code: 'LIMIT_REACHED' });
});

test('a gateway follows the networks of its peers, and no others', async () => {
  const { create, registry, network, gateway } = await started();
  const red = { name: 'red' };
  const { id: redId } = await registry.createNetwork(red);
  const { id: blueId } = await registry.findNetwork(network);
  await create({ name: 'anna' });
  await create({ name: 'ben' });
  await create({ name: 'anna', network: red });
  assert.deepEqual(
    (await gateway())?.networks,
    [redId, blueId].sort((a, b) => a - b),
  );
  await registry.wireguard.remove({ name: 'anna', network });
  assert.equal((await gateway())?.networks.length, 2);
  await registry.wireguard.remove({ name: 'ben', network });
  assert.deepEqual((await gateway())?.networks, [redId]);
  const missing = registry.wireguard.remove({ name: 'ben', network });
  await assert.rejects(missing, { code: 'NOT_FOUND' });
});

test('the key of a gateway is shown while the site has signed it', async () => {
  const { site, server, create, registry } = await started();
  const publicKey = site.freshKey();
  const said = { host: server.id, publicKey, endpoints: ['192.0.2.1:51821'] };
  await assert.rejects(registry.wireguard.publishGateway(said), { code: 'NOT_FOUND' });
  assert.equal((await create({ name: 'anna' })).gateway, undefined);
  const published = await registry.wireguard.publishGateway(said);
  assert.deepEqual(await registry.wireguard.publishGateway(said), published);
  assert.equal((await create({ name: 'ben' })).gateway?.publicKey, publicKey);
  const own = create({ name: 'carl', publicKey });
  await assert.rejects(own, { code: 'VALUE_INVALID' }, 'the key of the gateway itself');
  // Somebody who can write to the database puts a key of his own there.
  const forged = { ...published, key: { ...published.key, publicKey: site.freshKey() } };
  await site.store.transact({
    compares: [],
    writes: [{ type: 'put', key: gatewayKey(server.id), value: JSON.stringify(forged) }],
  });
  assert.deepEqual(
    (await registry.wireguard.list()).map(({ gateway }) => gateway),
    [undefined, undefined],
  );
});

test('a network and a host stay while they have peers', async () => {
  const { site, server, create, registry, network } = await started();
  const { host } = await site.join(server.id, 'two');
  await create({ name: 'anna', host: 'two' });
  await registry.wireguard.publishGateway({
    ...{ host: host.id, publicKey: site.freshKey(), endpoints: [] },
  });
  await assert.rejects(registry.removeNetwork(network), { code: 'NETWORK_IN_USE' });
  await assert.rejects(registry.removeHost('two'), { code: 'HOST_IN_USE' });
  await registry.removeHost('two', { force: true });
  assert.deepEqual(await registry.wireguard.list(), []);
  assert.equal(await site.store.get(gatewayKey(host.id)), undefined);
  await registry.removeNetwork(network);
});

test('followers are told of gateways always, and of the peers of their networks', async () => {
  const { create, registry, network } = await started();
  await create({ name: 'anna' });
  const { id } = await registry.findNetwork(network);
  assert.deepEqual(await kindsTold(new Set()), ['gateway', 'host', 'site-key']);
  const told = await kindsTold(new Set([id]));
  assert.ok(told.includes('wireguard-peer'));

  async function kindsTold(networks: ReadonlySet<typeof id>): Promise<string[]> {
    const kinds: string[] = [];
    const abort = new AbortController();
    for await (const event of registry.follow(networks, undefined, abort.signal)) {
      if (event.type === 'put') kinds.push(event.record.kind);
      if (event.type === 'synced') break;
    }
    return kinds;
  }
});

test('a new key of the site signs peers and gateways anew, and no forgery', async () => {
  const { site, server, create, registry, network } = await started();
  const { peer } = await create({ name: 'anna' });
  await registry.wireguard.publishGateway({
    ...{ host: server.id, publicKey: site.freshKey(), endpoints: [] },
  });
  const forgery = { ...peer, name: 'eve', publicKey: site.freshKey() };
  const place = peerKey(peer.network, 'eve');
  await site.store.transact({
    compares: [],
    writes: [{ type: 'put', key: place, value: encodeRecord(forgery) }],
  });
  const last = site.signer.publicKey;
  const next = makeSigner(7);
  await registry.siteKeys.publish(next);
  site.signer.setKey(Buffer.from(next.secretKey ?? '', 'base64'));
  const { refused } = await registry.siteKeys.resign(last);
  assert.deepEqual(refused, [place]);
  const { id = '' } = (await registry.findSite()) ?? {};
  const anna = await registry.wireguard.find({ name: 'anna', network });
  assert.ok(isGenuinePeer(id, next.publicKey, anna.peer));
  assert.notEqual(anna.gateway, undefined);
  const eve = await site.store.get(place);
  assert.equal(
    isGenuinePeer(id, next.publicKey, decodeWireguardPeer({ key: place, value: eve?.value ?? '' })),
    false,
  );
});

interface Scene {
  readonly site: Site;
  readonly server: Host;
  readonly registry: Site['registry'];
  readonly network: { readonly name: string };
  readonly create: (peer: Partial<NewPeer>) => ReturnType<Site['registry']['wireguard']['create']>;
  readonly gateway: () => Promise<Gateway | undefined>;
}

async function started(): Promise<Scene> {
  const site = new Site();
  const server = await site.start();
  const { registry } = site;
  const network = { name: 'blue' };
  await registry.createNetwork(network);
  return {
    ...{ site, server, registry, network },
    create: (peer) => {
      const publicKey = site.freshKey();
      return registry.wireguard.create({ name: 'x', network, host: 'one', publicKey, ...peer });
    },
    gateway: async () => {
      const stored = await site.store.get(gatewayKey(server.id));
      return stored === undefined ? undefined : (JSON.parse(stored.value) as Gateway);
    },
  };
}

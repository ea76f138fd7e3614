// What the site's key signs, and how the key is changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import nacl from 'tweetnacl';
import { fromBase64, toBase64 } from '../../src/base/bytes.ts';
import { decodeHost, encodeRecord } from '../../src/registry/codec.ts';
import { hostKey, inviteKey } from '../../src/registry/keys.ts';
import type { Host } from '../../src/registry/model.ts';
import { generateSiteKeyPair } from '../../src/registry/site.ts';
import {
  hostStatement,
  isGenuineHost,
  isGenuineRemoval,
  isSignedBy,
  isSuccessor,
} from '../../src/registry/site-signature.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { ENROLMENT_KEY, makeSigner, Site } from '../fakes/site.ts';

test('a signature holds for each signed field and for no other host', async () => {
  const site = new Site();
  const { id: siteId } = await start(site);
  const host = await site.registry.findHost('one');
  const { publicKey } = site.signer;
  assert.ok(isGenuineHost(siteId, publicKey, host));
  const changes: Partial<Host>[] = [
    { id: (host.id + 1) as Host['id'] },
    { name: 'two' },
    { publicKey: site.freshKey() },
    { generation: 2 },
    { role: 'agent' },
    { signature: '' },
    { signature: `${host.signature.slice(0, -4)}AA==` },
  ];
  for (const change of changes) {
    assert.equal(isGenuineHost(siteId, publicKey, { ...host, ...change }), false);
  }
  assert.equal(isGenuineHost('0000000000000000', publicKey, host), false);
  assert.equal(isGenuineHost(siteId, makeSigner(4).publicKey, host), false);
  assert.equal(isGenuineHost(siteId, 'no key', host), false);
  // What a host may change of itself is not signed.
  assert.ok(isGenuineHost(siteId, publicKey, { ...host, region: 'ams', endpoints: [] }));
});

test('a statement cannot be taken for one with other borders between its fields', () => {
  const one = { id: 0x1_0000 as Host['id'], name: 'a1', role: 'agent' } as const;
  const key = { publicKey: 'k', generation: 1 };
  const other = hostStatement('s', { ...one, name: 'a' }, { ...key, publicKey: '1k' });
  assert.notDeepEqual(hostStatement('s', one, key), other);
});

test('isSignedBy() judges as the library that signs', () => {
  const { secretKey, publicKey } = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(7));
  const said = Uint8Array.of(1, 2, 3);
  const signature = nacl.sign.detached(said, secretKey);
  for (let bit = 0; bit < 8 * signature.length; bit += 37) {
    const bent = Uint8Array.from(signature);
    bent[bit >> 3]! ^= 1 << (bit & 7);
    const expected = nacl.sign.detached.verify(said, bent, publicKey);
    assert.equal(isSignedBy(toBase64(publicKey), toBase64(bent), said), expected);
  }
  assert.ok(isSignedBy(toBase64(publicKey), toBase64(signature), said));
});

test('a removed host leaves a signed removal', async () => {
  const site = new Site();
  const { id: siteId } = await start(site);
  const { host } = await site.join((await site.registry.findHost('one')).id, 'two');
  await site.registry.removeHost('two');
  const { entries } = await site.store.list(['records/removals/']);
  const removal = JSON.parse(entries[0]?.value ?? '');
  assert.equal(removal.host, host.id);
  assert.ok(isGenuineRemoval(siteId, site.signer.publicKey, removal));
  assert.equal(isGenuineRemoval(siteId, makeSigner(4).publicKey, removal), false);
});

test('enrol() refuses an invite that no server has signed', async () => {
  const site = new Site();
  await start(site);
  const { id: server } = await site.registry.findHost('one');
  const invite = await site.invite(server);
  const own = site.freshKey();
  for (const change of [
    { signature: '' },
    { publicKey: own },
    { role: 'server' },
    { expiresAt: invite.expiresAt + 1 },
    { signature: makeSigner(4).signInvite((await site.registry.findSite())?.id ?? '', invite) },
  ]) {
    const key = inviteKey(server, invite.number);
    const value = JSON.stringify({ ...invite, ...change });
    await site.store.transact({ compares: [], writes: [{ type: 'put', key, value }] });
    const request = { invite, publicKey: own, name: 'two', endpoints: [] };
    const enrolment = site.registry.enrol(request, ENROLMENT_KEY);
    await assert.rejects(enrolment, { code: 'INVITE_EXPIRED' });
  }
});

test('a new site key is vouched for by the last, and signs what that signed alone', async () => {
  const site = new Site();
  const { id: siteId } = await start(site);
  const { registry, store, signer } = site;
  const server = await registry.findHost('one');
  const { host } = await site.join(server.id, 'two');
  await site.join(server.id, 'three');
  await registry.removeHost('three');
  await site.invite(server.id);
  const forged = { ...host, id: host.id + 7, name: 'evil', publicKey: site.freshKey() } as Host;
  const write = { type: 'put', key: hostKey(forged.id), value: encodeRecord(forged) } as const;
  await store.transact({ compares: [], writes: [write] });
  const last = signer.publicKey;
  const next = makeSigner(5);
  const published = await registry.siteKeys.publish(next);
  assert.deepEqual(await registry.siteKeys.publish(next), published);
  signer.setKey(secretOf(5));
  const { signed, refused } = await registry.siteKeys.resign(last);
  assert.deepEqual({ signed, refused }, { signed: 3, refused: [hostKey(forged.id)] });
  assert.deepEqual(await registry.siteKeys.resign(last), { signed: 3, refused });
  const [first, second, ...more] = await registry.siteKeys.list();
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual(more, []);
  assert.ok(isSuccessor(first, second));
  assert.equal(isSuccessor(first, { ...second, endorsement: second.signature }), false);
  assert.equal(isSuccessor(second, first), false);
  for (const { key, value } of (await store.list(['records/hosts/'])).entries) {
    const record = decodeHost({ key, value });
    assert.equal(isGenuineHost(siteId, next.publicKey, record), record.name !== 'evil');
  }
  assert.deepEqual(await registry.listInvites(), []);
  assert.equal((await registry.findSite())?.publicKey, next.publicKey);
  // A server that lacks the new key cannot change it, and signs nothing that nobody believes.
  signer.setKey(secretOf(3));
  for (const signing of [
    site.invite(server.id),
    registry.removeHost('two', { force: true }),
    registry.publishNextKey(host.id, site.freshKey()),
  ]) {
    await assert.rejects(signing, { code: 'NOT_PERMITTED', message: /lacks the site's/ });
  }
  const again = registry.siteKeys.publish(makeSigner(6));
  await assert.rejects(again, { code: 'CHANGED_MEANWHILE' });
});

test('signAll() signs a registry from before there were signatures', async () => {
  const site = new Site();
  const { id: siteId } = await start(site);
  const host = await site.registry.findHost('one');
  const { signature: _, generation: _generation, ...old } = host;
  const value = JSON.stringify(old);
  const writes = [
    { type: 'put', key: hostKey(host.id), value },
    { type: 'delete', key: 'records/site-keys/00000001' },
  ] as const;
  await site.store.transact({ compares: [], writes });
  assert.equal(await site.registry.siteKeys.signAll(), 1);
  assert.ok(isGenuineHost(siteId, site.signer.publicKey, await site.registry.findHost('one')));
  assert.equal((await site.registry.siteKeys.list())[0]?.publicKey, site.signer.publicKey);
  assert.equal(await site.registry.siteKeys.signAll(), 0);
});

test('a signer without a key signs nothing', () => {
  const signer = makeSigner(3);
  assert.equal(fromBase64(signer.publicKey)?.length, 32);
  signer.stop();
  assert.equal(signer.publicKey, '');
  const removal = { host: 0x1_0000 as Host['id'] };
  assert.throws(() => signer.signRemoval('s', removal), { code: 'NOT_PERMITTED' });
});

async function start(site: Site): Promise<{ readonly id: string }> {
  await site.start();
  const found = await site.registry.findSite();
  assert.ok(found);
  return found;
}

function secretOf(seed: number): Uint8Array {
  return generateSiteKeyPair(new SeededRandom(seed)).secretKey;
}

// Invites and the enrolment of hosts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HostId, ID_MIN } from '../../src/addressing/ids.ts';
import { decodeInvite, encodeRecord } from '../../src/registry/codec.ts';
import { deriveEnrolmentKey, type EnrolmentRequest } from '../../src/registry/enrolment.ts';
import { INVITES_PER_SERVER_MAX } from '../../src/registry/invites.ts';
import { hostKey, inviteKey } from '../../src/registry/keys.ts';
import { type Host, INVITE_TTL_DEFAULT_MS, INVITE_TTL_MAX_MS } from '../../src/registry/model.ts';
import { ENROLMENT_KEY, Site } from '../fakes/site.ts';

test('an invite has a number of its own, a lifetime and no secret', async () => {
  const { site, server } = await started();
  const first = await site.invite(server.id);
  const second = await site.invite(server.id);
  assert.notEqual(first.number, second.number);
  assert.ok(first.number >= 1 && first.number <= 0xffff);
  assert.equal(first.expiresAt - first.createdAt, INVITE_TTL_DEFAULT_MS);
  assert.equal(first.use, undefined);
  const invites = await site.registry.listInvites({ server: server.id });
  assert.deepEqual(new Set(invites), new Set([first, second]));
  assert.deepEqual(await site.registry.listInvites({ server: (server.id + 1) as HostId }), []);
});

test('an invite needs a server, a fresh key, a region and a lifetime by the rules', async () => {
  const { site, server } = await started();
  const { registry } = site;
  const agent = (await site.join(server.id, 'two')).host;
  const publicKey = site.freshKey();
  const none = (server.id + 100) as HostId;
  await assert.rejects(registry.createInvite({ server: none, publicKey }), { code: 'NOT_FOUND' });
  const byAgent = { server: agent.id, publicKey };
  await assert.rejects(registry.createInvite(byAgent), { code: 'NOT_A_SERVER' });
  for (const bad of ['', agent.publicKey, server.publicKey]) {
    const invite = { server: server.id, publicKey: bad };
    await assert.rejects(registry.createInvite(invite), { code: 'VALUE_INVALID' });
  }
  const region = { server: server.id, publicKey, region: 'A' };
  await assert.rejects(registry.createInvite(region), { code: 'NAME_INVALID' });
  for (const ttlMs of [0, -1, 999, 1000.5, Number.NaN, INVITE_TTL_MAX_MS + 1]) {
    const invite = { server: server.id, publicKey, ttlMs };
    await assert.rejects(registry.createInvite(invite), { code: 'VALUE_INVALID' });
  }
  await registry.createInvite({ server: server.id, publicKey });
  const twice = registry.createInvite({ server: server.id, publicKey });
  await assert.rejects(twice, { code: 'VALUE_INVALID' });
  const invite = (await registry.listInvites()).find((one) => one.publicKey === publicKey);
  assert.ok(invite);
  await registry.revokeInvite(invite);
  await registry.createInvite({ server: server.id, publicKey });
});

test('invites of a server are bounded, and expired ones make room', async () => {
  const { site, server } = await started();
  for (let i = 0; i < INVITES_PER_SERVER_MAX; i++) await site.invite(server.id);
  await assert.rejects(site.invite(server.id), { code: 'LIMIT_REACHED' });
  site.clock.advance(INVITE_TTL_DEFAULT_MS);
  const { number } = await site.invite(server.id);
  const left = await site.registry.listInvites();
  assert.deepEqual(
    left.map((invite) => invite.number),
    [number],
  );
});

test('removeExpiredInvites() removes those that have expired and no other', async () => {
  const { site, server } = await started();
  const old = await site.invite(server.id);
  site.clock.advance(INVITE_TTL_DEFAULT_MS - 1);
  const young = await site.invite(server.id);
  assert.deepEqual(await site.registry.removeExpiredInvites(server.id), []);
  site.clock.advance(1);
  assert.deepEqual(await site.registry.removeExpiredInvites(server.id), [old]);
  assert.deepEqual(await site.registry.listInvites(), [young]);
});

test('enrol() makes a host of an open invite', async () => {
  const { site, server } = await started();
  const request = await requestFor(site, server, 'two');
  const { host, secret, site: record, servers } = await site.registry.enrol(request, ENROLMENT_KEY);
  assert.equal(host.id, ID_MIN + 1);
  assert.equal(host.role, 'agent');
  assert.equal(host.region, 'local');
  assert.match(secret, /^[0-9a-f]{64}$/);
  assert.deepEqual(record, await site.registry.findSite());
  assert.deepEqual(servers, [server]);
  assert.deepEqual(await site.registry.findHost('two'), host);
  assert.equal(await site.registry.verifyHostSecret(host.id, secret), true);
  assert.equal(await site.registry.verifyHostSecret(host.id, `${secret.slice(1)}0`), false);
  assert.equal(await site.registry.verifyHostSecret(host.id, ''), false);
  assert.equal(await site.registry.verifyHostSecret(server.id, secret), false);
  const everything = JSON.stringify((await site.store.list([''])).entries);
  assert.ok(!everything.includes(secret), 'the registry holds the secret itself');
});

test('enrol() gives region and role by the invite', async () => {
  const { site, server } = await started();
  const invite = { server: server.id, region: 'ams', role: 'server' as const };
  const enrol = async (name: string, region?: string): Promise<Host> => {
    const { number } = await site.registry.createInvite({ ...invite, publicKey: site.freshKey() });
    const request = {
      ...{ invite: { server: server.id, number }, publicKey: site.freshKey(), name, region },
      endpoints: ['host.example:51820'],
    };
    return (await site.registry.enrol(request, ENROLMENT_KEY)).host;
  };
  const second = await enrol('two');
  assert.equal(second.role, 'server');
  assert.equal(second.region, 'ams');
  assert.equal((await enrol('three', 'fra')).region, 'fra');
  assert.equal((await site.invite(second.id)).server, second.id);
});

test('enrol() answers the same host key the same until the expiry, and no other', async () => {
  const { site, server } = await started();
  const request = await requestFor(site, server, 'two');
  const first = await site.registry.enrol(request, ENROLMENT_KEY);
  const { revision } = await site.store.list([]);
  assert.deepEqual(await site.secondServer().enrol(request, ENROLMENT_KEY), first);
  assert.equal((await site.store.list([])).revision, revision);
  const other = { ...request, publicKey: site.freshKey(), name: 'three' };
  await assert.rejects(site.registry.enrol(other, ENROLMENT_KEY), { code: 'INVITE_USED' });
  site.clock.advance(INVITE_TTL_DEFAULT_MS);
  await assert.rejects(site.registry.enrol(request, ENROLMENT_KEY), { code: 'INVITE_EXPIRED' });
});

test('enrol() gives no secret of a host that only the store says used the invite', async () => {
  const { site, server } = await started();
  const { host: two } = await site.join(server.id, 'two');
  const fresh = site.freshKey();
  // Hosts of another key, and a server, whose key everybody knows, and who is given the site's key.
  for (const [host, publicKey] of [
    [server.id, fresh],
    [two.id, fresh],
    [server.id, server.publicKey],
  ] as const) {
    const request = { ...(await requestFor(site, server, 'evil')), publicKey };
    const key = inviteKey(request.invite.server, request.invite.number);
    const stored = (await site.store.list([key])).entries.find((entry) => entry.key === key);
    const invite = decodeInvite(stored ?? assert.fail('there is no invite'));
    const use = { publicKey, host };
    const write = { type: 'put', key, value: encodeRecord({ ...invite, use }) } as const;
    await site.store.transact({ compares: [], writes: [write] });
    await assert.rejects(site.registry.enrol(request, ENROLMENT_KEY), { code: 'INVITE_USED' });
  }
});

test('enrol() names no server that the site has not signed', async () => {
  const { site, server } = await started();
  const forged: Host = { ...server, id: 0x1_0777 as Host['id'], publicKey: site.freshKey() };
  const write = { type: 'put', key: hostKey(forged.id), value: encodeRecord(forged) } as const;
  await site.store.transact({ compares: [], writes: [write] });
  const request = await requestFor(site, server, 'two');
  const { servers } = await site.registry.enrol(request, ENROLMENT_KEY);
  assert.deepEqual(servers, [server]);
});

test('enrol() gives the same secret also after the server changed its key', async () => {
  const { site, server } = await started();
  const request = await requestFor(site, server, 'two');
  const first = await site.registry.enrol(request, ENROLMENT_KEY);
  const key = deriveEnrolmentKey(new Uint8Array(32).fill(1));
  const second = await site.registry.enrol(request, key);
  assert.equal(second.host.id, first.host.id);
  assert.notEqual(second.secret, first.secret);
  assert.equal(await site.registry.verifyHostSecret(first.host.id, second.secret), true);
});

test('enrol() refuses an invite that expired, was revoked or never was', async () => {
  const { site, server } = await started();
  const request = await requestFor(site, server, 'two');
  const stray = { ...request, invite: { server: server.id, number: request.invite.number ^ 1 } };
  await assert.rejects(site.registry.enrol(stray, ENROLMENT_KEY), { code: 'INVITE_EXPIRED' });
  await site.registry.revokeInvite(request.invite);
  await assert.rejects(site.registry.enrol(request, ENROLMENT_KEY), { code: 'INVITE_EXPIRED' });
  await assert.rejects(site.registry.revokeInvite(request.invite), { code: 'NOT_FOUND' });
  const late = await requestFor(site, server, 'two');
  site.clock.advance(INVITE_TTL_DEFAULT_MS);
  await assert.rejects(site.registry.enrol(late, ENROLMENT_KEY), { code: 'INVITE_EXPIRED' });
  assert.equal((await site.registry.listHosts()).length, 1);
});

test('enrol() leaves the invite open when the host is refused', async () => {
  const { site, server } = await started();
  const request = await requestFor(site, server, 'two');
  const refused: readonly (readonly [Partial<EnrolmentRequest>, string])[] = [
    [{ name: 'one' }, 'NAME_TAKEN'],
    [{ name: 'One' }, 'NAME_INVALID'],
    [{ region: 'nearest' }, 'NAME_RESERVED'],
    [{ publicKey: 'x' }, 'VALUE_INVALID'],
    [{ publicKey: server.publicKey }, 'ALREADY_JOINED'],
    [{ endpoints: ['nonsense'] }, 'VALUE_INVALID'],
  ];
  for (const [change, code] of refused) {
    await assert.rejects(site.registry.enrol({ ...request, ...change }, ENROLMENT_KEY), { code });
  }
  const [invite] = await site.registry.listInvites();
  assert.equal(invite?.use, undefined);
  await site.registry.enrol(request, ENROLMENT_KEY);
});

test('finishInvite() removes a used invite and leaves an open one', async () => {
  const { site, server } = await started();
  const request = await requestFor(site, server, 'two');
  await site.registry.finishInvite(request.invite);
  assert.equal((await site.registry.listInvites()).length, 1);
  const { host } = await site.registry.enrol(request, ENROLMENT_KEY);
  const [used] = await site.registry.listInvites();
  assert.deepEqual(used?.use, { publicKey: request.publicKey, host: host.id });
  await site.registry.finishInvite(request.invite);
  await site.registry.finishInvite(request.invite);
  assert.deepEqual(await site.registry.listInvites(), []);
  assert.deepEqual(await site.registry.findHost(host.id), host);
});

async function started(): Promise<{ site: Site; server: Host }> {
  const site = new Site();
  return { site, server: await site.start() };
}

async function requestFor(site: Site, server: Host, name: string): Promise<EnrolmentRequest> {
  const { number } = await site.invite(server.id);
  return { invite: { server: server.id, number }, publicKey: site.freshKey(), name, endpoints: [] };
}

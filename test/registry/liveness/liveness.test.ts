// Leases of hosts by the servers' clock, and the absence of those that nobody hears of.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { HostId } from '../../../src/addressing/ids.ts';
import { hostLeaseKey } from '../../../src/registry/keys.ts';
import { HYSTERESIS_MS } from '../../../src/registry/liveness/absences.ts';
import { HOST_LEASE_MS } from '../../../src/registry/liveness/host-leases.ts';
import { Site } from '../../fakes/site.ts';

const STEP_MS = 1_000;

test('a host that is not heard of is absent a while later', async (context) => {
  const { site, server, host } = await scene(context);
  const { absences, leases } = site.registry;
  await leases.renew(host, server, []);
  const start = site.clock.wallNow();
  assert.equal(leases.lastSeen(host), start);
  let absentAfterMs = 0;
  while ((await absences.list()).length === 0) {
    site.clock.advance(STEP_MS);
    absentAfterMs += STEP_MS;
    await absences.look();
  }
  assert.ok(absentAfterMs >= HOST_LEASE_MS + HYSTERESIS_MS);
  assert.ok(absentAfterMs <= HOST_LEASE_MS + HYSTERESIS_MS + 2 * STEP_MS);
  const [absence] = await absences.list();
  assert.equal(absence?.host, host);
  assert.ok((absence?.since ?? 0) >= start + HOST_LEASE_MS);
  // The server itself was never heard of: it is of a version that says nothing.
  assert.equal((await absences.list()).length, 1);
  assert.deepEqual(await absences.look(), []);
  await leases.renew(host, server, []);
  assert.deepEqual(await absences.list(), []);
});

test('a short break takes nothing away, and a renewal writes nothing', async (context) => {
  const { site, server, host } = await scene(context);
  const { absences, leases } = site.registry;
  await leases.renew(host, server, []);
  const { revision } = await site.store.list([]);
  for (let second = 0; second < 60; second += 3) {
    site.clock.advance(3_000);
    await leases.renew(host, server, []);
    await absences.look();
  }
  assert.equal((await site.store.list([])).revision, revision);
  site.clock.advance(HOST_LEASE_MS + STEP_MS);
  await absences.look();
  site.clock.advance(HYSTERESIS_MS - STEP_MS);
  assert.deepEqual(await absences.look(), []);
  await leases.renew(host, server, []);
  site.clock.advance(STEP_MS);
  assert.deepEqual(await absences.look(), []);
});

test('two servers note an absence once, and either ends it', async (context) => {
  const { site, server, host } = await scene(context);
  const other = site.secondServer();
  await site.registry.leases.renew(host, server, []);
  site.clock.advance(HOST_LEASE_MS + STEP_MS);
  await Promise.all([site.registry.absences.look(), other.absences.look()]);
  site.clock.advance(HYSTERESIS_MS);
  const noted = await Promise.all([site.registry.absences.look(), other.absences.look()]);
  assert.deepEqual(noted.flat(), [host]);
  await other.leases.renew(host, server, []);
  assert.deepEqual(await site.registry.absences.list(), []);
  assert.deepEqual(
    (await site.registry.leases.list()).map((lease) => lease.host),
    [host],
  );
});

test('a host that goes to another server and comes back keeps its lease', async (context) => {
  const { site, server, host } = await scene(context);
  const other = site.secondServer();
  const elsewhere = (await site.join(server, 'three')).host.id;
  await site.registry.leases.renew(host, server, []);
  await other.leases.renew(host, elsewhere, []);
  for (let second = 0; second < 30; second += 3) {
    await site.registry.leases.renew(host, server, []);
    site.clock.advance(3_000);
  }
  const leases = await site.registry.leases.list();
  assert.deepEqual(
    leases.map((lease) => [lease.host, lease.server]),
    [[host, server]],
  );
});

test('a lease whose key somebody has taken away is put again', async (context) => {
  const { site, server, host } = await scene(context);
  await site.registry.leases.renew(host, server, []);
  const key = hostLeaseKey(host);
  await site.store.transact({ compares: [], writes: [{ type: 'delete', key }] });
  await site.registry.leases.renew(host, server, []);
  assert.equal((await site.registry.leases.list()).length, 1);
});

test('heartbeats of one host that come together are written in turn', async (context) => {
  const { site, server, host } = await scene(context);
  const words = ['00010000/2', '00010000/3', '00010000/4'];
  await Promise.all(words.map((word) => site.registry.leases.renew(host, server, [word])));
  const [lease] = await site.registry.leases.list();
  assert.deepEqual(lease?.acknowledged, words.slice(-1));
  site.clock.advance(HOST_LEASE_MS - STEP_MS);
  await site.registry.leases.renew(host, server, words.slice(-1));
  site.clock.advance(HOST_LEASE_MS - STEP_MS);
  assert.equal((await site.registry.leases.list()).length, 1);
});

test('a removed host cannot come back by a heartbeat', async (context) => {
  const { site, server, host } = await scene(context);
  await site.registry.leases.renew(host, server, []);
  await site.registry.removeHost(host);
  await assert.rejects(site.registry.leases.renew(host, server, ['00010000/2']), {
    code: 'NOT_FOUND',
  });
  site.clock.advance(HOST_LEASE_MS + HYSTERESIS_MS + STEP_MS);
  await site.registry.absences.look();
  site.clock.advance(HYSTERESIS_MS + STEP_MS);
  assert.deepEqual(await site.registry.absences.look(), []);
});

test('a host switches its key once all that are heard of are ready', async (context) => {
  const { site, server, host } = await scene(context);
  const { registry } = site;
  const third = (await site.join(server, 'three')).host.id;
  const before = await registry.findHost(host);
  const key = site.freshKey();
  assert.deepEqual(await registry.nextKeyState(host), { ready: false, missing: [] });
  const { next } = await registry.publishNextKey(host, key);
  assert.equal(next?.generation, 2);
  assert.deepEqual((await registry.publishNextKey(host, key)).next, next);
  for (const id of [server, host, third]) await registry.leases.renew(id, server, []);
  assert.deepEqual((await registry.nextKeyState(host)).missing, [server, third]);
  const word = `00010001/${key.slice(0, 8)}`;
  await registry.leases.renew(server, server, [word]);
  assert.deepEqual(await registry.nextKeyState(host), { ready: false, missing: [third] });
  await registry.leases.renew(third, server, [word]);
  assert.deepEqual(await registry.nextKeyState(host), { ready: true, missing: [] });
  // A host that nobody hears of any more is not waited for.
  await registry.leases.renew(third, server, []);
  site.clock.advance(HOST_LEASE_MS - STEP_MS);
  await registry.leases.renew(server, server, [word]);
  site.clock.advance(2 * STEP_MS);
  assert.deepEqual(await registry.nextKeyState(host), { ready: true, missing: [] });
  await assert.rejects(registry.switchKey(host, site.freshKey()), { code: 'NOT_FOUND' });
  const after = await registry.switchKey(host, key);
  assert.deepEqual(await registry.switchKey(host, key), after);
  assert.equal(after.publicKey, key);
  assert.equal(after.generation, before.generation + 1);
  assert.equal(after.next, undefined);
  // The last key is free, the new one is not.
  const taken = registry.publishNextKey(third, key);
  await assert.rejects(taken, { code: 'VALUE_INVALID' });
  await registry.publishNextKey(third, before.publicKey);
});

test('withdrawNextKey() frees the key, whose readiness is none for another', async (context) => {
  const { site, server, host } = await scene(context);
  const { registry } = site;
  const key = site.freshKey();
  await registry.publishNextKey(host, key);
  await registry.leases.renew(server, server, [`00010001/${key.slice(0, 8)}`]);
  assert.equal((await registry.nextKeyState(host)).ready, true);
  for (const _ of ['once', 'again']) {
    assert.equal((await registry.withdrawNextKey(host)).next, undefined);
  }
  await registry.publishNextKey(server, key);
  await registry.publishNextKey(host, site.freshKey());
  assert.deepEqual(await registry.nextKeyState(host), { ready: false, missing: [server] });
});

test('drainHost() is kept and taken back', async (context) => {
  const { site, host } = await scene(context);
  const drained = await site.registry.drainHost('two', true);
  assert.equal(drained.drainedAt, site.clock.wallNow());
  site.clock.advance(STEP_MS);
  assert.deepEqual(await site.registry.drainHost(host, true), drained);
  assert.equal((await site.registry.drainHost('two', false)).drainedAt, undefined);
  assert.equal((await site.registry.findHost('two')).drainedAt, undefined);
});

/** A lease keeps its store awake until that is closed. */
async function scene(context: TestContext): Promise<{ site: Site; server: HostId; host: HostId }> {
  const site = new Site();
  context.after(() => site.store.close());
  const server = (await site.start()).id;
  const host = (await site.join(server, 'two')).host.id;
  return { site, server, host };
}

// A damaged registry is an error that says so, never a wrong value and never a crash.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { P6nError } from '../../src/base/errors.ts';
import { decodeFollowed, decodeInstance, encodeRecord } from '../../src/registry/codec.ts';
import { CLOSURE, followedScope } from '../../src/registry/keys.ts';
import type { Instance } from '../../src/registry/model.ts';
import { machineId, Site } from '../fakes/site.ts';

const CORRUPT = { code: 'REGISTRY_CORRUPT' };

test('every record of the store that is damaged makes what needs it fail as corrupt', async () => {
  const { site, host, keys } = await fullSite();
  const { registry } = site;
  const reads: readonly (() => Promise<unknown>)[] = [
    () => registry.findSite(),
    () => registry.listOrganizations(),
    () => registry.listNetworks(),
    () => registry.findNetwork({ name: 'blue' }),
    () => registry.listApps(),
    () => registry.lookupApp('web'),
    () => registry.listHosts(),
    () => registry.findHost('one'),
    () => registry.listInvites(),
    () => registry.listInstances(),
    () => registry.findInstance(machineId(1, host)),
    () => registry.verifyHostSecret(host, ''),
    () => registry.createApp({ name: 'next', network: 'blue' }),
    () => site.join(host, 'next'),
  ];
  for (const key of keys) {
    const whole = await site.store.get(key);
    assert.ok(whole);
    for (const value of ['', '{}', 'null', '[]', '"x"', '{"kind":"x"}', 'zzz']) {
      await site.store.transact({ compares: [], writes: [{ type: 'put', key, value }] });
      for (const read of reads) {
        await read().catch((error: unknown) => {
          assert.ok(error instanceof P6nError, `${key} = ${value}: ${String(error)}`);
          assert.notEqual(error.code, 'INTERNAL');
        });
      }
    }
    await site.store.transact({ compares: [], writes: [{ type: 'put', key, value: whole.value }] });
  }
});

test('a record is checked field by field', async () => {
  const { site, host } = await fullSite();
  const [instance] = await site.registry.listInstances({ host });
  assert.ok(instance);
  const key = 'records/instances/x';
  assert.deepEqual(decodeInstance({ key, value: encodeRecord(instance) }), instance);
  const newer = JSON.stringify({ ...instance, unknown: 1 });
  assert.deepEqual(decodeInstance({ key, value: newer }), instance);
  for (const field of Object.keys(instance) as (keyof Instance)[]) {
    for (const value of [undefined, null, [], {}, -1, 1.5, 'NO']) {
      if (field === 'metadata' && typeof value === 'object' && !Array.isArray(value) && value) {
        continue;
      }
      const text = JSON.stringify({ ...instance, [field]: value });
      const isText = typeof instance[field] === 'string' && value === 'NO';
      if (isText && !['kind', 'machineId', 'address', 'state'].includes(field)) continue;
      const isTime = field.endsWith('At') && typeof value === 'number';
      if (isTime) continue;
      assert.throws(() => decodeInstance({ key, value: text }), CORRUPT, `${field} = ${value}`);
    }
  }
});

test('decoding any text of any key throws REGISTRY_CORRUPT or gives a record', () => {
  const prefixes = [
    'records/hosts/',
    'records/site-keys/',
    'records/removals/',
    'records/networks/',
    'records/apps/',
    'records/instances/',
    '',
  ];
  const seed = 20260101;
  fc.assert(
    fc.property(fc.constantFrom(...prefixes), fc.oneof(fc.string(), fc.json()), (key, value) => {
      try {
        decodeFollowed({ key, value });
      } catch (error) {
        assert.ok(error instanceof P6nError && error.code === 'REGISTRY_CORRUPT');
      }
    }),
    { seed, numRuns: 500 },
  );
});

test('followers see no key outside of the records', async () => {
  const { site, keys } = await fullSite();
  const networks = (await site.registry.listNetworks()).map(({ id }) => id);
  const seen = keys.filter((key) => followedScope(key) !== undefined);
  assert.equal(seen.length, 7);
  assert.equal(followedScope(CLOSURE), 'hosts');
  for (const key of seen) {
    assert.match(key, /^records\/(?:site-keys|hosts|networks|apps|instances)\//);
    const scope = followedScope(key);
    assert.equal(scope === 'hosts', /^records\/(?:site-keys|hosts)\//.test(key));
    assert.ok(scope === 'hosts' || networks.includes(scope as (typeof networks)[number]));
  }
});

async function fullSite(): Promise<{ site: Site; host: Instance['host']; keys: string[] }> {
  const site = new Site();
  const server = await site.start();
  await site.join(server.id, 'two');
  const { app } = await site.registry.createApp({ name: 'web', network: 'blue' });
  await site.registry.putInstance(server.id, site.instance(app, server.id, 1));
  const { entries } = await site.store.list(['']);
  return { site, host: server.id, keys: entries.map(({ key }) => key) };
}

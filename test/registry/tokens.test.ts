// Tokens in the registry: made with the site's key, listed without themselves, revoked for every
// follower, and gone when they have ended.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase64 } from '../../src/base/bytes.ts';
import { P6nError } from '../../src/base/errors.ts';
import type { FollowEvent } from '../../src/registry/model.ts';
import { hasSigned } from '../../src/registry/site-signature.ts';
import { type NewToken, TOKENS_MAX } from '../../src/registry/tokens.ts';
import { verifyToken } from '../../src/tokens/verify.ts';
import { makeSigner, Site } from '../fakes/site.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

test('a token is signed by the site, and nothing of it is kept', async () => {
  const site = new Site();
  await site.start();
  const scope = { verbs: ['read'], organizations: ['default'], apps: ['web'] } as const;
  const { record, token } = await site.registry.tokens.create({ label: 'ci', ...scope });
  const siteKey = fromBase64(site.signer.publicKey) ?? new Uint8Array();
  const { id, expiresAt } = record;
  assert.deepEqual(verifyToken(token, siteKey, hasSigned), {
    id,
    restrictions: [{ id, expiresAt, ...scope }],
  });
  assert.equal(expiresAt, site.clock.wallNow() + 30 * DAY_MS);
  assert.deepEqual(await site.registry.tokens.list(), [record]);
  const { entries } = await site.store.list(['']);
  const body = token.slice(5);
  assert.ok(entries.every(({ value }) => !value.includes(body.slice(-40))));
});

test('a token for apps alone is for the organizations that have them now', async () => {
  const site = new Site();
  await site.start();
  await site.registry.createOrganization('acme');
  await site.registry.createApp({ name: 'web' });
  await site.registry.createApp({ name: 'mail', organization: 'acme' });
  const made = async (request: NewToken): Promise<unknown> =>
    (await site.registry.tokens.create(request)).record.organizations;
  assert.deepEqual(await made({ apps: ['web'] }), ['default']);
  assert.deepEqual(await made({ apps: ['web', 'mail'] }), ['default', 'acme']);
  assert.deepEqual(await made({ apps: ['new'], organizations: ['acme'] }), ['acme']);
  assert.equal(await made({}), undefined);
  await rejects(site.registry.tokens.create({ apps: ['new'] }), 'NOT_FOUND');
});

test('a server without the current key of the site makes no token', async () => {
  const site = new Site();
  await site.start();
  site.signer.setKey(undefined);
  await rejects(site.registry.tokens.create({}), 'NOT_PERMITTED');
  const other = new Site({ store: site.store });
  const secret = makeSigner(9).secretKey ?? '';
  other.signer.setKey(fromBase64(secret));
  await rejects(other.registry.tokens.create({}), 'NOT_PERMITTED');
});

test('a revoked token is told to every follower of hosts, until no clock takes it', async () => {
  const site = new Site();
  await site.start();
  const { record } = await site.registry.tokens.create({ ttlMs: DAY_MS });
  const revoked = await site.registry.tokens.revoke(record.id);
  assert.equal(revoked.expiresAt, record.expiresAt);
  // Again is the same.
  assert.deepEqual(await site.registry.tokens.revoke(record.id), revoked);
  assert.deepEqual(await followed(site), [revoked]);
  // A host whose clock is slow needs it for longer.
  site.clock.advance(2 * DAY_MS - 1);
  await site.registry.tokens.create({});
  assert.deepEqual(await followed(site), [revoked]);
  site.clock.advance(1);
  await site.registry.tokens.create({});
  assert.deepEqual(await followed(site), []);
  assert.deepEqual(await site.registry.tokens.revocations(), []);
  assert.equal((await site.registry.tokens.list()).length, 2);
});

test('a token that this registry does not know is revoked all the same', async () => {
  const site = new Site();
  await site.start();
  await site.registry.tokens.revoke('0123456789abcdef');
  const [revocation] = await site.registry.tokens.revocations();
  assert.ok(revocation !== undefined && revocation.expiresAt > site.clock.wallNow() + 365 * DAY_MS);
  for (const id of ['', 'x', '0123456789ABCDEF', '../hosts/00010000', '0123456789abcdef0']) {
    await rejects(site.registry.tokens.revoke(id), 'VALUE_INVALID');
  }
});

test('tokens last within limits, and there are so many at the most', async () => {
  const site = new Site();
  await site.start();
  for (const ttlMs of [0, 999, 1.5, 3_661 * DAY_MS, Number.NaN]) {
    await rejects(site.registry.tokens.create({ ttlMs }), 'VALUE_INVALID');
  }
  await site.store.transact({
    compares: [],
    writes: [{ type: 'put', key: 'use/tokens', value: String(TOKENS_MAX) }],
  });
  await rejects(site.registry.tokens.create({}), 'LIMIT_REACHED');
});

test('who makes and who revokes a token stands in the audit', async () => {
  const site = new Site();
  await site.start();
  const abort = new AbortController();
  const changes = site.registry.changes(undefined, abort.signal)[Symbol.asyncIterator]();
  await changes.next();
  const { record } = await site.registry.as({ kind: 'operator' }).tokens.create({});
  const made = (await changes.next()).value;
  assert.deepEqual(made?.accounts[0]?.by, { kind: 'operator' });
  assert.deepEqual(made?.objects, [
    { verb: 'created', kind: 'token', id: record.id, record: undefined },
  ]);
  await site.registry.as({ kind: 'token', id: record.id }).tokens.revoke(record.id);
  const revoked = (await changes.next()).value;
  assert.deepEqual(revoked?.accounts[0]?.by, { kind: 'token', token: record.id });
  assert.equal(revoked?.objects[0]?.kind, 'token-revocation');
  abort.abort();
});

/** The revocations that a follower of no network hears of. */
async function followed(site: Site): Promise<unknown[]> {
  const abort = new AbortController();
  const records: unknown[] = [];
  for await (const event of site.registry.follow(new Set(), undefined, abort.signal)) {
    if (isRevocation(event)) records.push(event.record);
    if (event.type === 'synced') break;
  }
  abort.abort();
  return records;
}

function isRevocation(event: FollowEvent): event is Extract<FollowEvent, { type: 'put' }> {
  return event.type === 'put' && event.record.kind === 'token-revocation';
}

async function rejects(promise: Promise<unknown>, code: P6nError['code']): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof P6nError && error.code === code);
}

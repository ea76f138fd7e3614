// The life of invites on the server that serves them: made, used, finished, revoked, expired; and
// each change is told to the data plane's side.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase64, toBase64 } from '../../src/base/bytes.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { InviteDesk } from '../../src/daemon/invite-desk.ts';
import { parseToken } from '../../src/daemon/invite-token.ts';
import type { Host } from '../../src/registry/model.ts';
import type { Registry } from '../../src/registry/registry.ts';
import type { PrivateKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { ENROLMENT_KEY, Site } from '../fakes/site.ts';

const OPERATOR = { kind: 'operator' } as const;

test('create() makes invites for servers only where servers share a registry', async () => {
  const { desk: alone } = await scene(false);
  await assert.rejects(alone.create(OPERATOR, { role: 'server' }), { code: 'VALUE_INVALID' });
  const { desk: shared } = await scene(true);
  assert.equal((await shared.create(OPERATOR, { role: 'server' })).invite.role, 'server');
  assert.equal((await shared.create(OPERATOR, {})).invite.role, 'agent');
});

test('create() puts the private half into the token and the public half on record', async () => {
  const { desk } = await scene();
  const { invite, token } = await desk.create(OPERATOR, { region: 'fra' });
  const { privateKey, number } = parseToken(token);
  const publicKey = NOBLE_CRYPTO.publicKey(fromBase64(privateKey) as PrivateKey);
  assert.equal(invite.publicKey, toBase64(publicKey));
  assert.equal(number, invite.number);
  assert.ok(!JSON.stringify(desk.invites()).includes(privateKey));
});

test('an invite is served until its host has completed a handshake by its own key', async () => {
  const { desk, changes, use } = await scene();
  const { invite } = await desk.create(OPERATOR, {});
  const publicKey = await use(invite.number, 'two');
  await desk.handshakeCompleted('a key of somebody else');
  assert.equal(desk.invites().length, 1);
  await desk.handshakeCompleted(publicKey);
  assert.deepEqual(desk.invites(), []);
  assert.equal(changes(), 3);
});

test('an invite that cannot be finished is finished by a later refresh', async () => {
  const { desk, use, registry } = await scene();
  const { invite } = await desk.create(OPERATOR, {});
  const publicKey = await use(invite.number, 'two');
  const finish = registry.finishInvite;
  registry.finishInvite = () => Promise.reject(new P6nError('REGISTRY_UNAVAILABLE', 'Cannot now'));
  await assert.rejects(desk.handshakeCompleted(publicKey));
  assert.equal(desk.invites().length, 1);
  registry.finishInvite = finish;
  await desk.refresh();
  assert.deepEqual(desk.invites(), []);
});

test('revoke() and the end of its time take an invite away', async () => {
  const { desk, site } = await scene();
  const first = await desk.create(OPERATOR, {});
  await desk.create(OPERATOR, { ttlMs: 1_000 });
  await desk.revoke(OPERATOR, first.invite.number);
  assert.equal(desk.invites().length, 1);
  site.clock.advance(1_000);
  await desk.refresh();
  assert.deepEqual(desk.invites(), []);
});

test('an invite is served once it is made, however late an earlier look is answered', async () => {
  const { desk, registry } = await scene();
  const list = registry.listInvites.bind(registry);
  const answers: (() => void)[] = [];
  // The first one asks before there is an invite, and hears so when there is one.
  registry.listInvites = async (filter) => {
    const invites = await list(filter);
    if (answers.length === 0) await new Promise<void>((resolve) => answers.push(resolve));
    return invites;
  };
  const early = desk.refresh();
  while (answers.length === 0) await new Promise(setImmediate);
  const created = desk.create(OPERATOR, {});
  for (let turns = 0; turns < 100; turns += 1) await new Promise(setImmediate);
  answers[0]?.();
  const { invite } = await created;
  await early;
  assert.deepEqual(
    desk.invites().map(({ number }) => number),
    [invite.number],
  );
});

interface Scene {
  readonly site: Site;
  readonly registry: Registry;
  readonly desk: InviteDesk;
  /** How often the desk has told of a change. */
  readonly changes: () => number;
  /** Enrols a host with the invite; resolves with its public key. */
  readonly use: (number: number, name: string) => Promise<string>;
}

async function scene(isShared = false): Promise<Scene> {
  const site = new Site();
  const server: Host = await site.start();
  const { registry, random, signer } = site;
  const desk = new InviteDesk(
    { registry, signer, crypto: NOBLE_CRYPTO, random, logger: SILENT_LOGGER },
    {
      server: server.id,
      serverKey: () => server.publicKey,
      endpoints: server.endpoints,
      isShared,
    },
  );
  let count = 0;
  desk.onChange(() => {
    count += 1;
    return Promise.resolve();
  });
  const use = async (number: number, name: string): Promise<string> => {
    const publicKey = site.freshKey();
    const invite = { server: server.id, number };
    await registry.enrol({ invite, publicKey, name, endpoints: [] }, ENROLMENT_KEY);
    await desk.refresh();
    return publicKey;
  };
  return { site, registry, desk, changes: () => count, use };
}

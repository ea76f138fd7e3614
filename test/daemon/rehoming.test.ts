// A host that slept while its servers moved: who may lead it where, and what it keeps.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Identity } from '../../src/daemon/identity.ts';
import { rehome } from '../../src/daemon/rehoming.ts';
import { formatRehoming, type RehomingToken } from '../../src/daemon/rehoming-token.ts';
import { generateSiteKeyPair } from '../../src/registry/site.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { makeSigner, Site } from '../fakes/site.ts';

test('rehome() leads a host to other servers, once by a token, and keeps who it is', async (t) => {
  const { files, copy, identity, token } = await scene(t);
  const moved = await rehome(identity, formatRehoming(token), files);
  assert.deepEqual(moved.servers, token.servers);
  const { servers: _, rehomed, ...kept } = moved;
  const { servers: __, ...before } = identity;
  assert.deepEqual(kept, before);
  assert.notEqual(rehomed, undefined);
  assert.equal(existsSync(copy), false, 'the copy names servers that are gone');
  // p6nd is started with the same flags again.
  writeFileSync(copy, 'new');
  assert.equal(await rehome(moved, formatRehoming(token), files), moved);
  assert.ok(existsSync(copy));
});

test('rehome() follows the chain of keys of the site, and no other', async (t) => {
  const { site, files, identity, token } = await scene(t);
  const last = site.signer.publicKey;
  await site.registry.siteKeys.publish(makeSigner(5));
  site.signer.setKey(generateSiteKeyPair(new SeededRandom(5)).secretKey);
  const siteKeys = await site.registry.siteKeys.list();
  await rehome(identity, formatRehoming({ ...token, siteKeys }), files);
  const [first, second] = siteKeys;
  const forged = { ...second!, publicKey: makeSigner(6).publicKey };
  for (const [wrong, of] of [
    [{ ...token, siteKeys: [second!] }, identity],
    [{ ...token, siteKeys: [first!, forged] }, identity],
    [{ ...token, siteKeys: [] }, identity],
    [token, { ...identity, siteKey: makeSigner(7).publicKey }],
    [{ ...token, host: (token.host + 1) as HostId }, identity],
    [token, { ...identity, role: 'server' }],
  ] as const) {
    await assert.rejects(rehome(of, formatRehoming(wrong), files), { code: 'TOKEN_INVALID' });
  }
  assert.equal(first?.publicKey, last);
  await assert.rejects(rehome(identity, 'p6n1h_AAAA', files), { code: 'TOKEN_INVALID' });
});

interface Scene {
  readonly site: Site;
  readonly files: Parameters<typeof rehome>[2];
  readonly copy: string;
  readonly identity: Identity;
  readonly token: RehomingToken;
}

async function scene(context: TestContext): Promise<Scene> {
  const site = new Site();
  const server = await site.start();
  const { host } = await site.join(server.id, 'two');
  const stateDir = mkdtempSync(join(tmpdir(), 'p6n-rehoming-'));
  context.after(() => rmSync(stateDir, { recursive: true }));
  const copy = join(stateDir, 'copy.json');
  writeFileSync(copy, 'old');
  const peer = { hostId: server.id, region: 'local', publicKey: server.publicKey };
  const identity: Identity = {
    ...{ role: 'agent', hostId: host.id, name: 'two', region: 'local', privateKey: '' },
    ...{ secret: 'secret', siteKey: site.signer.publicKey, siteSecretKey: undefined },
    servers: [{ ...peer, endpoints: ['192.0.2.1:51820'] }],
    invite: 'used',
  };
  const servers = [{ ...peer, endpoints: ['192.0.2.9:51820'] }];
  const token = { host: host.id, servers, siteKeys: await site.registry.siteKeys.list() };
  const files = { files: { write: () => Promise.resolve() }, stateDir, logger: SILENT_LOGGER };
  return { site, files, copy, identity, token };
}

// The servers in a host's identity follow the copy.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { type Identity, IdentityFiles } from '../../src/daemon/identity.ts';
import { IdentityKeeper } from '../../src/daemon/identity-keeper.ts';
import { ServerKeeper } from '../../src/daemon/server-keeper.ts';
import type { Host } from '../../src/registry/model.ts';

const key = Buffer.alloc(32, 7).toString('base64');

test('ServerKeeper writes servers that have moved, never none', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-keeper-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const files = new IdentityFiles(folder);
  const before = identity();
  await files.write(before);
  const identityKeeper = new IdentityKeeper(files, before);
  const keeper = new ServerKeeper({ keeper: identityKeeper, logger: SILENT_LOGGER });
  keeper.look([]);
  keeper.look([host(0x10001, 'agent', 'b:1')]);
  await keeper.stop();
  assert.deepEqual((await files.read())?.servers, before.servers);
  keeper.look([host(0x10000, 'server', 'moved:1'), host(0x10001, 'agent', 'b:1')]);
  await keeper.stop();
  assert.deepEqual((await files.read())?.servers, [
    { ...before.servers[0], endpoints: ['moved:1'] },
  ]);
});

test('ServerKeeper tries again what the disk did not take', async () => {
  const before = identity();
  let isFull = true;
  const write = (): Promise<void> =>
    isFull ? Promise.reject(new Error('no space left')) : Promise.resolve();
  const identityKeeper = new IdentityKeeper({ write }, before);
  const keeper = new ServerKeeper({ keeper: identityKeeper, logger: SILENT_LOGGER });
  const moved = [host(0x10000, 'server', 'moved:1')];
  keeper.look(moved);
  await keeper.stop();
  assert.equal(identityKeeper.current, before);
  isFull = false;
  keeper.look(moved);
  await keeper.stop();
  assert.deepEqual(identityKeeper.current.servers[0]?.endpoints, ['moved:1']);
});

function host(id: number, role: Host['role'], endpoint: string): Host {
  return {
    kind: 'host',
    id: id as HostId,
    name: `host-${id}`,
    region: 'local',
    publicKey: key,
    generation: 1,
    signature: '',
    endpoints: [endpoint],
    role,
    createdAt: 0 as WallMillis,
  };
}

function identity(): Identity {
  return {
    role: 'agent',
    hostId: 0x10001 as HostId,
    name: 'two',
    region: 'local',
    privateKey: key,
    secret: 'secret',
    siteKey: key,
    siteSecretKey: undefined,
    servers: [{ hostId: 0x10000 as HostId, region: 'local', publicKey: key, endpoints: ['a:1'] }],
    invite: undefined,
  };
}

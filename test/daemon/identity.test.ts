// The identity files: private, whole or refused, and drafts that go when the identity is written.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import { P6nError } from '../../src/base/errors.ts';
import { type Identity, IdentityFiles } from '../../src/daemon/identity.ts';

const key = Buffer.alloc(32, 9).toString('base64');
const identity: Identity = {
  role: 'agent',
  hostId: 0x10001 as HostId,
  name: 'two',
  region: 'local',
  privateKey: key,
  secret: 'secret',
  siteKey: key,
  siteSecretKey: undefined,
  servers: [{ hostId: 0x10000 as HostId, region: 'local', publicKey: key, endpoints: ['a:1'] }],
  invite: key,
};

test('IdentityFiles reads what it wrote, from a file for root alone', async (context) => {
  const { folder, files } = fresh(context);
  assert.equal(await files.read(), undefined);
  await files.write(identity);
  assert.deepEqual({ ...identity, ...(await files.read()) }, identity);
  assert.equal(statSync(join(folder, 'identity.json')).mode & 0o777, 0o600);
});

test('IdentityFiles removes the drafts once the identity is there', async (context) => {
  const { folder, files } = fresh(context);
  const siteSecretKey = Buffer.alloc(64, 1).toString('base64');
  await files.writeFounding({ privateKey: key, siteSecretKey });
  assert.deepEqual(await files.readFounding(), { privateKey: key, siteSecretKey });
  await files.write(identity);
  assert.equal(existsSync(join(folder, 'founding.json')), false);
  assert.equal(await files.readFounding(), undefined);
});

for (const text of ['', '{', 'null', '[]', '{"version":2}', '{"version":1,"role":"agent"}']) {
  test(`IdentityFiles refuses ${JSON.stringify(text)} as STATE_CORRUPT`, async (context) => {
    const { folder, files } = fresh(context);
    writeFileSync(join(folder, 'identity.json'), text);
    await assert.rejects(
      files.read(),
      (error) => error instanceof P6nError && error.code === 'STATE_CORRUPT',
    );
  });
}

function fresh(context: TestContext): { folder: string; files: IdentityFiles } {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-identity-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return { folder, files: new IdentityFiles(folder) };
}

// Where a host's identity comes from at a start: what is on disk goes before what the flags say,
// and a token never shows in an error.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { type DaemonConfig, readConfig } from '../../src/daemon/config.ts';
import { obtainIdentity } from '../../src/daemon/host-identity.ts';
import { type Identity, IdentityFiles } from '../../src/daemon/identity.ts';
import { formatToken, type InviteToken, tokenId } from '../../src/daemon/invite-token.ts';
import { linuxMachine } from '../../src/daemon/machine.ts';
import { SiteSigner } from '../../src/registry/site-signer.ts';

const token: InviteToken = {
  privateKey: Buffer.alloc(32, 1).toString('base64'),
  number: 7,
  server: 0x10000 as HostId,
  serverKey: Buffer.alloc(32, 2).toString('base64'),
  endpoints: ['192.0.2.1:51820'],
  siteKey: Buffer.alloc(32, 3).toString('base64'),
  expiresAt: 1_000 as WallMillis,
};
const other = formatToken({ ...token, number: 8, privateKey: token.serverKey });
const identity: Identity = {
  role: 'agent',
  hostId: 0x10001 as HostId,
  name: 'two',
  region: 'local',
  privateKey: token.serverKey,
  secret: 'secret',
  siteKey: token.siteKey,
  siteSecretKey: undefined,
  servers: [],
  invite: tokenId(token),
};

test('obtainIdentity() of a host that has joined needs no token any more', async (context) => {
  const { folder, files } = fresh(context);
  await files.write(identity);
  const used = join(folder, 'used');
  writeFileSync(used, `\n${formatToken(token)}\nand a remark\n`);
  const blank = join(folder, 'blank');
  writeFileSync(blank, '\n');
  for (const words of [[], ['--join', used], ['--join', blank], ['--join', `${folder}/gone`]]) {
    assert.equal((await obtain(folder, words)).hostId, identity.hostId, words.join(' '));
  }
});

test('obtainIdentity() of a host that has joined refuses another token', async (context) => {
  const { folder, files } = fresh(context);
  await files.write(identity);
  const file = join(folder, 'other');
  writeFileSync(file, other);
  await assert.rejects(obtain(folder, ['--join', file]), hasCode('ALREADY_JOINED'));
});

test('obtainIdentity() removes drafts that a crash left beside the identity', async (context) => {
  const { folder, files } = fresh(context);
  await files.write(identity);
  await files.writeJoining(token.privateKey, other);
  await files.writeFounding({
    privateKey: token.privateKey,
    siteSecretKey: Buffer.alloc(64).toString('base64'),
  });
  await obtain(folder, []);
  for (const draft of ['joining.json', 'founding.json']) {
    assert.equal(existsSync(join(folder, draft)), false, draft);
  }
});

test('obtainIdentity() refuses bad tokens and writes nothing', async (context) => {
  const { folder } = fresh(context);
  const cases: readonly (readonly [text: string, code: string])[] = [
    ['', 'TOKEN_INVALID'],
    ['p6n1_rubbish', 'TOKEN_INVALID'],
    [' '.repeat(20_000), 'TOKEN_INVALID'],
  ];
  for (const [text, code] of cases) {
    const file = join(folder, 'token');
    writeFileSync(file, text);
    await assert.rejects(obtain(folder, ['--join', file]), hasCode(code));
  }
  await assert.rejects(obtain(folder, ['--join', '/nonexistent']), hasCode('TOKEN_INVALID'));
  assert.equal(existsSync(join(folder, 'joining.json')), false);
});

test('obtainIdentity() does not repeat a token given as a file', async (context) => {
  const { folder } = fresh(context);
  await assert.rejects(obtain(folder, ['--join', other]), (error) => {
    assert.ok(error instanceof P6nError);
    assert.equal(error.code, 'TOKEN_INVALID');
    const said = `${error.stack} ${error.hint} ${String(error.cause)}`;
    assert.ok(!said.includes(other.slice(5, 25)), 'the token is in the error');
    return true;
  });
});

test('obtainIdentity() gives up when it is told to', async (context) => {
  const { folder } = fresh(context);
  const ended = AbortSignal.abort();
  await assert.rejects(obtain(folder, ['--join', '/dev/null'], ended), { name: 'AbortError' });
});

async function obtain(
  folder: string,
  words: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<Identity> {
  const config = (await readConfig(['--state-dir', folder, ...words], {})) as DaemonConfig;
  const dependencies = { machine: linuxMachine(), logger: SILENT_LOGGER, signal };
  return obtainIdentity(config, [], { ...dependencies, signer: new SiteSigner() });
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof P6nError && error.code === code;
}

function fresh(context: TestContext): { folder: string; files: IdentityFiles } {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-host-identity-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return { folder, files: new IdentityFiles(folder) };
}

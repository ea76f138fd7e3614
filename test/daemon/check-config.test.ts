// `p6nd check-config` opens every file that a configuration names, and shows no secret.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '../../src/daemon/check-config.ts';
import { readConfig } from '../../src/daemon/config.ts';

const HERE = import.meta.filename;
const ETCD = ['--registry', 'etcd://127.0.0.1:2379'];
const TLS = ['--api-tls', '127.0.0.1:4281'];

async function check(words: readonly string[]): Promise<string> {
  const config = await readConfig(words, {});
  assert.ok(config !== undefined);
  return await checkConfig(config);
}

for (const words of [
  ['--join', '/nonexistent'],
  [...ETCD, '--registry-ca', '/nonexistent'],
  [...ETCD, '--registry-user', 'p6n', '--registry-password-file', '/nonexistent'],
  [...TLS, '--api-cert', HERE, '--api-key', '/nonexistent'],
  [...TLS, '--api-cert', '/nonexistent', '--api-key', HERE],
]) {
  test(`checkConfig() refuses ${words.join(' ').replaceAll(HERE, 'FILE')}`, async () => {
    await assert.rejects(check(words), {
      code: 'CONFIG_INVALID',
      message: /\/nonexistent: ENOENT/,
    });
  });
}

test('checkConfig() refuses a certificate and a key that are none', async () => {
  await assert.rejects(check([...TLS, '--api-cert', HERE, '--api-key', HERE]), {
    code: 'CONFIG_INVALID',
    message: /they do not fit|ERR_OSSL|PEM/,
  });
});

test('checkConfig() says what is in force, and reads no standard input', async () => {
  const config = JSON.parse(await check(['--join', '-', '--mtu', '1300'])) as { mtu: number };
  assert.equal(config.mtu, 1300);
});

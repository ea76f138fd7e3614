// The configuration of p6nd: precedence, and a clear refusal of each bad value.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { P6nError } from '../../src/base/errors.ts';
import { type DaemonConfig, readConfig } from '../../src/daemon/config.ts';

test('readConfig() has defaults for everything', async () => {
  const config = await read([], {});
  assert.equal(config.stateDir, '/var/lib/p6n');
  assert.equal(config.socket, '/run/p6n/p6nd.sock');
  assert.equal(config.listenPort, 51820);
  assert.equal(config.region, undefined);
  assert.equal(config.mtu, 1420);
  assert.deepEqual(config.endpoints, []);
});

test('readConfig() serves Docker only where it is told to', async () => {
  assert.equal((await read([], {})).docker, undefined);
  assert.equal((await read(['--docker', 'off'], {})).docker, undefined);
  assert.equal((await read([], { P6N_DOCKER: 'on' })).docker, '/run/docker/plugins/p6n.sock');
  assert.equal((await read(['--docker', '/x/y.sock'], {})).docker, '/x/y.sock');
});

test('readConfig() puts flags before environment before file', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-config-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'p6nd.json');
  writeFileSync(
    file,
    JSON.stringify({ region: 'file', name: 'file', mtu: 1400, endpoint: ['a:1'] }),
  );
  const environment = { P6N_CONFIG: file, P6N_NAME: 'environment', P6N_REGION: 'environment' };
  const config = await read(['--region', 'flag'], environment);
  assert.equal(config.region, 'flag');
  assert.equal(config.name, 'environment');
  assert.equal(config.mtu, 1400);
  assert.deepEqual(config.endpoints, ['a:1']);
});

test('readConfig() reads a list from repeated flags and from the environment', async () => {
  const flags = await read(['--endpoint', 'a.example:1', '--endpoint', '[2001:db8::1]:2'], {});
  assert.deepEqual(flags.endpoints, ['a.example:1', '[2001:db8::1]:2']);
  const environment = await read([], { P6N_ENDPOINT: '192.0.2.1:3,b:4' });
  assert.deepEqual(environment.endpoints, ['192.0.2.1:3', 'b:4']);
});

const refused: readonly (readonly [words: string[], code: string])[] = [
  [['--listen-port', '0'], 'VALUE_INVALID'],
  [['--listen-port', '65536'], 'VALUE_INVALID'],
  [['--listen-port', 'x'], 'VALUE_INVALID'],
  [['--mtu', '1279'], 'VALUE_INVALID'],
  [['--docker', 'p6n.sock'], 'VALUE_INVALID'],
  [['--docker', '/run/docker/plugins'], 'VALUE_INVALID'],
  [['--endpoint', 'no-port'], 'VALUE_INVALID'],
  [['--endpoint', '[::x]:1'], 'VALUE_INVALID'],
  [['--endpoint', '2001:db8::1:51820'], 'VALUE_INVALID'],
  [['--upstream', 'dns.example'], 'VALUE_INVALID'],
  [['--upstream', 'fdaa::3'], 'VALUE_INVALID'],
  [['--log-level', 'loud'], 'VALUE_INVALID'],
  [['--offloads', 'tso'], 'VALUE_INVALID'],
  [['--registry', 'mysql'], 'VALUE_INVALID'],
  [['--metrics', '0.0.0.0:9176'], 'VALUE_INVALID'],
  [['--api', '0.0.0.0:4280'], 'VALUE_INVALID'],
  [['--api-tls', '[::]:4280'], 'USAGE'],
  [['--api-cert', '/c', '--api-key', '/k'], 'USAGE'],
  [['--api-tls', '[::]:4280', '--api-cert', '/c', '--api-key', '/k'], 'VALUE_INVALID'],
  [['--api-tls', '[0::0]:4280', '--api-cert', '/c', '--api-key', '/k'], 'VALUE_INVALID'],
  [['--api-tls', '4280', '--api-cert', '/c', '--api-key', '/k'], 'VALUE_INVALID'],
  [['--metrics', '192.0.2.1:9176'], 'VALUE_INVALID'],
  [['--metrics', '9176'], 'VALUE_INVALID'],
  [['--name', 'Upper'], 'NAME_INVALID'],
  [['--region', 'all'], 'NAME_RESERVED'],
  [['--unknown'], 'USAGE'],
  [['word'], 'USAGE'],
  [['--no-join'], 'USAGE'],
  [['--name.x', 'a'], 'USAGE'],
  [['--stateDir', 'a'], 'USAGE'],
  [['--join'], 'USAGE'],
  [['--name', 'a', '--name', 'b'], 'USAGE'],
  [['--config', '/nonexistent'], 'CONFIG_INVALID'],
];
for (const [words, code] of refused) {
  test(`readConfig() refuses ${words.join(' ')} with ${code}`, async () => {
    await assert.rejects(readConfig(words, {}), (error) => {
      assert.ok(error instanceof P6nError);
      assert.equal(error.code, code);
      assert.equal(error.exitCode, 2);
      return true;
    });
  });
}

async function read(words: string[], environment: NodeJS.ProcessEnv): Promise<DaemonConfig> {
  const config = await readConfig(words, environment);
  assert.ok(config);
  return config;
}

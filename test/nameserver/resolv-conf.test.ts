// The host's name servers, as resolv.conf(5) gives them.

import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { parseResolvConf } from '../../src/nameserver/resolv-conf.ts';
import { followResolvConf } from '../../src/nameserver/resolv-conf-follower.ts';

const CASES: readonly (readonly [what: string, text: string, addresses: readonly string[]])[] = [
  ['nothing', '', []],
  [
    'servers in order',
    'nameserver 192.0.2.1\nnameserver 2001:db8::1\n',
    ['192.0.2.1', '2001:db8::1'],
  ],
  ['a zone', 'nameserver fe80::1%eth0', ['fe80::1%eth0']],
  ['tabs and what follows', 'nameserver\t192.0.2.1 # the router\r', ['192.0.2.1']],
  ['repetitions', 'nameserver 192.0.2.1\nnameserver 192.0.2.1', ['192.0.2.1']],
  ['comments', '#nameserver 192.0.2.1\n;nameserver 192.0.2.2\n nameserver 192.0.2.3', []],
  ['other lines', 'search a.example\noptions ndots:5\nnameservers 192.0.2.1', []],
  ['names', 'nameserver ns.example\nnameserver 300.1.1.1', []],
  ['ourselves', 'nameserver fdaa::3\nnameserver fdaa:1:1111::3\nnameserver FDAA:0::3', []],
];

for (const [what, text, addresses] of CASES) {
  test(`parseResolvConf() reads ${what}`, () => {
    const found = parseResolvConf(text);
    assert.deepEqual(
      found,
      addresses.map((address) => ({ address, port: 53 })),
    );
  });
}

test('parseResolvConf() takes 8 servers', () => {
  const lines = Array.from({ length: 20 }, (_, index) => `nameserver 192.0.2.${index}`);
  assert.equal(parseResolvConf(lines.join('\n')).length, 8);
});

test('followResolvConf() tells of a file that was replaced, and that went away', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-resolv-'));
  const path = join(folder, 'resolv.conf');
  await writeFile(path, 'nameserver 192.0.2.1\n');
  const seen: string[] = [];
  let told = (): void => undefined;
  const change = (): Promise<void> =>
    new Promise((resolve) => {
      told = resolve;
    });
  const follower = await followResolvConf(
    SILENT_LOGGER,
    (upstreams) => {
      seen.push(upstreams.map((one) => one.address).join(' '));
      told();
    },
    { path, intervalMs: 5 },
  );
  const replaced = change();
  await writeFile(`${path}.new`, 'nameserver 192.0.2.2\n');
  await rename(`${path}.new`, path);
  await replaced;
  const removed = change();
  await rm(path);
  await removed;
  await follower.stop();
  await rm(folder, { recursive: true });
  assert.deepEqual(seen, ['192.0.2.1', '192.0.2.2', '']);
});

// The whole name server on its real addresses and port, in a network namespace of its own, where
// the source address of a question is what decides.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCENE = fileURLToPath(new URL('./nameserver-scene.js', import.meta.url));

test('Nameserver answers each source for its own network', { skip: reasonToSkip() }, async () => {
  const { stdout } = await promisify(execFile)('unshare', ['--net', process.execPath, SCENE]);
  assert.match(stdout, /all is well/);
});

function reasonToSkip(): string | false {
  if (process.getuid?.() !== 0) return 'network namespaces take root';
  for (const [program, flag] of [
    ['dig', '-v'],
    ['ip', '-V'],
    ['unshare', '--version'],
  ] as const) {
    if (spawnSync(program, [flag]).error !== undefined) return `${program} is not installed`;
  }
  return false;
}

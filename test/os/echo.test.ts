// Round trips by real echoes, in a network namespace where some hosts answer.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCENE = fileURLToPath(new URL('./echo-scene.js', import.meta.url));
const SKIP = process.getuid?.() === 0 ? false : 'network namespaces take root';

test('LinuxEcho measures who answers and keeps no thread for who does not', {
  skip: SKIP,
}, async () => {
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
  const words = ['--net', process.execPath, SCENE];
  const { stdout } = await promisify(execFile)('unshare', words, { env });
  assert.match(stdout, /all is well/);
});

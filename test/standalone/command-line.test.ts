// The command line of p6nwg, which is wireguard-go's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from '../../src/standalone/command-line.ts';

test('parseCommandLine() reads wireguard-go words', () => {
  const run = (name: string, isForeground: boolean) => ({ kind: 'run', name, isForeground });
  assert.deepEqual(parseCommandLine(['wg0']), run('wg0', false));
  assert.deepEqual(parseCommandLine(['-f', 'wg0']), run('wg0', true));
  assert.deepEqual(parseCommandLine(['--foreground', 'wg0']), run('wg0', true));
  assert.deepEqual(parseCommandLine(['--version']), { kind: 'version' });
});

test('parseCommandLine() refuses everything else', () => {
  for (const words of [
    [],
    ['-f'],
    ['wg0', '-f'],
    ['-x', 'wg0'],
    ['-x'],
    ['a', 'b', 'c'],
    ['-f', '-f'],
  ]) {
    assert.deepEqual(parseCommandLine(words), { kind: 'usage' }, words.join(' '));
  }
});

// A terminal for a program: real ones of the kernel.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { test } from 'node:test';
import { openPseudoTerminal, resizeTerminal } from '../../src/os/linux/pseudo-terminal.ts';

test('openPseudoTerminal() gives a terminal of the size that it is given', (t) => {
  const { ofProgram, ofWatcher } = openPseudoTerminal();
  t.after(() => [ofProgram, ofWatcher].forEach(closeSync));
  resizeTerminal(ofWatcher, { rows: 33, columns: 99 });
  const { stdout } = spawnSync('stty', ['size'], { stdio: [ofProgram, 'pipe', 'inherit'] });
  assert.equal(stdout.toString(), '33 99\n');
});

test('openPseudoTerminal() leaves its ends to nobody who is not given them', (t) => {
  const { ofProgram, ofWatcher } = openPseudoTerminal();
  t.after(() => [ofProgram, ofWatcher].forEach(closeSync));
  const { stdout } = spawnSync('ls', ['-l', '/proc/self/fd']);
  assert.doesNotMatch(stdout.toString(), /ptmx|pts/);
});

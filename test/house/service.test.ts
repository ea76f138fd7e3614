// The unit file is one that systemd takes, and says what p6nd needs.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, readText } from './tree.ts';

const unit = readText('scripts/package/p6nd.service');
const ANALYZE = spawnSync('systemd-analyze', ['--version']).status === 0;
const skip = !ANALYZE && 'no systemd-analyze here';

test('systemd-analyze verify finds nothing wrong with the unit', { skip }, (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-unit-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'p6nd.service');
  writeFileSync(path, unit.replaceAll('/usr/bin/p6nd', join(ROOT, 'bin/p6nd')));
  const words = ['verify', '--man=no', '--recursive-errors=one', path];
  const { status, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(status, 0);
});

test('the unit leaves instances alone, and waits until p6nd says that it is ready', () => {
  for (const line of ['Type=notify', 'KillMode=process', 'ExecStart=/usr/bin/p6nd']) {
    assert.match(unit, new RegExp(`^${line}$`, 'm'));
  }
  assert.match(unit, /^WatchdogSec=\d+s$/m);
});

test('the unit lets no instance end p6nd, has room for many, and never gives up', () => {
  for (const line of ['OOMPolicy=continue', 'TasksMax=infinity', 'StartLimitIntervalSec=0']) {
    assert.match(unit, new RegExp(`^${line}$`, 'm'));
  }
});

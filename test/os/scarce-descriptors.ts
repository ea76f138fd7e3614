// This process with few descriptors left, or none, for as long as something runs.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** Of this process while there are few left: its own and some more. */
const DESCRIPTORS_MAX = 128;

export function withDescriptorsLeft(count: number, action: () => void): void {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Sn'], { encoding: 'utf8' });
  const taken: number[] = [];
  setLimit(`${DESCRIPTORS_MAX}`);
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    for (let i = 0; i < count; i++) closeSync(taken.pop() ?? assert.fail());
  }
  try {
    action();
  } finally {
    for (const descriptor of taken) closeSync(descriptor);
    setLimit(stdout.trim());
  }
}

function setLimit(descriptors: string): void {
  const words = ['--pid', `${process.pid}`, `--nofile=${descriptors}:`];
  assert.equal(spawnSync('prlimit', words).status, 0);
}

// The policies of this process's threads: read from /proc, where the kernel tells them.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SCHED_BATCH } from '../../src/os/linux/layouts.ts';
import { calmHelperThreads } from '../../src/os/linux/thread-priority.ts';

const SCHED_OTHER = 0;
/** Behind the name, which ends with the last bracket and may hold anything (proc(5)). */
const POLICY_FIELD = 38;

function policyOf(thread: string): number {
  const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[POLICY_FIELD]);
}

test('calmHelperThreads lets every thread but the first wait for its turn', () => {
  const first = String(process.pid);
  const helpers = readdirSync('/proc/self/task').filter((thread) => thread !== first);
  assert.ok(helpers.length > 0);
  calmHelperThreads();
  assert.deepEqual([...new Set(helpers.map(policyOf))], [SCHED_BATCH]);
  assert.equal(policyOf(first), SCHED_OTHER);
});

// The priority of a thread among all of the machine.

import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { nativeMemory } from './ffi.ts';
import { SCHED_BATCH, SCHED_PARAM_BYTES } from './layouts.ts';
import { setScheduler } from './syscalls.ts';

/**
 * Above programs of the usual priority by a little: a packet need not wait for the end of what they
 * or the compiler of this process are at. Much more would cost throughput: the thread would take
 * packets from their senders one by one.
 */
const NICENESS = -5;

/** For the calling thread; without the right to it (CAP_SYS_NICE) it stays as it is. */
export function raiseThreadPriority(): void {
  // V8 would collect new objects with helpers, which have the usual priority, and wait for them
  // while others have their cores. This is for all threads of the process.
  setFlagsFromString('--no-parallel-scavenge');
  try {
    // On Linux a priority belongs to a thread, and 0 is the calling one.
    setPriority(0, NICENESS);
  } catch {
    return;
  }
}

/**
 * For the threads that the process has beside its first, at its start: those with which V8 compiles
 * and collects, and which read files. The kernel lets a thread that wakes run before the one that
 * had the core, for some milliseconds and although other cores are idle, and the thread of the
 * packets itself wakes V8's, in the middle of a packet. By SCHED_BATCH (sched(7)) they get as much
 * time, but wait for it.
 */
export function calmHelperThreads(): void {
  const first = String(process.pid);
  for (const thread of readdirSync('/proc/self/task')) {
    // One that ended meanwhile needs nothing, and where it is refused all works without.
    if (thread !== first)
      setScheduler(Number(thread), SCHED_BATCH, nativeMemory(SCHED_PARAM_BYTES));
  }
}

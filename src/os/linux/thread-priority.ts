// The priority of a thread among all of the machine.

import { setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';

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

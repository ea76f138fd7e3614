// Ends whatever an instance's command has left running. A mount namespace is what all of them
// share and nobody else does: a network namespace may have visitors.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that forks while it is looked for is found in a later round. */
const ROUNDS_MAX = 20;
const PID_PATTERN = /^[1-9][0-9]*$/;

/** Kills every process of this process's own mount namespace but this one. */
export function killCompanions(): void {
  const own = mountNamespace('self');
  if (own !== undefined) killAll((pid) => pid !== process.pid && mountNamespace(pid) === own);
}

/**
 * Kills what is left of an instance whose supervisor is gone: every process in a mount namespace
 * in which one carries the instance's machine id in its environment. The daemon's own namespace is
 * never touched.
 */
export function killAbandoned(machineId: string): void {
  const own = mountNamespace('self');
  const mark = `P6N_MACHINE_ID=${machineId}`;
  const marked = new Set(
    processes()
      .filter((pid) => environmentOf(pid).includes(mark))
      .map(mountNamespace),
  );
  marked.delete(own);
  marked.delete(undefined);
  if (marked.size > 0) killAll((pid) => marked.has(mountNamespace(pid)));
}

function killAll(chosen: (pid: number) => boolean): void {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const pids = processes().filter((pid) => chosen(pid) && !isZombie(pid));
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => PID_PATTERN.test(name))
    .map(Number);
}

function mountNamespace(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined;
  }
}

function environmentOf(pid: number): string[] {
  return readProc(pid, 'environ').split('\0');
}

/** The state stands behind the name, which is in parentheses and may hold anything. */
function isZombie(pid: number): boolean {
  const text = readProc(pid, 'stat');
  return /^ [ZX]/.test(text.slice(text.lastIndexOf(')') + 1));
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

// Ends whatever an instance's command has left running. A mount namespace is what all of them
// share and nobody else does: a network namespace may have visitors.

import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MOUNT_NAMESPACE_FILE } from './protocol.ts';

/** A process that forks while it is looked for is found in a later round. */
const ROUNDS_MAX = 20;
const PID_PATTERN = /^[1-9][0-9]*$/;

/** Kills every process of this process's own mount namespace but this one. */
export function killCompanions(): void {
  const own = mountNamespace('self');
  if (own !== undefined) killAll((pid) => pid !== process.pid && mountNamespace(pid) === own);
}

/** Leaves in `directory` which mount namespace this process and all that it starts live in. */
export function recordMountNamespace(directory: string): void {
  const own = mountNamespace('self') ?? '';
  writeFileSync(join(directory, MOUNT_NAMESPACE_FILE), own, { mode: 0o600 });
}

/**
 * Kills what is left of an instance whose supervisor is gone: every process in the mount namespace
 * that the supervisor has recorded in `directory`. A number is given out again, so one of them must
 * carry the instance's machine id in its environment or be a supervisor of `directory`; any user
 * can write that, so alone it says nothing. The namespaces of the daemon and of the machine are
 * never touched.
 */
export function killAbandoned(machineId: string, directory: string): void {
  const namespace = recordedNamespace(directory);
  if (namespace === '') return;
  if (namespace === mountNamespace('self') || namespace === mountNamespace(1)) return;
  const inNamespace = (pid: number): boolean => mountNamespace(pid) === namespace;
  const mark = `P6N_MACHINE_ID=${machineId}`;
  const isOurs = (pid: number): boolean =>
    wordsOf(pid, 'environ').includes(mark) || wordsOf(pid, 'cmdline').includes(directory);
  if (!processes().some((pid) => inNamespace(pid) && isOurs(pid))) return;
  killAll(inNamespace);
}

function recordedNamespace(directory: string): string {
  try {
    return readFileSync(join(directory, MOUNT_NAMESPACE_FILE), 'utf8');
  } catch {
    return '';
  }
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

function wordsOf(pid: number, file: 'environ' | 'cmdline'): string[] {
  return readProc(pid, file).split('\0');
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

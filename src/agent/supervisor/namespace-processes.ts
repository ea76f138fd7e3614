// Ends whatever an instance's command has left running. A mount namespace is what nearly all of
// them share and nobody else does. Who has made himself another one is told by the network
// namespace together with the machine id in his environment: a network namespace may have visitors,
// and anybody can claim a machine id.

import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NAMESPACES_FILE } from './protocol.ts';

/** A process that forks while it is looked for is found in a later round. */
const ROUNDS_MAX = 20;
const PID_PATTERN = /^[1-9][0-9]*$/;

/** As the kernel names them: `mnt:[4026531841]`; empty for none. */
interface NamespaceNames {
  readonly mount: string;
  readonly network: string;
}

/** Kills every process of the instance `machineId` but this one, its supervisor. */
export function killCompanions(machineId: string | undefined): void {
  const own = namespacesOf('self');
  if (own.mount === '') return;
  const isStray = strayOf(machineId, own);
  killAll((pid) => pid !== process.pid && (mountNamespace(pid) === own.mount || isStray(pid)));
}

/** Leaves in `directory` which namespaces this process and all that it starts live in. */
export function recordNamespaces(directory: string): void {
  const { mount, network } = namespacesOf('self');
  writeFileSync(join(directory, NAMESPACES_FILE), `${mount} ${network}`, { mode: 0o600 });
}

/**
 * Kills what is left of an instance whose supervisor is gone, by the namespaces that the supervisor
 * has recorded in `directory`. A number is given out again, so one of those in the mount namespace
 * must carry the instance's machine id in its environment or be a supervisor of `directory`; any
 * user can write that, so alone it says nothing. The namespaces of the daemon and of the machine
 * are never touched.
 */
export function killAbandoned(machineId: string, directory: string): void {
  const recorded = recordedNamespaces(directory);
  const others = [namespacesOf('self'), namespacesOf(1)];
  if (others.every(({ network }) => network !== recorded.network)) {
    killAll(strayOf(machineId, recorded));
  }
  if (recorded.mount === '' || others.some(({ mount }) => mount === recorded.mount)) return;
  const inNamespace = (pid: number): boolean => mountNamespace(pid) === recorded.mount;
  const isOurs = (pid: number): boolean =>
    claims(pid, machineId) || wordsOf(pid, 'cmdline').includes(directory);
  if (processes().some((pid) => inNamespace(pid) && isOurs(pid))) killAll(inNamespace);
}

/** Tells processes of the instance that may have left its mount namespace. */
function strayOf(
  machineId: string | undefined,
  { network }: NamespaceNames,
): (pid: number) => boolean {
  if (machineId === undefined || network === '') return () => false;
  return (pid) => networkNamespace(pid) === network && claims(pid, machineId);
}

function claims(pid: number, machineId: string): boolean {
  return wordsOf(pid, 'environ').includes(`P6N_MACHINE_ID=${machineId}`);
}

/** Supervisors of earlier versions have recorded the mount namespace alone. */
function recordedNamespaces(directory: string): NamespaceNames {
  try {
    const text = readFileSync(join(directory, NAMESPACES_FILE), 'utf8');
    const [mount = '', network = ''] = text.split(' ');
    return { mount, network };
  } catch {
    return { mount: '', network: '' };
  }
}

/** Each is killed as soon as it is recognized: its number may be somebody else's later. */
function killAll(chosen: (pid: number) => boolean): void {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    let isAnyLeft = false;
    for (const pid of processes()) {
      if (isZombie(pid) || !chosen(pid)) continue;
      kill(pid);
      isAnyLeft = true;
    }
    if (!isAnyLeft) return;
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

/** Empty where a process or namespace is not to be had. */
function namespacesOf(pid: number | 'self'): NamespaceNames {
  return { mount: mountNamespace(pid) ?? '', network: networkNamespace(pid) ?? '' };
}

function mountNamespace(pid: number | 'self'): string | undefined {
  return namespaceOf(pid, 'mnt');
}

function networkNamespace(pid: number | 'self'): string | undefined {
  return namespaceOf(pid, 'net');
}

function namespaceOf(pid: number | 'self', kind: 'mnt' | 'net'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
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

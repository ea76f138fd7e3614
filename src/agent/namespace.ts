// Network namespaces of others: what a path or a process stands for, whether that may become an
// instance, and whether it still is what it was.

import { closeSync, openSync, readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs';
import { P6nError } from '../base/errors.ts';
import type { Attachment } from './journal-record.ts';
import type { NamespaceReference } from './ports.ts';

/** statfs's f_type of the file system of namespaces, linux/magic.h. */
const NSFS_MAGIC = 0x6e736673;
const NETWORK_NAMESPACE_PATTERN = /^net:\[\d+\]$/;
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** Fields of /proc/PID/stat behind the name: state is the first, starttime the 20th. */
const START_TICKS_FIELD = 19;

/**
 * The namespace that `reference` names. Throws NAMESPACE_INVALID when it is none, or the daemon's
 * own.
 */
export function identifyNamespace(reference: NamespaceReference): Attachment {
  const pid = 'pid' in reference ? reference.pid : undefined;
  const path = 'pid' in reference ? `/proc/${reference.pid}/ns/net` : reference.path;
  const startTicks = pid === undefined ? undefined : processStartTicks(pid);
  const { device, inode } = requireNetworkNamespace(path);
  const own = statSync('/proc/self/ns/net');
  if (own.dev === device && own.ino === inode) {
    throw invalid(path, 'it is the namespace of p6nd itself', {
      hint: 'An instance needs a network namespace of its own; `ip netns add` makes one.',
    });
  }
  return { path, device, inode, bootId: bootId(), pid, startTicks };
}

/** A namespace that is to be, for an interface that its owner moves there. */
export function awaitedNamespace(path: string): Attachment {
  const nowhere = { device: 0, inode: 0, pid: undefined, startTicks: undefined };
  return { ...nowhere, path, bootId: bootId() };
}

/** Whether the interface is still where p6nd made it, for its owner to move it. */
export function isAwaited({ handover, inode }: Attachment): boolean {
  return handover !== undefined && inode === 0;
}

/** What was awaited as it is now that its namespace is there, or undefined while it is not. */
export function arrived(attachment: Attachment): Attachment | undefined {
  try {
    return { ...attachment, ...requireNetworkNamespace(attachment.path) };
  } catch {
    return undefined;
  }
}

/** Whether the namespace that was attached is still there; one that is awaited is not gone. */
export function isPresent(attachment: Attachment): boolean {
  const { path, device, inode, pid, startTicks } = attachment;
  if (attachment.bootId !== bootId()) return false;
  if (isAwaited(attachment)) return true;
  if (pid !== undefined && processStartTicks(pid) !== startTicks) return false;
  try {
    const stat = statSync(path);
    return stat.dev === device && stat.ino === inode;
  } catch {
    return false;
  }
}

/** Whether two attachments are one namespace. */
export function isSameNamespace(
  a: Pick<Attachment, 'device' | 'inode'>,
  b: Pick<Attachment, 'device' | 'inode'>,
): boolean {
  return a.device === b.device && a.inode === b.inode;
}

/** The identity of a namespace by its file, or undefined when there is none. */
export function namespaceIdentity(path: string): Pick<Attachment, 'device' | 'inode'> | undefined {
  try {
    const { dev, ino } = statSync(path);
    return { device: dev, inode: ino };
  } catch {
    return undefined;
  }
}

function requireNetworkNamespace(path: string): Pick<Attachment, 'device' | 'inode'> {
  let fd: number;
  try {
    // A namespace's file opens at once; a FIFO at that path would wait for a writer.
    if (statfsSync(path).type !== NSFS_MAGIC) throw new Error('it is not a namespace');
    fd = openSync(path, 'r');
  } catch (cause) {
    const facts = cause instanceof Error ? cause.message : String(cause);
    throw invalid(path, facts, { cause });
  }
  try {
    if (!NETWORK_NAMESPACE_PATTERN.test(namespaceName(fd))) {
      throw invalid(path, 'it is a namespace of another kind');
    }
    const { dev, ino } = statSync(`/proc/self/fd/${fd}`);
    return { device: dev, inode: ino };
  } finally {
    closeSync(fd);
  }
}

/**
 * What the kernel calls an open namespace, `net:[4026531840]`. Where it is mounted on a file, as
 * `ip netns` does, the link shows that file, and the name is the root of the mount.
 */
function namespaceName(fd: number): string {
  const link = readlinkSync(`/proc/self/fd/${fd}`);
  if (NETWORK_NAMESPACE_PATTERN.test(link)) return link;
  const mountId = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  // Mount id, parent, device, root: proc_pid_mountinfo(5).
  return mounts.find((line) => line.startsWith(`${mountId} `))?.split(' ')[3] ?? link;
}

/** A random text for as long as the kernel runs. */
function bootId(): string {
  return readFileSync(BOOT_ID, 'utf8').trim();
}

/** When a process started, in clock ticks since boot, or undefined when there is none. */
function processStartTicks(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[START_TICKS_FIELD];
  } catch {
    return undefined;
  }
}

function invalid(
  path: string,
  facts: string,
  options: { readonly hint?: string; readonly cause?: unknown } = {},
): P6nError {
  return new P6nError('NAMESPACE_INVALID', `Cannot attach ${path}: ${facts}`, options);
}

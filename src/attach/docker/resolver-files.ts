// The resolv.conf of Docker's containers. Docker lists its own resolver 127.0.0.11 first, which
// forwards to servers that a container of p6n cannot reach and knows nothing of `.internal`; glibc
// asks it first and musl takes its answer. So `fdaa::3`, which answers for all names, takes its
// place: after Docker has written the file, and before it lets the container's program run. Docker
// leaves a file alone that others have changed.
//
// The file is found from the container's first process, whose mounts name it, and is written under
// its path on this host: a path through the container's root would lead where its image wants.

import { constants, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../base/logger.ts';

/** statfs's f_type of the file system of namespaces, linux/magic.h. */
const NSFS_MAGIC = 0x6e736673;
/**
 * Between two looks, while a container mostly begins; later, so that one that never does is cheap.
 */
const POLL_MS = 10;
const SOON_MS = 5_000;
const LATER_POLL_MS = 250;
/** Far more than Docker takes from Join to the start of the program. */
const WAIT_MAX_MS = 60_000;
const DOCKERS_SERVER = /^nameserver\s+127\.0\.0\.11$/m;
const OUR_SERVER = 'nameserver fdaa::3';
const FILE_BYTES_MAX = 65_536;
const FILE_PATTERN = /\/containers\/[0-9a-f]{64}\/resolv\.conf$/;

/** A line of mountinfo, proc_pid_mountinfo(5). */
interface Mount {
  /** The device of the file system, `8:1`. */
  readonly device: string;
  /** What of the file system is mounted. */
  readonly root: string;
  readonly point: string;
}

export class ResolverFiles {
  readonly #logger: Logger;
  readonly #ending = new AbortController();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Sees to it that the container in the namespace at `sandbox`, which is to be, asks p6n. */
  follow(sandbox: string): void {
    this.#follow(sandbox).catch((error: unknown) => {
      if (this.#ending.signal.aborted) return;
      this.#logger.warn('container of Docker keeps its resolver', { error: String(error) });
    });
  }

  stop(): void {
    this.#ending.abort();
  }

  async #follow(sandbox: string): Promise<void> {
    const startedMs = performance.now();
    let path: string | undefined;
    for (let waitedMs = 0; waitedMs < WAIT_MAX_MS; waitedMs = performance.now() - startedMs) {
      path ??= findFile(sandbox);
      if (path !== undefined && (await pointToUs(path))) return;
      const pauseMs = waitedMs < SOON_MS ? POLL_MS : LATER_POLL_MS;
      await delay(pauseMs, undefined, { signal: this.#ending.signal });
    }
    throw new Error(`there was no resolv.conf for ${sandbox} within ${WAIT_MAX_MS / 1_000} s`);
  }
}

/**
 * The file that Docker has mounted for who lives in the namespace, or undefined while nobody does.
 */
function findFile(sandbox: string): string | undefined {
  const inode = namespaceInode(sandbox);
  if (inode === undefined) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (namespaceInode(`/proc/${pid}/ns/net`) !== inode) continue;
    const file = mountsOf(pid).find(({ root }) => FILE_PATTERN.test(root));
    if (file !== undefined) return pathHere(file);
  }
  return undefined;
}

function namespaceInode(path: string): number | undefined {
  try {
    // The file is there before the namespace is mounted on it.
    return statfsSync(path).type === NSFS_MAGIC ? statSync(path).ino : undefined;
  } catch {
    return undefined;
  }
}

function mountsOf(pid: string): readonly Mount[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const [, , device, root, point] = line.split(' ');
    if (device === undefined || root === undefined || point === undefined) return [];
    return [{ device, root, point }];
  });
}

/** The path of a mounted file of another namespace in our own. */
function pathHere({ device, root }: Mount): string | undefined {
  for (const mount of mountsOf('self')) {
    const prefix = mount.root === '/' ? '' : mount.root;
    if (mount.device !== device || !root.startsWith(`${prefix}/`)) continue;
    const path = (mount.point === '/' ? '' : mount.point) + root.slice(prefix.length);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path;
  }
  return undefined;
}

/** Whether the file names p6n's server alone, after this. */
async function pointToUs(path: string): Promise<boolean> {
  // In place, as the container has this very file mounted.
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const buffer = Buffer.alloc(FILE_BYTES_MAX);
    const { bytesRead } = await file.read(buffer, 0, FILE_BYTES_MAX, 0);
    const text = buffer.toString('utf8', 0, bytesRead);
    if (!DOCKERS_SERVER.test(text)) return text.startsWith(`${OUR_SERVER}\n`);
    const others = text.split('\n').filter((line) => line !== '' && !/^nameserver\b/.test(line));
    const next = Buffer.from(`${[OUR_SERVER, ...others].join('\n')}\n`);
    await file.truncate(0);
    await file.write(next, 0, next.length, 0);
    return true;
  } finally {
    await file.close();
  }
}

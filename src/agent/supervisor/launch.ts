// Starts the supervisor of an instance: through util-linux's unshare into network and mount
// namespaces of its own, detached, with a small heap.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { P6nError } from '../../base/errors.ts';
import {
  EXIT_FILE,
  HOSTS_FILE,
  LOG_FILE,
  READY_FD,
  READY_TEXT,
  RESOLV_CONF_FILE,
  SOCKET_FILE,
} from './protocol.ts';

/** Starting a process and two mounts, on a machine under load. */
const READY_TIMEOUT_MS = 15_000;
/** sockaddr_un holds 108 bytes with the closing zero. */
const SOCKET_PATH_BYTES_MAX = 107;
const LOG_TAIL_CHARACTERS = 300;
/** What a supervisor does fits a heap of a few mebibytes; it only passes bytes on. */
const NODE_OPTIONS = ['--max-semi-space-size=1', '--max-old-space-size=64', '--v8-pool-size=1'];

export interface LaunchSpec {
  /** The directory of the instance: socket, files, output. Made where it is absent. */
  readonly directory: string;
  readonly resolvConf: string;
  readonly hosts: string;
}

/**
 * Resolves with the process when the supervisor listens on its socket; rejects with what kept it
 * from that.
 */
export async function launchSupervisor(spec: LaunchSpec): Promise<Pick<ChildProcess, 'kill'>> {
  requireSocketPath(spec.directory);
  const log = prepareDirectory(spec);
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child = spawn(
    'unshare',
    ['--net', '--mount', '--propagation', 'private', '--', process.execPath].concat(
      NODE_OPTIONS,
      main,
      spec.directory,
    ),
    {
      cwd: '/',
      detached: true,
      // The only things that it needs from the daemon's environment; the rest may hold secrets.
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: ['ignore', log, log, 'pipe'],
    },
  );
  closeSync(log);
  child.unref();
  const ready = child.stdio[READY_FD] as Readable;
  try {
    await Promise.race([becomesReady(ready), failsToSpawn(child)]);
    return child;
  } catch (error) {
    // Without a socket nobody could reach it again.
    if (child.pid !== undefined) child.kill('SIGKILL');
    throw new P6nError(
      'SYSTEM',
      `Cannot start the supervisor of an instance: ${describe(error, spec.directory)}`,
      { cause: error, hint: 'p6nd needs root, util-linux and network namespaces for it.' },
    );
  } finally {
    ready.destroy();
  }
}

function requireSocketPath(directory: string): void {
  const path = join(directory, SOCKET_FILE);
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return;
  throw new P6nError(
    'CONFIG_INVALID',
    `Cannot use ${path} as a socket: it is longer than ${SOCKET_PATH_BYTES_MAX} bytes`,
    { hint: 'Choose a shorter state directory.' },
  );
}

/** Writes what the supervisor mounts and removes what an earlier one left; the log's descriptor. */
function prepareDirectory(spec: LaunchSpec): number {
  mkdirSync(spec.directory, { recursive: true, mode: 0o700 });
  for (const file of [SOCKET_FILE, EXIT_FILE]) rmSync(join(spec.directory, file), { force: true });
  // Every user inside the instance reads these two through the mounts.
  writeFileSync(join(spec.directory, RESOLV_CONF_FILE), spec.resolvConf, { mode: 0o644 });
  writeFileSync(join(spec.directory, HOSTS_FILE), spec.hosts, { mode: 0o644 });
  return openSync(join(spec.directory, LOG_FILE), 'w', 0o600);
}

async function becomesReady(ready: Readable): Promise<void> {
  const signal = AbortSignal.timeout(READY_TIMEOUT_MS);
  const [data] = (await Promise.race([
    once(ready, 'data', { signal }),
    once(ready, 'close', { signal }),
  ])) as [Buffer | undefined];
  if (!Buffer.isBuffer(data) || data.toString() !== READY_TEXT) throw new Error('it ended');
}

async function failsToSpawn(child: ReturnType<typeof spawn>): Promise<never> {
  const [error] = (await once(child, 'error')) as [Error];
  throw error;
}

function describe(error: unknown, directory: string): string {
  const said = readFileSync(join(directory, LOG_FILE), 'utf8').trim().slice(-LOG_TAIL_CHARACTERS);
  const facts = error instanceof Error ? error.message : String(error);
  return said === '' ? facts : said;
}

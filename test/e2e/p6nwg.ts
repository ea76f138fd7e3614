// p6nwg and wireguard-go as programs of one command line: started in namespaces, configured with
// wg(8).

import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { toBase64 } from '../../src/base/bytes.ts';
import { SOCKET_FOLDER } from '../../src/uapi/server.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { keyPair } from '../../src/wireguard/identity.ts';
import type { Scope, TestNamespace } from './namespaces.ts';

export const P6NWG: string = fileURLToPath(new URL('../../../bin/p6nwg', import.meta.url));
const POLL_MS = 20;

/** Every wireguard-go of this machine: the packaged one, and a newer one beside it. */
export const WIREGUARD_GOES: readonly string[] = [
  '/usr/bin/wireguard-go',
  join(cacheFolder(), 'p6n-bench/root/usr/bin/wireguard-go'),
].filter((path) => existsSync(path));

export interface Program {
  readonly interfaceName: string;
  /** Base64. */
  readonly publicKey: string;
  readonly pid: number;
  /** The socket of wg(8). */
  readonly socket: string;
  /** Runs `wg set INTERFACE` with these words. */
  set(words: string): void;
  /** What `wg show INTERFACE WHAT` prints. */
  show(what: string): string;
  /** The exit code; undefined while it runs. */
  readonly exitCode: () => number | undefined;
}

export interface ProgramOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly listenPort?: number;
}

/** A name for an interface that nobody else has: sockets of all namespaces are in one folder. */
export function interfaceName(): string {
  const name = `wg${randomBytes(4).toString('hex')}`;
  // One for each name, until the programs that write these files have ended.
  process.setMaxListeners(process.getMaxListeners() + 1);
  process.once('exit', () => rmSync(`/var/lib/p6nwg/${name}.clock`, { force: true }));
  return name;
}

/** Starts `program -f` inside `namespace` with a key; it ends with the test. */
export async function startProgram(
  t: Scope,
  namespace: TestNamespace,
  program: string,
  options: ProgramOptions = {},
): Promise<Program> {
  const name = interfaceName();
  const child = spawn('ip', ['netns', 'exec', namespace.name, program, '-f', name], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, LOG_LEVEL: 'error', ...options.environment },
  });
  t.after(() => child.kill());
  const socket = socketOf(name);
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    return existsSync(socket);
  });
  const keys = keyPair(NOBLE_CRYPTO, new Uint8Array(randomBytes(32)));
  const folder = mkdtempSync(join(tmpdir(), 'p6n-wg-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, toBase64(keys.privateKey), { mode: 0o600 });
  const set = (words: string): void => {
    namespace.run(`wg set ${name} ${words}`);
  };
  set(`private-key ${keyFile} listen-port ${options.listenPort ?? 0}`);
  return {
    interfaceName: name,
    publicKey: toBase64(keys.publicKey),
    pid: child.pid ?? 0,
    socket,
    set,
    show: (what) => namespace.run(`wg show ${name} ${what}`).trim(),
    exitCode: () => child.exitCode ?? undefined,
  };
}

export function socketOf(name: string): string {
  return join(SOCKET_FOLDER, `${name}.sock`);
}

/** Resolves when `holds` is true; rejects after some seconds. */
export async function until(holds: () => boolean, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`it is not so after ${timeoutMs} ms: ${holds}`);
    await delay(POLL_MS);
  }
}

/** Whether a process of that number is there. */
export function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** The processes whose command line ends with these words. */
export function pidsOf(words: string): number[] {
  try {
    const found = execFileSync('pgrep', ['-f', `${words}$`], { encoding: 'utf8' });
    return found.trim().split('\n').map(Number);
  } catch {
    return [];
  }
}

function cacheFolder(): string {
  return process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
}

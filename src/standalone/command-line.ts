// The command line of p6nwg, which is wireguard-go's: `p6nwg [-f] IFNAME`.

import { type Offloads, parseOffloads } from '../os/offloads.ts';
import type { LogLevel } from './log.ts';

export const USAGE = 'Usage: p6nwg [-f|--foreground] INTERFACE-NAME\n       p6nwg --version\n';

export type CommandLine =
  | { readonly kind: 'run'; readonly name: string; readonly isForeground: boolean }
  | { readonly kind: 'version' }
  | { readonly kind: 'usage' };

export function parseCommandLine(words: readonly string[]): CommandLine {
  const [first, second] = words;
  if (first === '--version' && words.length === 1) return { kind: 'version' };
  const isForeground = first === '-f' || first === '--foreground';
  const name = isForeground ? second : first;
  const isWhole = words.length === (isForeground ? 2 : 1);
  if (name === undefined || !isWhole || name.startsWith('-')) return { kind: 'usage' };
  return { kind: 'run', name, isForeground };
}

/** LOG_LEVEL as wireguard-go reads it. */
export function logLevel(): LogLevel {
  switch (process.env['LOG_LEVEL']) {
    case 'verbose':
    case 'debug':
      return 'debug';
    case 'silent':
      return 'silent';
    default:
      return 'error';
  }
}

const SECONDS_PATTERN = /^[1-9][0-9]{0,2}$/;

/** REKEY_AFTER_SECONDS: 1 to 120, for keys that live shorter than the two minutes of WireGuard. */
export function rekeyAfterMs(): number | undefined {
  const text = process.env['REKEY_AFTER_SECONDS'] ?? '';
  return SECONDS_PATTERN.test(text) ? 1000 * Number(text) : undefined;
}

/** P6N_OFFLOADS: the offloads that stay on, as os/offloads.ts says; all when it is not set. */
export function offloads(): Offloads {
  return parseOffloads(process.env['P6N_OFFLOADS']);
}

/** Whether the log was asked for, so that the background keeps standard output and error. */
export function wantsOutput(): boolean {
  return process.env['LOG_LEVEL'] !== undefined && logLevel() !== 'silent';
}

/** The descriptor that the process in the background tells its parent by, if it is one. */
export const READY_VARIABLE = 'P6NWG_READY_FD';

export function readyDescriptor(): number | undefined {
  const text = process.env[READY_VARIABLE];
  return text === undefined ? undefined : Number(text);
}

/** The environment of the process in the background. */
export function backgroundEnvironment(descriptor: number): NodeJS.ProcessEnv {
  return { ...process.env, [READY_VARIABLE]: String(descriptor) };
}

// What p6nd and a supervisor say to each other on the supervisor's unix socket: one JSON object a
// line. A supervisor outlives the p6nd that started it, so a newer p6nd must understand an older
// supervisor: the version goes up only when a message changes its meaning.
//
//   supervisor                                  p6nd
//       | hello (version, pid, state) ----------> |     at once, on every connection
//       | <----------- start | stop | follow (id) |
//       | reply (id) ---------------------------> |
//       | output, skipped ----------------------> |     after follow
//       | exit ---------------------------------> |     to everybody, then the socket closes

import type { Socket } from 'node:net';
import type { WallMillis } from '../../base/clock.ts';
import type { CommandExit, Tail } from '../ports.ts';
import type { CommandSpec } from './command.ts';

export const PROTOCOL_VERSION = 1;
/** A command with its arguments and environment is the longest line, bytes. */
export const LINE_BYTES_MAX: number = 2 ** 20;
/** Output that waits for a slow reader, bytes; what comes meanwhile is left out for it. */
export const FOLLOWER_BACKLOG_BYTES_MAX: number = 2 ** 20;

/** Files in a supervisor's directory. */
export const SOCKET_FILE = 'socket';
export const RESOLV_CONF_FILE = 'resolv.conf';
export const HOSTS_FILE = 'hosts';
export const EXIT_FILE = 'exit.json';
export const LOG_FILE = 'supervisor.log';
/** What the kernel calls the mount namespace of the supervisor, `mnt:[4026532301]`. */
export const NAMESPACES_FILE = 'mount-namespace';
/** The file descriptor on which a supervisor tells who started it that its socket is there. */
export const READY_FD = 3;
export const READY_TEXT = 'ready\n';

/**
 * ```
 * ready --start--> running --command ends or stop--> ended
 *   \--stop, or nobody connected for a minute----------^
 * ```
 */
export type SupervisorState = 'ready' | 'running' | 'ended';

export type SupervisorRequest = { readonly id: number } & (
  | ({ readonly type: 'start' } & CommandSpec)
  /** Answered when the command has ended. */
  | { readonly type: 'stop'; readonly graceMs: number }
  | { readonly type: 'follow'; readonly tailBytes: number; readonly tailLines?: Tail['lines'] }
);

export type SupervisorMessage =
  | {
      readonly type: 'hello';
      readonly version: number;
      readonly pid: number;
      readonly state: SupervisorState;
      readonly commandPid?: number | undefined;
      readonly restarts?: number;
    }
  /** The command has ended and was started again. */
  | { readonly type: 'restarted'; readonly commandPid: number; readonly restarts: number }
  | {
      readonly type: 'reply';
      readonly id: number;
      readonly error?: string;
      readonly commandPid?: number | undefined;
    }
  | {
      readonly type: 'output';
      readonly stream: OutputStream;
      readonly data: string;
      readonly at?: WallMillis | undefined;
    }
  | { readonly type: 'skipped'; readonly bytes: number }
  | { readonly type: 'exit'; readonly exit: CommandExit };

export type OutputStream = 'stdout' | 'stderr';

export function encodeLine(message: SupervisorMessage | SupervisorRequest): string {
  return `${JSON.stringify(message)}\n`;
}

/**
 * Calls `onMessage` with each object that comes on `socket`. A line longer than LINE_BYTES_MAX ends
 * the connection; a line that is no message is passed over.
 */
export function receiveMessages<T extends { readonly type: string }>(
  socket: Socket,
  onMessage: (message: T) => void,
): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const message = parseLine<T>(line);
      if (message !== undefined) onMessage(message);
    }
    if (rest.length > LINE_BYTES_MAX) socket.destroy();
  });
}

/** The object that a line holds, or undefined when it holds something else. */
function parseLine<T extends { readonly type: string }>(line: string): T | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const fits = typeof value === 'object' && value !== null && 'type' in value;
    return fits ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

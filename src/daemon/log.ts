// The log of p6nd: JSON lines on standard error, which a service manager keeps. Standard output
// stays free.

import { destination, pino } from 'pino';
import type { LogFields, Logger } from '../base/logger.ts';

import { RecentLog } from './recent-log.ts';

const STANDARD_ERROR = 2;

export interface DaemonLogger extends Logger {
  /** From now on, what is at least `level` is written. */
  setLevel(level: string): void;
  /** The last lines that were written, oldest first. */
  recentLines(): readonly string[];
}

/**
 * A logger that writes what is at least `level`. Synchronous, so that the last lines before an exit
 * are there.
 */
export function createLogger(level: string): DaemonLogger {
  const output = destination({ fd: STANDARD_ERROR, sync: true });
  const recent = new RecentLog();
  const write = (line: string): void => {
    recent.add(line);
    output.write(line);
  };
  const log = pino({ level, base: null }, { write });
  return {
    setLevel: (next) => {
      log.level = next;
    },
    recentLines: () => recent.lines(),
    debug: (message: string, fields: LogFields = {}) => log.debug(fields, message),
    info: (message: string, fields: LogFields = {}) => log.info(fields, message),
    warn: (message: string, fields: LogFields = {}) => log.warn(fields, message),
    error: (message: string, fields: LogFields = {}) => log.error(fields, message),
  };
}

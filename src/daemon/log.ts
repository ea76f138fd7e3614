// The log of p6nd: JSON lines on standard error, which a service manager keeps. Standard output
// stays free.

import { destination, pino } from 'pino';
import type { LogFields, Logger } from '../base/logger.ts';

const STANDARD_ERROR = 2;

export interface DaemonLogger extends Logger {
  /** From now on, what is at least `level` is written. */
  setLevel(level: string): void;
}

/**
 * A logger that writes what is at least `level`. Synchronous, so that the last lines before an exit
 * are there.
 */
export function createLogger(level: string): DaemonLogger {
  const log = pino({ level, base: null }, destination({ fd: STANDARD_ERROR, sync: true }));
  return {
    setLevel: (next) => {
      log.level = next;
    },
    debug: (message: string, fields: LogFields = {}) => log.debug(fields, message),
    info: (message: string, fields: LogFields = {}) => log.info(fields, message),
    warn: (message: string, fields: LogFields = {}) => log.warn(fields, message),
    error: (message: string, fields: LogFields = {}) => log.error(fields, message),
  };
}

// The log of p6nwg: lines for people on standard error, as wireguard-go writes them.

import type { LogFields, Logger } from '../base/logger.ts';

export type LogLevel = 'debug' | 'error' | 'silent';

const SILENT = (): void => undefined;

export function createLogger(level: LogLevel, name: string): Logger {
  const write =
    (word: string) =>
    (message: string, fields: LogFields = {}): void => {
      const values = Object.entries(fields).map(([field, value]) => ` ${field}=${value}`);
      process.stderr.write(`${word}: (${name}) ${message}${values.join('')}\n`);
    };
  const verbose = level === 'debug' ? write('DEBUG') : SILENT;
  const urgent = level === 'silent' ? SILENT : write('ERROR');
  return { debug: verbose, info: verbose, warn: urgent, error: urgent };
}

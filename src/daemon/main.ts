// p6nd: reads its configuration, runs until a signal ends it, and says on standard error why it
// could not.

import { asP6nError } from '../base/errors.ts';
import { runDaemon } from './compose.ts';
import { readConfig } from './config.ts';
import { createLogger } from './log.ts';
import { resetHost } from './reset.ts';

const END_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/** Runs p6nd with the words of its command line; resolves with its exit code. */
export async function main(words: readonly string[]): Promise<number> {
  try {
    const config = await readConfig(words);
    if (config === undefined) return 0;
    const logger = createLogger(config.logLevel);
    const ended = new AbortController();
    for (const signal of END_SIGNALS) process.once(signal, () => ended.abort());
    if (config.reset) await resetHost(config, logger);
    else await runDaemon(config, logger, ended.signal);
    return 0;
  } catch (error) {
    const known = asP6nError(error, 'Cannot run p6nd');
    process.stderr.write(`Error: ${known.message}\n`);
    if (known.hint !== undefined) process.stderr.write(`Hint: ${known.hint}\n`);
    process.stderr.write(`Code: ${known.code}\n`);
    return known.exitCode;
  }
}

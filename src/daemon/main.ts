// p6nd: reads its configuration, runs until a signal ends it, and says on standard error why it
// could not.

import { asP6nError } from '../base/errors.ts';
import { calmHelperThreads } from '../os/linux/thread-priority.ts';
import { sendUnixDatagram } from '../os/linux/unix-datagram.ts';
import { runDaemon } from './compose.ts';
import { type DaemonConfig, readConfig, readServiceEnvironment } from './config.ts';
import { createLogger, type DaemonLogger } from './log.ts';
import { resetHost } from './reset.ts';
import { ServiceLife } from './service-life.ts';

const CHECK_CONFIG = 'check-config';
const END_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/** Runs p6nd with the words of its command line; resolves with its exit code. */
export async function main(words: readonly string[]): Promise<number> {
  try {
    const isCheck = words[0] === CHECK_CONFIG;
    const flags = isCheck ? words.slice(1) : words;
    const config = await readConfig(flags);
    if (config === undefined) return 0;
    if (isCheck) await check(config);
    else await run(config, flags);
    return 0;
  } catch (error) {
    const known = asP6nError(error, 'Cannot run p6nd');
    process.stderr.write(`Error: ${known.message}\n`);
    if (known.hint !== undefined) process.stderr.write(`Hint: ${known.hint}\n`);
    process.stderr.write(`Code: ${known.code}\n`);
    return known.exitCode;
  }
}

async function check(config: DaemonConfig): Promise<void> {
  const { checkConfig } = await import('./check-config.ts');
  process.stdout.write(await checkConfig(config));
}

async function run(config: DaemonConfig, flags: readonly string[]): Promise<void> {
  calmHelperThreads();
  const logger = createLogger(config.logLevel);
  const ended = new AbortController();
  for (const signal of END_SIGNALS) process.once(signal, () => ended.abort());
  if (config.reset) return await resetHost(config, logger);
  const service = new ServiceLife({ send: sendUnixDatagram, logger }, readServiceEnvironment());
  const reload = (): void => void service.reloading(() => takeLogLevel(flags, logger));
  process.on('SIGHUP', reload);
  await runDaemon(config, { logger, service, signal: ended.signal });
}

/** What can change while p6nd runs is what it writes of itself. */
async function takeLogLevel(flags: readonly string[], logger: DaemonLogger): Promise<void> {
  try {
    const config = await readConfig(flags);
    if (config === undefined) return;
    logger.setLevel(config.logLevel);
    logger.info('log level taken from the configuration', { logLevel: config.logLevel });
  } catch (error) {
    const { message } = asP6nError(error, 'Cannot read the configuration again');
    logger.warn('configuration not taken', { error: message });
  }
}

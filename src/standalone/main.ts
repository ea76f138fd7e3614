// p6nwg: one WireGuard interface, configured by wg(8). Composes the interface and its socket, and
// runs until a signal or the interface's deletion ends it.

import { join } from 'node:path';
import { asP6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { VERSION } from '../daemon/version.ts';
import { StandaloneInterface } from '../dataplane/standalone/standalone.ts';
import { calmHelperThreads } from '../os/linux/thread-priority.ts';
import { zoneIndex } from '../os/linux/zones.ts';
import { TimestampFile } from '../os/timestamp-file.ts';
import { serveUapi } from '../uapi/server.ts';
import { runInBackground, sayFailed, sayReady } from './background.ts';
import {
  logLevel,
  offloads,
  parseCommandLine,
  readyDescriptor,
  rekeyAfterMs,
  USAGE,
} from './command-line.ts';
import { createLogger } from './log.ts';

/** For the time of the last handshake of each interface. */
const STATE_FOLDER = '/var/lib/p6nwg';
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const END_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/** Runs p6nwg with the words of its command line; resolves with its exit code. */
export function main(words: readonly string[]): Promise<number> {
  const commandLine = parseCommandLine(words);
  switch (commandLine.kind) {
    case 'version':
      process.stdout.write(`p6nwg ${VERSION}\n`);
      return Promise.resolve(0);
    case 'usage':
      process.stderr.write(USAGE);
      return Promise.resolve(EXIT_USAGE);
    case 'run': {
      const ready = readyDescriptor();
      if (commandLine.isForeground || ready !== undefined) return run(commandLine.name, ready);
      return runInBackground(words);
    }
  }
}

async function run(name: string, ready: number | undefined): Promise<number> {
  calmHelperThreads();
  const ended = new Promise<void>((resolve) => {
    for (const signal of END_SIGNALS) process.once(signal, () => resolve());
  });
  const logger = createLogger(logLevel(), name);
  try {
    await runInterface({
      name,
      logger,
      ended,
      onReady: () => ready !== undefined && sayReady(ready),
    });
    return 0;
  } catch (error) {
    const known = asP6nError(error, 'Cannot run p6nwg');
    const hint = known.hint === undefined ? '' : `Hint: ${known.hint}\n`;
    const text = `Error: ${known.message}\n${hint}Code: ${known.code}\n`;
    if (ready === undefined) process.stderr.write(text);
    else sayFailed(ready, text);
    return EXIT_FAILED;
  }
}

async function runInterface(options: {
  readonly name: string;
  readonly logger: Logger;
  /** A signal asks for the end. */
  readonly ended: Promise<void>;
  readonly onReady: () => void;
}): Promise<void> {
  const { name, logger } = options;
  const device = await StandaloneInterface.start({
    name,
    logger,
    rekeyAfterMs: rekeyAfterMs(),
    timestamps: new TimestampFile(join(STATE_FOLDER, `${name}.clock`)),
    offloads: offloads(),
  });
  try {
    const server = await serveUapi({ name, device, resolveZone: zoneIndex, logger });
    try {
      options.onReady();
      await Promise.race([options.ended, device.ended]);
      logger.info('shutting down');
    } finally {
      await server.close();
    }
  } finally {
    await device.stop();
  }
}

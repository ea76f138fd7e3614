// The certificate and the key of a door with TLS, as long as they change: programs that renew
// certificates replace the files, a link to them, or one before the other. Pairs that do not fit
// are passed over, and the last that did stays.

import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { TlsFiles } from '../../api/http-server.ts';
import { P6nError } from '../../base/errors.ts';
import type { Stoppable } from '../../base/lifecycle.ts';
import type { Logger } from '../../base/logger.ts';

export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
}

/** Between two looks at the files. */
export const TLS_INTERVAL_MS = 5_000;

/** Throws CONFIG_INVALID unless both can be read and fit. Nothing of the key is in the error. */
export async function readTlsFiles(paths: TlsPaths): Promise<TlsFiles> {
  try {
    const [cert, key] = await Promise.all([
      readFile(paths.cert, 'utf8'),
      readFile(paths.key, 'utf8'),
    ]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new P6nError(
      'CONFIG_INVALID',
      `Cannot serve TLS with ${paths.cert} and ${paths.key}: ${code ?? 'they do not fit'}`,
      { hint: 'Both are PEM: the certificate with those that vouch for it, and its key.' },
    );
  }
}

/** Calls `onChange` with each pair that follows `first`. */
export function followTlsFiles(
  paths: TlsPaths,
  first: TlsFiles,
  { logger, onChange }: { readonly logger: Logger; readonly onChange: (files: TlsFiles) => void },
  intervalMs: number = TLS_INTERVAL_MS,
): Stoppable {
  let last = first;
  let isStopped = false;
  let problem: string | undefined;
  const look = async (): Promise<void> => {
    try {
      const files = await readTlsFiles(paths);
      problem = undefined;
      const isSame = files.cert === last.cert && files.key === last.key;
      if (isSame || isStopped) return;
      last = files;
      onChange(files);
      logger.info('certificate changed', { path: paths.cert });
    } catch (error) {
      const { message } = error as P6nError;
      if (message !== problem) logger.warn('certificate is not taken', { error: message });
      problem = message;
    }
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, intervalMs);
  return {
    stop: () => {
      isStopped = true;
      clearInterval(timer);
    },
  };
}

// `p6nd check-config`: whether p6nd would take its configuration, and which values are in force.
// Nothing is changed and nothing is started.

import { access, constants } from 'node:fs/promises';
import { P6nError } from '../base/errors.ts';
import type { DaemonConfig } from './config.ts';
import { readTlsFiles } from './doors/tls-files.ts';
import type { RegistryPlace } from './registry-place.ts';

/** Throws CONFIG_INVALID for a file that the configuration names and that cannot be used. */
export async function checkConfig(config: DaemonConfig): Promise<string> {
  const { join, apiTls, registry } = config;
  const files = [join, apiTls?.cert, apiTls?.key, ...filesOf(registry)];
  for (const file of files) {
    if (file !== undefined && file !== '-') await requireReadable(file);
  }
  if (apiTls !== undefined) await readTlsFiles(apiTls);
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function filesOf(place: RegistryPlace): readonly (string | undefined)[] {
  if (place.kind !== 'etcd') return [];
  const { ca, certificate, key, passwordFile } = place;
  return [ca, certificate, key, passwordFile];
}

async function requireReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    throw new P6nError('CONFIG_INVALID', `Cannot read ${path}: ${code}`, {
      cause,
      hint: 'The configuration names this file.',
    });
  }
}

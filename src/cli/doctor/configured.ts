// What p6nd would make of its configuration, where it does not run to say it. p6nd itself is asked,
// with the files of its service, or with one that is named.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { P6nError } from '../../base/errors.ts';

const P6ND = fileURLToPath(new URL('../../../../bin/p6nd', import.meta.url));
/** Of the unit of the package. */
const SERVICE_FILE = '/etc/p6n/p6nd.json';
const SERVICE_VARIABLES = '/etc/default/p6nd';
/** As the unit does it: the file first, which the variables may name anew. */
const CHECK = 'set -a; [ -z "$1" ] || P6N_CONFIG=$1; [ ! -r "$2" ] || . "$2"; exec "$3" "$4" "$5"';
const TIMEOUT_MS = 10_000;

export interface Configured {
  readonly stateDir: string;
  readonly listenPort: number;
  readonly gatewayPort: number;
}

/** Rejects with CONFIG_INVALID where p6nd would not take it. */
export async function readConfigured(file: string | undefined): Promise<Configured> {
  const path = file ?? (existsSync(SERVICE_FILE) ? SERVICE_FILE : '');
  const variables = file === undefined ? SERVICE_VARIABLES : '';
  const words = [path, variables, process.execPath, P6ND, 'check-config'];
  const answer = await new Promise<string>((resolve, reject) => {
    execFile(
      'sh',
      ['-c', CHECK, 'sh', ...words],
      { timeout: TIMEOUT_MS },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(refusal(stderr, error));
      },
    );
  });
  return JSON.parse(answer) as Configured;
}

/** In the words that p6nd has for it. */
function refusal(said: string, cause: Error): P6nError {
  const [, facts = cause.message] = /^Error: (.+)$/m.exec(said) ?? [];
  return new P6nError('CONFIG_INVALID', facts, { cause });
}

// The host that p6nctl runs on, as checks see it: also where p6nd does not run.

import type { StatusView } from '../../api/contract/status.ts';
import { asP6nError, type P6nError } from '../../base/errors.ts';
import type { CommandContext } from '../command.ts';
import type { Patient } from './finding.ts';

const DEFAULT_STATE_DIR = '/var/lib/p6n';
const DEFAULT_LISTEN_PORT = 51_820;

export interface PatientOptions extends Pick<CommandContext, 'client' | 'socket' | 'now'> {
  /** In place of what p6nd says, or would say. */
  readonly stateDir: string | undefined;
}

export async function patientOf(options: PatientOptions): Promise<Patient> {
  const { client, socket, now } = options;
  let status: StatusView | undefined;
  let silence: P6nError | undefined;
  try {
    status = await client.host.status();
  } catch (error) {
    silence = asP6nError(error, 'Cannot ask p6nd');
  }
  const stateDir = options.stateDir ?? status?.host.state_dir ?? DEFAULT_STATE_DIR;
  const listenPort = status?.host.listen_port ?? DEFAULT_LISTEN_PORT;
  return { client, socket, now, status, silence, stateDir, listenPort };
}

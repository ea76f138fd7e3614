// The host that p6nctl runs on, as checks see it: also where p6nd does not run.

import type { StatusView } from '../../api/contract/status.ts';
import { asP6nError, P6nError } from '../../base/errors.ts';
import type { CommandContext } from '../command.ts';
import type { Patient } from './finding.ts';

const DEFAULT_STATE_DIR = '/var/lib/p6n';
const DEFAULT_LISTEN_PORT = 51_820;

export interface PatientOptions extends Pick<CommandContext, 'client' | 'socket' | 'now'> {
  /** In place of what p6nd says, or would say. */
  readonly stateDir: string | undefined;
}

/** Throws NOT_ROOT: to anybody else a host that is well looks ill, and an ill one well. */
export async function patientOf(options: PatientOptions): Promise<Patient> {
  if (process.geteuid?.() !== 0) {
    throw new P6nError('NOT_ROOT', 'Cannot examine this host: p6nctl is not run as root', {
      hint: 'Run it as root: firewall, keys and instances are for root alone.',
    });
  }
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

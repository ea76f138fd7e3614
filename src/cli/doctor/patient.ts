// The host that p6nctl runs on, as checks see it: also where p6nd does not run.

import type { StatusView } from '../../api/contract/status.ts';
import { asP6nError, P6nError } from '../../base/errors.ts';
import type { CommandContext } from '../command.ts';
import { type Configured, readConfigured } from './configured.ts';
import type { Patient } from './finding.ts';

const DEFAULTS: Configured = {
  stateDir: '/var/lib/p6n',
  listenPort: 51_820,
  gatewayPort: 51_821,
};

export interface PatientOptions extends Pick<CommandContext, 'client' | 'socket' | 'now'> {
  /** In place of what p6nd says, or would say. */
  readonly stateDir: string | undefined;
  /** The file that p6nd would be started with; where absent, that of its service. */
  readonly config?: string | undefined;
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
  const ofHost = { client, socket, now, status, silence };
  const named = options.stateDir === undefined ? {} : { stateDir: options.stateDir };
  if (status !== undefined) {
    const { gateway, listen_port: listenPort, state_dir: stateDir } = status.host;
    const refusal = undefined;
    return { ...ofHost, stateDir, listenPort, gatewayPort: gateway?.port, refusal, ...named };
  }
  try {
    const { stateDir, listenPort, gatewayPort } = await readConfigured(options.config);
    return { ...ofHost, stateDir, listenPort, gatewayPort, refusal: undefined, ...named };
  } catch (error) {
    const refusal = asP6nError(error, 'Cannot read the configuration of p6nd');
    return { ...ofHost, ...DEFAULTS, refusal, ...named };
  }
}

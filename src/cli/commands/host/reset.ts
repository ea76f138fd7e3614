// `p6nctl host reset`: takes from this machine what p6n has made on it.

import type { ClientPart } from '../../../api/client.ts';
import { P6nError } from '../../../base/errors.ts';
import type { Command } from '../../command.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface ResetHostOptions extends Speech {
  readonly client: ClientPart<'host', 'reset'>;
}

export async function resetHost(options: ResetHostOptions): Promise<void> {
  try {
    await options.client.host.reset();
  } catch (error) {
    if (!(error instanceof P6nError) || error.code !== 'DAEMON_UNREACHABLE') throw error;
    const hint = 'Where p6nd does not run, `p6nd --reset` does the same.';
    throw new P6nError(error.code, error.message, { hint, cause: error });
  }
  await talk(options, 'Ended all instances of this host; p6nd ends and removes its interfaces.');
}

export const RESET_HOST: Command = {
  usage: 'reset',
  summary: 'End p6nd and all instances, and remove the interfaces; the state folder stays',
  run: (context) => resetHost(context),
};

// `p6nctl hosts invites revoke`: makes an invite worthless.

import type { ClientPart } from '../../../api/client.ts';
import { P6nError } from '../../../base/errors.ts';
import type { Command } from '../../command.ts';
import { type Speech, talk } from '../../terminal.ts';

/** The last group of an invite's address. */
const INVITE_NUMBER_MAX = 0xffff;

export interface RevokeInviteOptions extends Speech {
  readonly client: ClientPart<'invites', 'revoke'>;
  readonly number: number;
}

export async function revokeInvite(options: RevokeInviteOptions): Promise<void> {
  await options.client.invites.revoke(options.number);
  await talk(options, `Revoked invite ${options.number}.`);
}

export const REVOKE_INVITE: Command = {
  usage: 'invites revoke <number>',
  summary: 'Make an invite of this server worthless',
  run: (context, words) => {
    const number = words.optionalInteger('number', { min: 1, max: INVITE_NUMBER_MAX });
    if (number === undefined) throw new P6nError('USAGE', 'Cannot revoke: the number is missing');
    return revokeInvite({ ...context, number });
  },
};

// `p6nctl hosts invites list`: lists invites, also used and expired ones.

import type { ClientPart } from '../../../api/client.ts';
import type { InviteView } from '../../../api/contract/invites.ts';
import type { Command } from '../../command.ts';
import { type Field, formatTime, printList } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

const INVITE_COLUMNS: readonly Field<InviteView>[] = [
  { title: 'number', text: (invite) => String(invite.number) },
  { title: 'server', text: (invite) => invite.server },
  { title: 'state', text: (invite) => invite.state },
  { title: 'region', text: (invite) => invite.region ?? '' },
  { title: 'used by', text: (invite) => invite.used_by ?? '' },
  { title: 'expires', text: (invite) => formatTime(invite.expires_at) },
];

export interface ListInvitesOptions extends Speech {
  readonly client: ClientPart<'invites', 'list'>;
}

export async function listInvites(options: ListInvitesOptions): Promise<void> {
  const { invites } = await options.client.invites.list();
  await printList(options, invites, INVITE_COLUMNS);
}

export const LIST_INVITES: Command = {
  usage: 'invites list',
  summary: 'List the invites that are on record',
  run: (context) => listInvites(context),
};

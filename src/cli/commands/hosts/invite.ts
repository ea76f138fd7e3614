// `p6nctl hosts invite`: prints a token for one host.

import type { ClientPart } from '../../../api/client.ts';
import type { CreateInvite } from '../../../api/contract/invites.ts';
import { INVITE_TTL } from '../../../api/contract/protocol.ts';
import type { WallMillis } from '../../../base/clock.ts';
import { type Command, optional } from '../../command.ts';
import { formatDuration, parseDuration } from '../../duration.ts';
import { printJson } from '../../print.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface InviteHostOptions extends Speech {
  readonly client: ClientPart<'invites', 'create'>;
  readonly now: () => WallMillis;
  readonly request: CreateInvite;
}

/** The token alone goes to standard output, so that it can be sent on or kept in a file. */
export async function inviteHost(options: InviteHostOptions): Promise<void> {
  const { client, now, request, terminal } = options;
  const created = await client.invites.create(request);
  if (options.json) return await printJson(options, created);
  await terminal.out(`${created.token}\n`);
  const left = formatDuration(created.invite.expires_at - now());
  await talk(options, `The token lets one host in and is a secret until then, for ${left}.`);
}

export const INVITE_HOST: Command = {
  usage: 'invite',
  summary: 'Print a token that lets one host in',
  options: {
    region: { summary: 'The region of the host, unless it names one itself', value: 'NAME' },
    server: { summary: 'Let it in as a further server, on the etcd that this one uses' },
    ttl: { summary: 'How long the token is good: 1h unless it says otherwise', value: 'TIME' },
  },
  run: (context, words) => {
    const ttl = words.optionalText('ttl');
    const request = {
      ...(words.flag('server') ? { role: 'server' as const } : {}),
      ...optional('region', words.optionalText('region')),
      ...optional('ttl_ms', ttl === undefined ? undefined : parseDuration(ttl, INVITE_TTL)),
    };
    return inviteHost({ ...context, request });
  },
};

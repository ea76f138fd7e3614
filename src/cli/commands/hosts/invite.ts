// `p6nctl hosts invite`: prints a token for one host, to join the site or to find it again.

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

export interface RehomeHostOptions extends Speech {
  readonly client: ClientPart<'hosts', 'rehome'>;
  readonly name: string;
}

/** As inviteHost(), for a host that belongs to the site. */
export async function rehomeHost(options: RehomeHostOptions): Promise<void> {
  const { client, name, terminal } = options;
  const rehoming = await client.hosts.rehome(name);
  if (options.json) return await printJson(options, rehoming);
  await terminal.out(`${rehoming.token}\n`);
  await talk(options, `The token leads host ${name} to the servers; start its p6nd with --join.`);
}

export const INVITE_HOST: Command = {
  usage: 'invite',
  summary: 'Print a token that lets one host in',
  options: {
    for: { summary: 'Lead this host of the site to servers that have moved', value: 'HOST' },
    region: { summary: 'The region of the host, unless it names one itself', value: 'NAME' },
    server: { summary: 'Let it in as a further server, on the etcd that this one uses' },
    ttl: { summary: 'How long the token is good: 1h unless it says otherwise', value: 'TIME' },
  },
  run: (context, words) => {
    const name = words.optionalText('for');
    if (name !== undefined) return rehomeHost({ ...context, name });
    const ttl = words.optionalText('ttl');
    const request = {
      ...(words.flag('server') ? { role: 'server' as const } : {}),
      ...optional('region', words.optionalText('region')),
      ...optional('ttl_ms', ttl === undefined ? undefined : parseDuration(ttl, INVITE_TTL)),
    };
    return inviteHost({ ...context, request });
  },
};

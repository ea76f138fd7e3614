// `p6nctl site show`: prints the site and the keys that it has had.

import type { ClientPart } from '../../../api/client.ts';
import type { SiteView } from '../../../api/contract/site.ts';
import type { Command } from '../../command.ts';
import { type Field, formatTime, printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

export const SITE_FIELDS: readonly Field<SiteView>[] = [
  { title: 'id', text: (site) => site.id },
  { title: 'public key', text: (site) => site.keys.at(-1)?.public_key ?? '' },
  { title: 'key number', text: (site) => String(site.keys.at(-1)?.generation ?? '') },
  { title: 'key since', text: (site) => formatTime(site.keys.at(-1)?.created_at ?? 0) },
  {
    title: 'hosts write',
    text: (site) => (site.host_operators_write ? 'networks, apps, WireGuard peers' : 'nothing'),
  },
  { title: 'founded', text: (site) => formatTime(site.created_at) },
];

export interface ShowSiteOptions extends Speech {
  readonly client: ClientPart<'site', 'get'>;
}

export async function showSite(options: ShowSiteOptions): Promise<void> {
  await printRecord(options, await options.client.site.get(), SITE_FIELDS);
}

export const SHOW_SITE: Command = {
  usage: 'show',
  summary: 'Show the site and its signing key',
  run: (context) => showSite(context),
};

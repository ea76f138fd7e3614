// `p6nctl site set`: changes the settings of the site and prints it.

import type { ClientPart } from '../../../api/client.ts';
import type { SiteUpdate } from '../../../api/contract/site.ts';
import { P6nError } from '../../../base/errors.ts';
import type { Command } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { SITE_FIELDS } from './show.ts';

export interface SetSiteOptions extends Speech {
  readonly client: ClientPart<'site', 'update'>;
  readonly update: SiteUpdate;
}

export async function setSite(options: SetSiteOptions): Promise<void> {
  await printRecord(options, await options.client.site.update(options.update), SITE_FIELDS);
}

export const SET_SITE: Command = {
  usage: 'set',
  summary: 'Change the settings of the site; on a server',
  options: {
    'host-operators-write': {
      summary: 'Whether p6nctl on hosts that are no servers makes networks, apps and laptops',
      value: 'on|off',
      required: true,
    },
  },
  run: (context, words) =>
    setSite({
      ...context,
      update: { host_operators_write: isOn(words.text('host-operators-write')) },
    }),
};

function isOn(text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new P6nError('VALUE_INVALID', `Cannot use "${text}" as a setting: it is on or off`);
}

// `p6nctl apps create`: makes an app and prints it as the registry has it.

import type { ClientPart } from '../../../api/client.ts';
import type { CreateApp } from '../../../api/contract/apps.ts';
import { type Command, optional } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { APP_FIELDS } from './show.ts';

export interface CreateAppOptions extends Speech {
  readonly client: ClientPart<'apps', 'create' | 'get'>;
  readonly request: CreateApp & { readonly app_name: string };
}

export async function createApp(options: CreateAppOptions): Promise<void> {
  const { client, request } = options;
  await client.apps.create(request);
  await printRecord(options, await client.apps.get(request.app_name), APP_FIELDS);
}

export const CREATE_APP: Command = {
  usage: 'create <name>',
  summary: 'Make an app in a network, where it stays',
  options: {
    network: {
      summary: 'The network, which is made if there is none of that name',
      value: 'NAME',
    },
    organization: { summary: 'The organization; without it, the default one', value: 'NAME' },
  },
  run: (context, words) =>
    createApp({
      ...context,
      request: {
        app_name: words.text('name'),
        ...optional('network', words.optionalText('network')),
        ...optional('org_slug', words.optionalText('organization')),
      },
    }),
};

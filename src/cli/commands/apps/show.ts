// `p6nctl apps show`: prints one app.

import type { ClientPart } from '../../../api/client.ts';
import type { AppView } from '../../../api/contract/apps.ts';
import type { Command } from '../../command.ts';
import { type Field, formatTime, printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { APP_COLUMNS } from './list.ts';

export const APP_FIELDS: readonly Field<AppView>[] = [
  ...APP_COLUMNS,
  { title: 'status', text: (app) => app.status },
  { title: 'created', text: (app) => formatTime(app.created_at) },
];

export interface ShowAppOptions extends Speech {
  readonly client: ClientPart<'apps', 'get'>;
  readonly name: string;
}

export async function showApp(options: ShowAppOptions): Promise<void> {
  await printRecord(options, await options.client.apps.get(options.name), APP_FIELDS);
}

export const SHOW_APP: Command = {
  usage: 'show <name>',
  summary: 'Show an app',
  run: (context, words) => showApp({ ...context, name: words.text('name') }),
};

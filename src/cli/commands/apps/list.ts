// `p6nctl apps list`: lists apps.

import type { ClientPart } from '../../../api/client.ts';
import type { AppFilter, AppSummary } from '../../../api/contract/apps.ts';
import { type Command, optional } from '../../command.ts';
import { type Field, printList } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

export const APP_COLUMNS: readonly Field<AppSummary>[] = [
  { title: 'name', text: (app) => app.name },
  { title: 'organization', text: (app) => app.organization.slug },
  { title: 'network', text: (app) => app.network },
  { title: 'instances', text: (app) => String(app.machine_count) },
];

export interface ListAppsOptions extends Speech {
  readonly client: ClientPart<'apps', 'list'>;
  readonly filter: AppFilter;
}

export async function listApps(options: ListAppsOptions): Promise<void> {
  const { apps } = await options.client.apps.list(options.filter);
  await printList(options, apps, APP_COLUMNS);
}

export const LIST_APPS: Command = {
  usage: 'list',
  summary: 'List the apps of the site',
  options: { organization: { summary: 'Only those of this organization', value: 'NAME' } },
  run: (context, words) =>
    listApps({
      ...context,
      filter: optional('org_slug', words.optionalText('organization')),
    }),
};

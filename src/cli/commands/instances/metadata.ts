// `p6nctl instances metadata`: facts about an instance of this host, changed while it runs; names
// that go by metadata follow.

import type { ClientPart } from '../../../api/client.ts';
import { P6nError } from '../../../base/errors.ts';
import type { Command } from '../../command.ts';
import { printJson, printList } from '../../print.ts';
import { type Speech, talk } from '../../terminal.ts';

export interface MetadataOptions extends Speech {
  readonly client: ClientPart<'instances', 'get'> & ClientPart<'machines', 'setMetadata'>;
  readonly reference: string;
}

export async function setMetadata(
  options: MetadataOptions & { readonly pair: string },
): Promise<void> {
  const { client, pair, reference } = options;
  const equals = pair.indexOf('=');
  if (equals < 1) {
    throw new P6nError('VALUE_INVALID', `Cannot use "${pair}" as metadata: it is not KEY=VALUE`);
  }
  const { app, id, name } = await client.instances.get(reference);
  await client.machines.setMetadata(app, id, pair.slice(0, equals), pair.slice(equals + 1));
  await talk(options, `Set metadata "${pair.slice(0, equals)}" of instance "${name}".`);
}

export async function unsetMetadata(
  options: MetadataOptions & { readonly key: string },
): Promise<void> {
  const { client, key, reference } = options;
  const { app, id, name } = await client.instances.get(reference);
  await client.machines.setMetadata(app, id, key);
  await talk(options, `Instance "${name}" has no metadata "${key}".`);
}

export async function listMetadata(options: MetadataOptions): Promise<void> {
  const { metadata } = await options.client.instances.get(options.reference);
  if (options.json) return await printJson(options, metadata);
  await printList(options, Object.entries(metadata), [
    { title: 'key', text: ([key]) => key },
    { title: 'value', text: ([, value]) => value },
  ]);
}

export const SET_METADATA: Command = {
  usage: 'metadata set <instance> <pair>',
  summary: 'Give a key of the metadata of an instance a value: KEY=VALUE',
  run: (context, words) =>
    setMetadata({ ...context, reference: words.text('instance'), pair: words.text('pair') }),
};

export const UNSET_METADATA: Command = {
  usage: 'metadata unset <instance> <key>',
  summary: 'Take a key of the metadata of an instance away',
  run: (context, words) =>
    unsetMetadata({ ...context, reference: words.text('instance'), key: words.text('key') }),
};

export const LIST_METADATA: Command = {
  usage: 'metadata list <instance>',
  summary: 'List the metadata of an instance',
  run: (context, words) => listMetadata({ ...context, reference: words.text('instance') }),
};

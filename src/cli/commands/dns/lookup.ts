// `p6nctl dns lookup`: what an instance would get for a name, and why.

import type { ClientPart } from '../../../api/client.ts';
import type { NameAnswer, NameQuestion, NameRecord } from '../../../api/contract/names.ts';
import { type Command, type CommandOption, optional, type Words } from '../../command.ts';
import { type Field, printJson, printList, printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

const ANSWER_FIELDS: readonly Field<NameAnswer>[] = [
  { title: 'name', text: ({ name }) => name },
  { title: 'type', text: ({ type }) => type },
  { title: 'network', text: ({ network }) => network },
  { title: 'outcome', text: ({ outcome }) => outcome },
  { title: 'handler', text: ({ handler }) => handler },
  { title: 'why', text: ({ why }) => why },
];

const RECORD_COLUMNS: readonly Field<NameRecord>[] = [
  { title: 'name', text: ({ name }) => name },
  { title: 'ttl', text: ({ ttl }) => String(ttl) },
  { title: 'type', text: ({ type }) => type },
  { title: 'data', text: ({ data }) => data },
];

export interface LookupOptions extends Speech {
  readonly client: ClientPart<'names', 'lookup'>;
  readonly question: NameQuestion;
}

export async function lookup(options: LookupOptions): Promise<void> {
  const answer = await options.client.names.lookup(options.question);
  if (options.json) return await printJson(options, answer);
  await printRecord(options, answer, ANSWER_FIELDS);
  if (answer.records.length === 0) return;
  await options.terminal.out('\n');
  await printList(options, answer.records, RECORD_COLUMNS);
}

/** What the commands about one name have in common. */
export const QUESTION_OPTIONS: Readonly<Record<string, CommandOption>> = {
  type: { summary: 'The type of the records; AAAA without it', value: 'TYPE' },
  network: { summary: 'The network that would ask, by name or id', value: 'NAME' },
};

export function readQuestion(words: Words): NameQuestion {
  return {
    name: words.text('name'),
    ...optional('type', words.optionalText('type')),
    ...optional('network', words.optionalText('network')),
  };
}

export const LOOKUP: Command = {
  usage: 'lookup <name>',
  summary: 'Say what an instance of a network would get for a name, and why',
  options: QUESTION_OPTIONS,
  run: (context, words) => lookup({ ...context, question: readQuestion(words) }),
};

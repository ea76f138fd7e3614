// `p6nctl dns watch`: prints what changes of the answer for a name, as it happens, until it is
// interrupted.

import type { ClientPart } from '../../../api/client.ts';
import type { NameAnswer, NameQuestion } from '../../../api/contract/names.ts';
import type { WallMillis } from '../../../base/clock.ts';
import type { Command, CommandContext } from '../../command.ts';
import { formatTime } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { QUESTION_OPTIONS, readQuestion } from './lookup.ts';

export interface WatchOptions extends Speech {
  readonly client: ClientPart<'names', 'watch'>;
  readonly question: NameQuestion;
  readonly now: () => WallMillis;
  readonly onInterrupt: CommandContext['onInterrupt'];
}

/** A line for each record that comes (`+`) or goes (`-`) and each other outcome (`=`). */
export async function watch(options: WatchOptions): Promise<void> {
  const { client, json, now, question, terminal } = options;
  const abort = new AbortController();
  const close = options.onInterrupt(() => abort.abort());
  let before: NameAnswer | undefined;
  try {
    for await (const { answer } of client.names.watch(question, abort.signal)) {
      const lines = json ? [JSON.stringify(answer)] : differences(before, answer, now());
      await terminal.out(lines.map((line) => `${line}\n`).join(''));
      before = answer;
    }
  } finally {
    close();
  }
}

function differences(
  before: NameAnswer | undefined,
  answer: NameAnswer,
  now: WallMillis,
): readonly string[] {
  const [old, fresh] = [recordTexts(before), recordTexts(answer)];
  const changes = [
    ...(before?.outcome === answer.outcome ? [] : [`= ${answer.outcome}`]),
    ...[...old].filter((text) => !fresh.has(text)).map((text) => `- ${text}`),
    ...[...fresh].filter((text) => !old.has(text)).map((text) => `+ ${text}`),
  ];
  return changes.map((change) => `${formatTime(now)} ${change}`);
}

function recordTexts(answer: NameAnswer | undefined): ReadonlySet<string> {
  return new Set((answer?.records ?? []).map(({ type, data }) => `${type} ${data}`).sort());
}

export const WATCH: Command = {
  usage: 'watch <name>',
  summary: 'Print what changes of the answer for a name, as it happens',
  options: QUESTION_OPTIONS,
  run: (context, words) => watch({ ...context, question: readQuestion(words) }),
};

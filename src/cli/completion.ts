// What can stand where the cursor is: nouns, verbs and options, from the same table as the help.
// Shells ask by `p6nctl --complete WORD...`, the word at the cursor last.

import type { Command } from './command.ts';
import { NOUNS } from './nouns.ts';

const GLOBAL_OPTIONS = ['--socket', '--json', '--help', '--version'];

/** The words that fit; empty where a name, a file or a command of somebody else's is due. */
export async function candidates(words: readonly string[]): Promise<readonly string[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  if (before.includes('--') || takesValue(before.at(-1), [])) return [];
  const plain = before.filter((word, i) => !word.startsWith('-') && before[i - 1] !== '--socket');
  const [nounWord, ...rest] = plain;
  const fitting = (all: readonly string[]): readonly string[] =>
    [...new Set(all)].filter((one) => one.startsWith(typed) && one !== typed).sort();
  if (nounWord === undefined) {
    return fitting(typed.startsWith('-') ? GLOBAL_OPTIONS : NOUNS.map(({ name }) => name));
  }
  const noun = NOUNS.find(({ name }) => name === nounWord);
  if (noun === undefined) return [];
  const commands = (await noun.load()).map((command) => ({ command, verbs: verbsOf(command) }));
  const matching = commands.filter(({ command, verbs }) =>
    command.usage.split(' ')[0] === nounWord ? true : verbs.every((verb, i) => verb === rest[i]),
  );
  if (
    takesValue(
      before.at(-1),
      matching.map(({ command }) => command),
    )
  )
    return [];
  if (typed.startsWith('-')) {
    const options = matching.flatMap(({ command }) => Object.keys(command.options ?? {}));
    return fitting([...options.map((name) => `--${name}`), ...GLOBAL_OPTIONS]);
  }
  const next = commands.filter(({ verbs }) => rest.every((word, i) => verbs[i] === word));
  return fitting(next.flatMap(({ verbs }) => verbs[rest.length] ?? []));
}

/** The words of a command before its arguments; none of a noun that is a command itself. */
function verbsOf({ usage }: Command): readonly string[] {
  const words = usage.split(' ').filter((word) => /^[a-z]/.test(word));
  return NOUNS.some(({ name }) => name === words[0]) && words.length === 1 ? [] : words;
}

function takesValue(word: string | undefined, commands: readonly Command[]): boolean {
  if (word === '--socket') return true;
  const name = word?.startsWith('--') === true ? word.slice(2) : undefined;
  return name !== undefined && commands.some(({ options }) => options?.[name]?.value !== undefined);
}

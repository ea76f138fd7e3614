// From words to a command and its options: yargs knows the grammar and writes the help, and what it
// refuses becomes a USAGE error that names the word that may have been meant.

import yargs, { type Argv, type Options } from 'yargs';
import { P6nError } from '../base/errors.ts';
import { type Command, type CommandOption, Words } from './command.ts';
import { NOUNS, type Noun } from './nouns.ts';
import { nearest } from './suggestion.ts';

export type CommandLine =
  | { readonly kind: 'command'; readonly command: Command; readonly words: Words }
  /** `--help` or `--version`: text for standard output. */
  | { readonly kind: 'text'; readonly text: string };

const GLOBAL_OPTIONS = ['socket', 'json', 'help', 'version'] as const;
const HELP_COLUMNS = 90;
const PARSER_CONFIGURATION = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'greedy-arrays': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'populate--': true,
};

/** Throws USAGE for everything that is no command. */
export async function parseCommandLine(
  argv: readonly string[],
  version: string,
): Promise<CommandLine> {
  const [nounWord, verbWord] = leadingWords(argv);
  const noun = NOUNS.find((one) => one.name === nounWord);
  if (nounWord !== undefined && noun === undefined) {
    throw unknownWord(
      nounWord,
      'p6nctl',
      NOUNS.map((one) => one.name),
    );
  }
  const commands = noun === undefined ? [] : await noun.load();
  if (noun !== undefined && verbWord !== undefined) requireVerb(noun, commands, verbWord);
  let chosen: { readonly command: Command; readonly words: Words } | undefined;
  const parser = baseParser(version);
  for (const one of NOUNS) {
    if (one !== noun) parser.command(one.name, one.summary);
  }
  if (noun !== undefined) {
    addNoun(parser, { noun, commands }, (command, words) => {
      chosen = { command, words };
    });
  }
  const program = noun === undefined ? 'p6nctl' : `p6nctl ${noun.name}`;
  const text = await parse(parser, { argv, program, commands });
  if (chosen !== undefined) return { kind: 'command', ...chosen };
  return { kind: 'text', text };
}

/** The first two words that are neither options nor the value of `--socket`. */
function leadingWords(argv: readonly string[]): readonly string[] {
  const words: string[] = [];
  for (let index = 0; index < argv.length && argv[index] !== '--'; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--socket') index += 1;
    else if (!word.startsWith('-')) words.push(word);
    else if (words.length > 0) break;
  }
  return words.slice(0, 2);
}

function requireVerb(noun: Noun, commands: readonly Command[], word: string): void {
  const verbs = commands.map((command) => command.usage.split(' ')[0] ?? '');
  if (verbs.includes(noun.name) || verbs.includes(word)) return;
  throw unknownWord(word, `p6nctl ${noun.name}`, verbs);
}

function baseParser(version: string): Argv {
  return yargs()
    .scriptName('p6nctl')
    .usage('$0 [--socket PATH] [--json] NOUN VERB')
    .option('socket', {
      type: 'string',
      requiresArg: true,
      describe: 'Unix socket of p6nd; also P6N_SOCKET',
    })
    .option('json', { type: 'boolean', describe: 'Print JSON instead of tables' })
    .version(version)
    .help()
    .alias('help', 'h')
    .strict()
    .demandCommand(1, 'a command is missing')
    .parserConfiguration(PARSER_CONFIGURATION)
    .detectLocale(false)
    .wrap(HELP_COLUMNS)
    .exitProcess(false);
}

type Choose = (command: Command, words: Words) => void;

function addNoun(
  parser: Argv,
  { noun, commands }: { readonly noun: Noun; readonly commands: readonly Command[] },
  choose: Choose,
): void {
  const [only] = commands;
  if (only !== undefined && only.usage.split(' ')[0] === noun.name) {
    addCommand(parser, { command: only, lead: '', usage: only.usage }, choose);
    return;
  }
  parser.command(noun.name, noun.summary, (nested) => {
    addVerbs(
      nested,
      commands.map((command) => ({ command, lead: `${noun.name} `, usage: command.usage })),
      choose,
    );
    return nested.demandCommand(1, `a verb after "${noun.name}" is missing`);
  });
}

interface UsedCommand {
  readonly command: Command;
  /** The words that lead to it, with a space behind them. */
  readonly lead: string;
  /** What is left of the command's usage below the words that lead to it. */
  readonly usage: string;
}

/** Adds commands; those of more than one word, like `invites list`, below their first word. */
function addVerbs(parser: Argv, commands: readonly UsedCommand[], choose: Choose): void {
  const groups = new Map<string, UsedCommand[]>();
  for (const one of commands) {
    const [first = '', second = ''] = one.usage.split(' ');
    if (second === '' || second.startsWith('<')) {
      addCommand(parser, one, choose);
      continue;
    }
    const rest = {
      command: one.command,
      lead: `${one.lead}${first} `,
      usage: one.usage.slice(first.length + 1),
    };
    groups.set(first, [...(groups.get(first) ?? []), rest]);
  }
  for (const [word, members] of groups) {
    const verbs = members.map((one) => one.usage.split(' ')[0]).join(', ');
    parser.command(word, `Commands: ${verbs}`, (nested) => {
      addVerbs(nested, members, choose);
      return nested.demandCommand(1, `a verb after "${word}" is missing`);
    });
  }
}

function addCommand(parser: Argv, { command, lead, usage }: UsedCommand, choose: Choose): void {
  const tail = command.takesCommand === true ? ' -- COMMAND...' : '';
  parser.command(
    usage,
    command.summary,
    (nested) => {
      if (tail !== '') nested.usage(`$0 ${lead}${usage} [options]${tail}\n\n${command.summary}`);
      for (const [name, option] of Object.entries(command.options ?? {})) {
        nested.option(name, yargsOption(option));
      }
      return nested;
    },
    (values) => choose(command, new Words(values)),
  );
}

function yargsOption(option: CommandOption): Options {
  const demandOption = option.required === true;
  const short = option.short === undefined ? {} : { alias: option.short };
  if (option.value === undefined) {
    return { type: 'boolean', describe: option.summary, ...short };
  }
  return {
    ...short,
    type: option.repeated === true ? 'array' : 'string',
    string: true,
    requiresArg: true,
    describe: `${option.summary} [${option.value}]`,
    demandOption,
  };
}

interface Attempt {
  readonly argv: readonly string[];
  /** The words up to the noun, as they stand in hints. */
  readonly program: string;
  readonly commands: readonly Command[];
}

async function parse(parser: Argv, attempt: Attempt): Promise<string> {
  let text = '';
  let problem: P6nError | undefined;
  parser.fail((message, error) => {
    problem ??= error instanceof P6nError ? error : usageError(message, attempt);
  });
  await parser.parseAsync([...attempt.argv], {}, (_error, _values, output) => {
    text = output;
  });
  if (problem !== undefined) throw problem;
  return text === '' ? '' : `${text}\n`;
}

const UNKNOWN_PATTERN = /^Unknown (?:argument|command)s?: (.+)$/;
const MISSING_PATTERN = /^Missing required arguments?: (.+)$/;
const VALUE_PATTERN = /^Not enough arguments following: (.+)$/;

/** What yargs says, in our words. */
function usageError(message: string, attempt: Attempt): P6nError {
  const unknown = UNKNOWN_PATTERN.exec(message)?.[1]?.split(', ')[0];
  if (unknown !== undefined) return unknownArgument(unknown, attempt);
  let facts = message;
  const missing = MISSING_PATTERN.exec(message)?.[1];
  const bare = VALUE_PATTERN.exec(message)?.[1];
  if (missing !== undefined) facts = `--${missing.replaceAll(', ', ' and --')} is missing`;
  else if (bare !== undefined) facts = `the value of --${bare} is missing`;
  else if (message.startsWith('Not enough non-option')) facts = 'a word is missing';
  return new P6nError('USAGE', `Cannot read the command line: ${facts}`, {
    hint: seeHelp(attempt.program),
  });
}

function unknownArgument(unknown: string, { argv, program, commands }: Attempt): P6nError {
  const isOption = argv.some((word) => word.startsWith('-') && word.includes(unknown));
  const options = commands.flatMap((command) => Object.keys(command.options ?? {}));
  const words = commands.flatMap((command) => command.usage.split(' '));
  const like = nearest(unknown, isOption ? [...GLOBAL_OPTIONS, ...options] : words);
  const text = isOption ? `--${unknown}` : unknown;
  let hint = seeHelp(program);
  if (like !== undefined) hint = `Did you mean ${isOption ? '--' : ''}${like}?`;
  else if (!isOption && commands.some((command) => command.takesCommand)) {
    hint = 'A command to run stands after --, as in: p6nctl instances run --app web -- sleep 60';
  }
  return new P6nError('USAGE', `Cannot read the command line: "${text}" is unknown`, { hint });
}

function unknownWord(word: string, program: string, known: readonly string[]): P6nError {
  const like = nearest(word, known);
  return new P6nError('USAGE', `Cannot run "${program} ${word}": there is no such command`, {
    hint: like === undefined ? seeHelp(program) : `Did you mean \`${program} ${like}\`?`,
  });
}

function seeHelp(program: string): string {
  return `See what there is with \`${program} --help\`.`;
}

// What a command of p6nctl is: its words and options for the parser, and what it does with them.
// Parsing and doing are apart, so that each is tested alone.

import type { ApiClient } from '../api/client.ts';
import type { WallMillis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import type { Speech } from './terminal.ts';

/** All that a command gets from outside. */
export interface CommandContext extends Speech {
  readonly client: ApiClient;
  /** Path of p6nd's socket. */
  readonly socket: string;
  readonly now: () => WallMillis;
  readonly version: string;
  /** Absolute path of the folder that p6nctl was started in. */
  readonly workingDirectory: string;
  /** TERM of the environment. */
  readonly terminalType?: string | undefined;
  /** Calls `listener` at each SIGINT and SIGTERM instead of ending; the result puts it back. */
  readonly onInterrupt: (listener: () => void) => () => void;
}

/** That of p6nctl, or of a program that it has run. */
export type ExitCode = number;

export interface CommandOption {
  readonly summary: string;
  /** What stands for the value in the help; absent for a switch. */
  readonly value?: string;
  readonly required?: boolean;
  /** One letter that stands for it behind one dash. */
  readonly short?: string;
  /** May be given again and again. */
  readonly repeated?: boolean;
}

export interface Command {
  /** Words and positional arguments after the noun: `create <name>`. */
  readonly usage: string;
  readonly summary: string;
  readonly options?: Readonly<Record<string, CommandOption>>;
  /** Takes a command of somebody else's after `--`. */
  readonly takesCommand?: boolean;
  /** Resolves with the exit code where 0 is not all that there is to say. */
  readonly run: (context: CommandContext, words: Words) => Promise<void> | Promise<ExitCode>;
}

/** What was given on the command line; every method throws USAGE on what does not fit. */
export class Words {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** A positional argument or required option. */
  text(name: string): string {
    const value = this.optionalText(name);
    if (value !== undefined) return value;
    throw new P6nError('USAGE', `Cannot read the command line: "${name}" is missing`);
  }

  optionalText(name: string): string | undefined {
    const value = this.#values[name];
    if (value === undefined) return undefined;
    if (Array.isArray(value)) {
      throw new P6nError('USAGE', `Cannot read the command line: --${name} is given twice`);
    }
    const text = String(value);
    if (text !== '') return text;
    throw new P6nError('USAGE', `Cannot read the command line: "${name}" is empty`);
  }

  texts(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  flag(name: string): boolean {
    const value = this.#values[name];
    return Array.isArray(value) ? value.at(-1) === true : value === true;
  }

  /** Throws VALUE_INVALID unless the text is a whole number from `min` to `max`. */
  optionalInteger(
    name: string,
    range: { readonly min: number; readonly max: number },
  ): number | undefined {
    const text = this.optionalText(name);
    if (text === undefined) return undefined;
    const { max, min } = range;
    const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new P6nError(
      'VALUE_INVALID',
      `Cannot use "${text}" as ${name}: it is not a whole number from ${min} to ${max}`,
    );
  }

  /** What stands after `--`. */
  command(): readonly string[] {
    const value = this.#values['--'];
    return Array.isArray(value) ? value.map(String) : [];
  }
}

/** `{ [key]: value }`, or nothing when there is no value: for optional fields of requests. */
export function optional<K extends string, V>(
  key: K,
  value: V | undefined,
): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

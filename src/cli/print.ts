// Data on standard output: a table or a list of facts for people, JSON for programs.

import type { Speech } from './terminal.ts';

/** A column of a table or a line of a record. */
export interface Field<T> {
  readonly title: string;
  /** The text for people; empty when there is none. */
  readonly text: (value: T) => string;
}

const NO_BORDER = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** A row for each of `values`; nothing at all for people when there are none. */
export async function printList<T>(
  speech: Speech,
  values: readonly T[],
  fields: readonly Field<T>[],
): Promise<void> {
  if (speech.json) return await printJson(speech, values);
  if (values.length === 0) return;
  const bold = await boldIf(speech.terminal.colours.out);
  const heads = fields.map((field) => bold(field.title.toUpperCase()));
  const rows = values.map((value) => fields.map((field) => visible(field.text(value))));
  await speech.terminal.out(await layOut([heads, ...rows]));
}

/** A line for each of the fields that have a text. */
export async function printRecord<T>(
  speech: Speech,
  value: T,
  fields: readonly Field<T>[],
): Promise<void> {
  if (speech.json) return await printJson(speech, value);
  const bold = await boldIf(speech.terminal.colours.out);
  const rows = fields
    .map((field) => [bold(field.title), visible(field.text(value))])
    .filter(([, text]) => text !== '');
  await speech.terminal.out(await layOut(rows));
}

export async function printJson(speech: Speech, value: unknown): Promise<void> {
  await speech.terminal.out(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** A moment in the form of ISO 8601, to the second. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Bytes in units of 1024, at most one digit after the point. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

async function layOut(rows: readonly (readonly string[])[]): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    chars: NO_BORDER,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) table.push([...row]);
  const lines = table.toString().split('\n');
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

async function boldIf(colours: boolean): Promise<(text: string) => string> {
  const { default: picocolors } = await import('picocolors');
  return picocolors.createColors(colours).bold;
}

/** Names come from other people: what would steer the terminal is shown and not obeyed. */
export function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => {
    return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

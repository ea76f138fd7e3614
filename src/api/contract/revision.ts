// A revision as one word, `INCARNATION.NUMBER`: the id of a server-sent event, and what `--since`
// takes.

import { P6nError } from '../../base/errors.ts';
import type { Revision } from '../../registry/model.ts';

const REVISION_PATTERN = /^([0-9a-zA-Z_-]{1,64})\.([0-9]{1,15})$/;

export function formatRevision({ incarnation, number }: Revision): string {
  return `${incarnation}.${number}`;
}

/** Throws VALUE_INVALID. */
export function parseRevision(text: string): Revision {
  const [, incarnation, number] = REVISION_PATTERN.exec(text) ?? [];
  if (incarnation !== undefined && number !== undefined) {
    return { incarnation, number: Number(number) };
  }
  throw new P6nError('VALUE_INVALID', `Cannot use "${text}" as a revision: it is none`, {
    hint: '`p6nctl events --follow --json` shows a revision with each event.',
  });
}

// How a command fails: what failed, what to do about it and the stable code, on standard error.

import type { P6nError } from '../base/errors.ts';
import type { Speech } from './terminal.ts';

export async function reportError(speech: Speech, error: P6nError): Promise<void> {
  const { terminal, json } = speech;
  if (json) {
    const { code, hint, message } = error;
    const body = { error: message, code, ...(hint === undefined ? {} : { hint }) };
    await terminal.err(`${JSON.stringify(body)}\n`);
    return;
  }
  const { default: picocolors } = await import('picocolors');
  const colours = picocolors.createColors(terminal.colours.err);
  const hint = error.hint === undefined ? '' : `${colours.bold('Hint:')} ${error.hint}\n`;
  const head = colours.bold(colours.red('Error:'));
  await terminal.err(`${head} ${error.message}\n${hint}${colours.dim(`(${error.code})`)}\n`);
}

// A terminal that remembers what was written to it.

import type { Terminal } from '../../src/cli/terminal.ts';

export class MemoryTerminal implements Terminal {
  readonly colours: { readonly out: boolean; readonly err: boolean };
  /** All that was written to standard output. */
  output = '';
  /** All that was written to standard error. */
  talk = '';

  constructor(colours = false) {
    this.colours = { out: colours, err: colours };
  }

  out(data: string | Uint8Array): Promise<void> {
    this.output += text(data);
    return Promise.resolve();
  }

  err(data: string | Uint8Array): Promise<void> {
    this.talk += text(data);
    return Promise.resolve();
  }
}

function text(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : Buffer.from(data).toString('utf8');
}

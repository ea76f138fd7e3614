// `p6nctl instances logs`: what the command of an instance of this host has written, as much of it
// as its host keeps, and what it writes.

import type { ClientPart } from '../../../api/client.ts';
import type { OutputLine } from '../../../api/contract/output.ts';
import type { Command, CommandContext } from '../../command.ts';
import { printJson } from '../../print.ts';
import { type Speech, warn } from '../../terminal.ts';

/** More than a host keeps. */
const TAIL_BYTES = 16_777_216;
const LINES_MAX = 999_999_999;
const NEWLINE = 0x0a;

export interface ShowLogsOptions extends Speech {
  readonly client: ClientPart<'instances', 'output'>;
  readonly onInterrupt: CommandContext['onInterrupt'];
  readonly reference: string;
  readonly follow: boolean;
  readonly lines: number | undefined;
  /** In front of each line, in UTC. */
  readonly timestamps: boolean;
}

export async function showLogs(options: ShowLogsOptions): Promise<void> {
  const { client, follow, lines, onInterrupt, reference, terminal } = options;
  const abort = new AbortController();
  const close = onInterrupt(() => abort.abort());
  const request = { follow, tailBytes: TAIL_BYTES, tailLines: lines };
  const stamps = {
    stdout: new Stamper(options.timestamps),
    stderr: new Stamper(options.timestamps),
  };
  try {
    for await (const line of client.instances.output(reference, request, abort.signal)) {
      if (line.type === 'heartbeat' || line.type === 'exit') continue;
      if (line.type === 'skipped') {
        await warn(options, `${line.bytes} bytes of the command's output are left out here`);
      } else if (options.json) {
        await printJson(options, line);
      } else {
        const text = stamps[line.type].stamp(line);
        await (line.type === 'stdout' ? terminal.out(text) : terminal.err(text));
      }
    }
  } finally {
    close();
  }
}

/** Puts the time in front of lines, which may come in several pieces. */
class Stamper {
  readonly #isOn: boolean;
  #isLineStart = true;

  constructor(isOn: boolean) {
    this.#isOn = isOn;
  }

  stamp({ at, data }: Extract<OutputLine, { data: string }>): Uint8Array {
    const bytes = Buffer.from(data, 'base64');
    if (!this.#isOn) return bytes;
    const time = `${at === undefined ? '-' : new Date(at).toISOString()} `;
    const parts: Uint8Array[] = [];
    let start = 0;
    while (start < bytes.length) {
      const end = bytes.indexOf(NEWLINE, start);
      const next = end < 0 ? bytes.length : end + 1;
      if (this.#isLineStart) parts.push(Buffer.from(time));
      parts.push(bytes.subarray(start, next));
      this.#isLineStart = end >= 0;
      start = next;
    }
    return Buffer.concat(parts);
  }
}

export const INSTANCE_LOGS: Command = {
  usage: 'logs <instance>',
  summary: 'Print what the command of an instance of this host has written',
  options: {
    follow: { summary: 'And what it writes, until it ends', short: 'f' },
    lines: { summary: 'The last lines of it alone', value: 'COUNT', short: 'n' },
    timestamps: { summary: 'The time in front of each line', short: 't' },
  },
  run: (context, words) =>
    showLogs({
      ...context,
      reference: words.text('instance'),
      follow: words.flag('follow'),
      lines: words.optionalInteger('lines', { min: 0, max: LINES_MAX }),
      timestamps: words.flag('timestamps'),
    }),
};

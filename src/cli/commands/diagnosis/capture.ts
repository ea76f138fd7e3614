// `p6nctl capture`: the packets of a network or of an instance of this host, as pcapng for
// Wireshark, tshark and tcpdump: to a file, or to a program behind a pipe.

import type { FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ClientPart } from '../../../api/client.ts';
import type { CaptureQuery } from '../../../api/contract/capture.ts';
import { SNAP_LENGTH_MAX } from '../../../api/contract/protocol.ts';
import { P6nError } from '../../../base/errors.ts';
import { type Command, type CommandContext, optional } from '../../command.ts';
import { openPrivate } from '../../private-file.ts';
import { type Speech, talk } from '../../terminal.ts';

const STANDARD_OUTPUT = '-';
const COUNT_MAX = 999_999_999;

export interface CaptureOptions extends Speech {
  readonly client: ClientPart<'host', 'capture'>;
  readonly query: CaptureQuery;
  /** The path of a file, or `-`. */
  readonly target: string;
  readonly onInterrupt: CommandContext['onInterrupt'];
}

export async function capture(options: CaptureOptions): Promise<void> {
  const { client, query, target, terminal } = options;
  if (target === STANDARD_OUTPUT && terminal.colours.out) {
    throw new P6nError('USAGE', 'Cannot capture to a terminal', {
      hint: 'Name a file with -w, or pipe the output: p6nctl capture ... | tshark -r -',
    });
  }
  const abort = new AbortController();
  const close = options.onInterrupt(() => abort.abort());
  let file: FileHandle | undefined;
  try {
    const chunks = await client.host.capture(query, abort.signal);
    // A refusal makes no file.
    if (target !== STANDARD_OUTPUT) file = await openPrivate(target);
    await talk(options, 'Capturing, until interrupted');
    for await (const chunk of chunks) {
      if (file === undefined) await terminal.out(chunk);
      else await file.writeFile(chunk);
    }
  } finally {
    close();
    await file?.close();
  }
}

export const CAPTURE: Command = {
  usage: 'capture',
  summary: 'Capture packets of a network or an instance, with the verdicts of the filter',
  options: {
    network: { summary: 'Network whose packets are wanted, by name or id', value: 'NAME' },
    instance: { summary: 'Instance of this host whose packets are wanted', value: 'NAME' },
    write: { summary: 'File to write, - for standard output', value: 'FILE', short: 'w' },
    snaplen: { summary: 'Bytes of each packet', value: 'NUMBER' },
    count: { summary: 'End after so many packets', value: 'NUMBER' },
  },
  run: (context, words) => {
    const network = words.optionalText('network');
    const instance = words.optionalText('instance');
    if ((network === undefined) === (instance === undefined)) {
      throw new P6nError('USAGE', 'Cannot capture: name --network or --instance');
    }
    const snaplen = words.optionalInteger('snaplen', { min: 64, max: SNAP_LENGTH_MAX });
    const count = words.optionalInteger('count', { min: 1, max: COUNT_MAX });
    const query = {
      ...optional('network', network),
      ...optional('instance', instance),
      ...optional('snap_length', snaplen?.toString()),
      ...optional('count', count?.toString()),
    };
    const write = words.optionalText('write') ?? STANDARD_OUTPUT;
    const target = write === STANDARD_OUTPUT ? write : resolve(context.workingDirectory, write);
    return capture({ ...context, query, target });
  },
};

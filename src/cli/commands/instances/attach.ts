// `p6nctl instances attach`: makes somebody else's namespace an instance.

import { isAbsolute, resolve } from 'node:path';
import type { ClientPart } from '../../../api/client.ts';
import type { AttachInstance } from '../../../api/contract/instances.ts';
import { P6nError } from '../../../base/errors.ts';
import { type Command, optional } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { INSTANCE_FIELDS, INSTANCE_OPTIONS, instanceFacts } from './fields.ts';

/** PID_MAX_LIMIT of Linux on 64 bits. */
const PID_MAX = 4_194_304;

export interface AttachInstanceOptions extends Speech {
  readonly client: ClientPart<'instances', 'attach'>;
  readonly request: AttachInstance;
}

export async function attachInstance(options: AttachInstanceOptions): Promise<void> {
  const instance = await options.client.instances.attach(options.request);
  await printRecord(options, instance, INSTANCE_FIELDS);
}

export const ATTACH_INSTANCE: Command = {
  usage: 'attach',
  summary: 'Make an existing network namespace an instance of an app',
  options: {
    ...INSTANCE_OPTIONS,
    netns: { summary: 'Path of the network namespace', value: 'PATH' },
    pid: { summary: 'A process in the network namespace', value: 'NUMBER' },
  },
  run: (context, words) => {
    const netns = words.optionalText('netns');
    const pid = words.optionalInteger('pid', { min: 1, max: PID_MAX });
    if ((netns === undefined) === (pid === undefined)) {
      throw new P6nError('USAGE', 'Cannot attach: exactly one of --netns and --pid is needed', {
        hint: 'Name the namespace by its path or by a process that lives in it.',
      });
    }
    const path =
      netns === undefined || isAbsolute(netns) ? netns : resolve(context.workingDirectory, netns);
    const request = {
      ...instanceFacts(words),
      ...optional('netns', path),
      ...optional('pid', pid),
    };
    return attachInstance({ ...context, request });
  },
};

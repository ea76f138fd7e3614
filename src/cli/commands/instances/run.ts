// `p6nctl instances run`: starts a command as an instance. In the foreground it passes the
// command's output on, turns an interrupt into a stop of the instance, and ends as the command
// ends.

import type { ClientPart } from '../../../api/client.ts';
import type { InstanceView, RunInstance } from '../../../api/contract/instances.ts';
import type { OutputLine } from '../../../api/contract/output.ts';
import { P6nError } from '../../../base/errors.ts';
import type { Command, CommandContext } from '../../command.ts';
import { printList, printRecord } from '../../print.ts';
import { type Speech, warn } from '../../terminal.ts';
import { INSTANCE_COLUMNS, INSTANCE_FIELDS, INSTANCE_OPTIONS, instanceFacts } from './fields.ts';
import { RUN_OPTIONS, runFacts } from './run-options.ts';

/** What the command wrote before its output was asked for, bytes: more than anybody keeps. */
const TAIL_BYTES = 16_777_216;

/** More than that is a mistake. */
const COUNT_MAX = 1_024;

type ExitLine = Extract<OutputLine, { type: 'exit' }>;

export interface RunInstanceOptions extends Speech {
  readonly client: ClientPart<'instances', 'run' | 'output' | 'stop' | 'remove'>;
  readonly onInterrupt: CommandContext['onInterrupt'];
  readonly request: RunInstance;
  readonly detach: boolean;
  /** Whether the instance goes when its command has ended. */
  readonly remove: boolean;
}

/** Throws COMMAND_FAILED when a command in the foreground does not end with exit code 0. */
export async function runInstance(options: RunInstanceOptions): Promise<void> {
  const { client, detach, request } = options;
  if (detach) {
    return await printRecord(options, await client.instances.run(request), INSTANCE_FIELDS);
  }
  const interrupts = new Interrupts(options);
  try {
    const { id, name } = await client.instances.run(request);
    interrupts.started(id);
    const exit = await passOutput(options, id);
    if (options.remove) await client.instances.remove(id, { force: true });
    if (exit.code === 0) return;
    const end =
      exit.code === undefined
        ? `was ended by ${exit.signal ?? 'a signal'}`
        : `exited with code ${exit.code}`;
    throw new P6nError('COMMAND_FAILED', `Cannot finish instance "${name}": its command ${end}`);
  } finally {
    interrupts.close();
  }
}

export interface RunInstancesOptions extends Speech {
  readonly client: ClientPart<'instances', 'run' | 'runCluster'>;
  readonly request: RunInstance;
  readonly count: number;
  /** All or none. */
  readonly isCluster: boolean;
}

/** Runs instances one after the other; those that run stay when a later one fails. */
export async function runInstances(options: RunInstancesOptions): Promise<void> {
  const { client, count, isCluster, request } = options;
  if (isCluster) {
    const { instances } = await client.instances.runCluster({ ...request, size: count });
    return await printList(options, instances, INSTANCE_COLUMNS);
  }
  const { name, ...unnamed } = request;
  const made: InstanceView[] = [];
  try {
    for (let number = 1; number <= count; number += 1) {
      const own = name === undefined ? unnamed : { ...request, name: `${name}-${number}` };
      made.push(await client.instances.run(own));
    }
  } finally {
    await printList(options, made, INSTANCE_COLUMNS);
  }
}

/** Turns the first interrupt into a stop of the instance, and a further one into one by force. */
class Interrupts {
  readonly #options: RunInstanceOptions;
  readonly #close: () => void;
  #id: string | undefined;
  #count = 0;

  constructor(options: RunInstanceOptions) {
    this.#options = options;
    this.#close = options.onInterrupt(() => {
      this.#count += 1;
      this.#stop();
    });
  }

  /** The instance has this id; an interrupt that came before is made good. */
  started(id: string): void {
    this.#id = id;
    if (this.#count > 0) this.#stop();
  }

  close(): void {
    this.#close();
  }

  #stop(): void {
    const { client } = this.#options;
    if (this.#id === undefined) return;
    const stopped = client.instances.stop(this.#id, this.#count > 1 ? { graceMs: 0 } : {});
    stopped.catch((error: unknown) => {
      // A command that has ended meanwhile is what was wanted.
      if (error instanceof P6nError && error.code === 'INSTANCE_STATE') return;
      void warn(this.#options, error instanceof Error ? error.message : String(error));
    });
  }
}

/** Writes the command's output where it belongs until the command has ended. */
async function passOutput(options: RunInstanceOptions, id: string): Promise<ExitLine> {
  const { client, terminal } = options;
  const { signal } = new AbortController();
  const request = { follow: true, tailBytes: TAIL_BYTES };
  for await (const line of client.instances.output(id, request, signal)) {
    switch (line.type) {
      case 'stdout':
        await terminal.out(Buffer.from(line.data, 'base64'));
        break;
      case 'stderr':
        await terminal.err(Buffer.from(line.data, 'base64'));
        break;
      case 'skipped':
        await warn(options, `${line.bytes} bytes of the command's output are left out here`);
        break;
      case 'exit':
        return line;
      case 'heartbeat':
        break;
    }
  }
  throw new P6nError(
    'DAEMON_UNREACHABLE',
    `Cannot follow instance "${id}": p6nd ended its output before its end`,
    { hint: `The instance goes on; see \`p6nctl instances show ${id}\`.` },
  );
}

export const RUN_INSTANCE: Command = {
  usage: 'run',
  summary: 'Run a command as an instance of an app, on this host',
  options: {
    ...INSTANCE_OPTIONS,
    ...RUN_OPTIONS,
    cluster: { summary: 'With --count: start all or none, with ranks, NAME-0 and so on' },
    count: { summary: 'So many instances, with --detach; NAME-1 and so on', value: 'COUNT' },
    detach: { summary: 'Return when the command runs, and print the instance' },
    rm: { summary: 'Remove the instance when its command has ended' },
  },
  takesCommand: true,
  run: (context, words) => {
    const command = words.command();
    if (command.length === 0) {
      throw new P6nError('USAGE', 'Cannot run an instance: there is no command after --', {
        hint: 'Write for example: p6nctl instances run --app web -- sleep 60',
      });
    }
    const request = {
      ...instanceFacts(words),
      command,
      ...runFacts(words, context.workingDirectory),
    };
    const count = words.optionalInteger('count', { min: 1, max: COUNT_MAX });
    const [detach, remove] = [words.flag('detach'), words.flag('rm')];
    if (detach && remove) {
      throw new P6nError('USAGE', 'Cannot run an instance: --rm does not go with --detach', {
        hint: 'Remove it later: `p6nctl instances remove --force`.',
      });
    }
    if (count === undefined && words.flag('cluster')) {
      throw new P6nError('USAGE', 'Cannot run a cluster: --cluster needs --count and --detach');
    }
    if (count === undefined) return runInstance({ ...context, request, detach, remove });
    const isCluster = words.flag('cluster');
    if (detach) return runInstances({ ...context, request, count, isCluster });
    throw new P6nError('USAGE', 'Cannot run an instance: --count needs --detach', {
      hint: 'See what they write with `p6nctl instances logs -f`.',
    });
  },
};

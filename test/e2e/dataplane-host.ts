// A host for end-to-end tests: a process inside a network namespace that runs a Dataplane and does
// what its parent says.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { asP6nError, type ErrorCode, P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { DataplaneConfig } from '../../src/dataplane/config.ts';
import { Dataplane, type DataplaneEvent, type PeerStatus } from '../../src/dataplane/dataplane.ts';
import type { LinkSettings } from '../../src/os/links.ts';
import { LINUX_LINKS } from '../../src/os/linux/links.ts';
import { parseOffloads } from '../../src/os/offloads.ts';
import type { TestNamespace } from './namespaces.ts';

const CHILD_ARGUMENT = 'dataplane-host';

type Command =
  | { readonly type: 'start'; readonly config: DataplaneConfig }
  | { readonly type: 'apply'; readonly config: DataplaneConfig }
  | { readonly type: 'link'; readonly link: LinkSettings }
  | { readonly type: 'counters' }
  | { readonly type: 'peers' }
  | { readonly type: 'stop' };

type Answer =
  | { readonly type: 'done'; readonly value: unknown }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'event'; readonly event: DataplaneEvent };

export interface DataplaneHost {
  readonly events: DataplaneEvent[];
  /** Resolves with the name of its crypto. */
  start(config: DataplaneConfig): Promise<string>;
  applyConfig(config: DataplaneConfig): Promise<void>;
  configureLink(link: LinkSettings): Promise<number>;
  counters(): Promise<Record<string, number>>;
  peers(): Promise<PeerStatus[]>;
  stop(): Promise<void>;
  /** Waits until an event of that type has happened. */
  event(type: DataplaneEvent['type']): Promise<DataplaneEvent>;
  kill(): void;
}

/** Starts the process inside `namespace`; it ends with the test. */
export function startHost(t: TestContext, namespace: TestNamespace): DataplaneHost {
  const child = fork(fileURLToPath(import.meta.url), [CHILD_ARGUMENT], {
    execPath: '/usr/bin/env',
    execArgv: ['ip', 'netns', 'exec', namespace.name, process.execPath],
    serialization: 'advanced',
  });
  t.after(() => child.kill('SIGKILL'));
  const events: DataplaneEvent[] = [];
  const answers: ((answer: Answer) => void)[] = [];
  child.on('message', (answer: Answer) => {
    if (answer.type === 'event') events.push(answer.event);
    else answers.shift()?.(answer);
  });
  const ask = async (command: Command): Promise<unknown> => {
    child.send(command);
    const answer = await new Promise<Answer>((resolve) => answers.push(resolve));
    if (answer.type === 'failed') throw new P6nError(answer.code, answer.message);
    return answer.type === 'done' ? answer.value : undefined;
  };
  return {
    events,
    start: (config) => ask({ type: 'start', config }) as Promise<string>,
    applyConfig: (config) => ask({ type: 'apply', config }) as Promise<void>,
    configureLink: (link) => ask({ type: 'link', link }) as Promise<number>,
    counters: () => ask({ type: 'counters' }) as Promise<Record<string, number>>,
    peers: () => ask({ type: 'peers' }) as Promise<PeerStatus[]>,
    stop: () => ask({ type: 'stop' }) as Promise<void>,
    event: async (type) => {
      for (;;) {
        const found = events.find((event) => event.type === type);
        if (found !== undefined) return found;
        await once(child, 'message');
      }
    },
    kill: () => child.kill('SIGKILL'),
  };
}

if (process.argv[2] === CHILD_ARGUMENT) serve();

function serve(): void {
  let dataplane: Dataplane | undefined;
  const send = (answer: Answer): void => {
    process.send?.(answer);
  };
  const run = async (command: Command): Promise<unknown> => {
    switch (command.type) {
      case 'start':
        dataplane = await Dataplane.start({
          config: command.config,
          logger: SILENT_LOGGER,
          offloads: parseOffloads(process.env['P6N_OFFLOADS']),
          // An error would lose its class on the way.
          onEvent: (event) =>
            send({ type: 'event', event: JSON.parse(JSON.stringify(event)) as DataplaneEvent }),
        });
        return dataplane.crypto;
      case 'apply':
        return await dataplane?.applyConfig(command.config);
      case 'link':
        return await LINUX_LINKS.configure(command.link);
      case 'counters':
        return dataplane?.counters();
      case 'peers':
        return await dataplane?.peers();
      case 'stop':
        return await dataplane?.stop();
    }
  };
  process.on('message', (command: Command) => {
    run(command).then(
      (value) => send({ type: 'done', value }),
      (error: unknown) => {
        const { code, message } = asP6nError(error, 'Cannot do it');
        send({ type: 'failed', code, message });
      },
    );
  });
  process.on('disconnect', () => process.exit());
}

// A whole host without a registry, for end-to-end tests: a process inside a network namespace with
// an agent, a data plane and a name server, which takes its copy of the registry from its parent.

import { type ChildProcess, fork } from 'node:child_process';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Agent } from '../../src/agent/agent.ts';
import type { AgentIdentity, CopyView, LocalInstance, RunRequest } from '../../src/agent/ports.ts';
import { fromBase64 } from '../../src/base/bytes.ts';
import { asP6nError, P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { HOST_TUN } from '../../src/dataplane/config.ts';
import { Dataplane } from '../../src/dataplane/dataplane.ts';
import { Nameserver } from '../../src/nameserver/nameserver.ts';
import { LinuxClock } from '../../src/os/linux/clock.ts';
import { LINUX_LINKS } from '../../src/os/linux/links.ts';
import { LINUX_DEVICE_SOCKETS } from '../../src/os/linux/sockets.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';
import type { TestNamespace } from './namespaces.ts';

const CHILD_ARGUMENT = 'agent-host';

/** What a host starts with; keys are base64. */
export interface HostStart extends Omit<AgentIdentity, 'privateKey'> {
  readonly privateKey: string;
  readonly stateFolder: string;
  readonly copy: CopyView;
}

type Command =
  | { readonly type: 'start'; readonly start: HostStart }
  | { readonly type: 'copy'; readonly copy: CopyView }
  | { readonly type: 'run'; readonly request: RunRequest }
  | { readonly type: 'stop' | 'start-instance' | 'remove' | 'output'; readonly reference: string }
  | { readonly type: 'list' }
  | { readonly type: 'settle' };

type Answer =
  | { readonly value: unknown }
  | { readonly code: P6nError['code']; readonly message: string };

export interface AgentHost {
  setCopy(copy: CopyView): Promise<void>;
  run(request: RunRequest): Promise<LocalInstance>;
  list(): Promise<readonly LocalInstance[]>;
  stop(reference: string): Promise<LocalInstance>;
  startInstance(reference: string): Promise<LocalInstance>;
  remove(reference: string): Promise<void>;
  /** All that a command says, once it has ended. */
  output(reference: string): Promise<string>;
  /** How many changes one more pass makes, and what fails. */
  settle(): Promise<{ readonly changes: number; readonly failures: readonly string[] }>;
  kill(): Promise<void>;
}

/** Starts the process inside `namespace`; it ends with the test, its instances do not. */
export async function startAgentHost(
  t: TestContext,
  namespace: TestNamespace,
  start: HostStart,
): Promise<AgentHost> {
  const child = fork(fileURLToPath(import.meta.url), [CHILD_ARGUMENT], {
    execPath: '/usr/bin/env',
    execArgv: ['ip', 'netns', 'exec', namespace.name, process.execPath],
    serialization: 'advanced',
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  t.after(() => child.kill('SIGKILL'));
  const ask = asker(child);
  await ask({ type: 'start', start });
  return {
    setCopy: (copy) => ask({ type: 'copy', copy }) as Promise<void>,
    run: (request) => ask({ type: 'run', request }) as Promise<LocalInstance>,
    list: () => ask({ type: 'list' }) as Promise<readonly LocalInstance[]>,
    stop: (reference) => ask({ type: 'stop', reference }) as Promise<LocalInstance>,
    startInstance: (reference) =>
      ask({ type: 'start-instance', reference }) as Promise<LocalInstance>,
    remove: (reference) => ask({ type: 'remove', reference }) as Promise<void>,
    output: (reference) => ask({ type: 'output', reference }) as Promise<string>,
    settle: () => ask({ type: 'settle' }) as ReturnType<AgentHost['settle']>,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function asker(child: ChildProcess): (command: Command) => Promise<unknown> {
  const waiting: ((answer: Answer) => void)[] = [];
  child.on('message', (answer: Answer) => waiting.shift()?.(answer));
  child.once('exit', () => {
    for (const answer of waiting.splice(0)) answer({ code: 'INTERNAL', message: 'it has ended' });
  });
  return async (command) => {
    const answer = await new Promise<Answer>((resolve) => {
      waiting.push(resolve);
      child.send(command);
    });
    if ('code' in answer) throw new P6nError(answer.code, answer.message);
    return answer.value;
  };
}

function serve(): void {
  const host = new Host();
  const send = (answer: Answer): void => void process.send?.(answer);
  // One command after the other: their answers come in order.
  let turn: Promise<void> = Promise.resolve();
  process.on('message', (command: Command) => {
    turn = turn.then(async () => {
      try {
        send({ value: await host.obey(command) });
      } catch (error) {
        const { code, message } = asP6nError(error, 'Cannot do it');
        send({ code, message });
      }
    });
  });
  process.on('disconnect', () => process.exit());
}

class Host {
  #copy: CopyView = { hosts: [], networks: [], apps: [], instances: [] };
  #agent: Agent | undefined;

  async obey(command: Command): Promise<unknown> {
    if (command.type === 'start') return await this.#start(command.start);
    if (this.#agent === undefined) throw new Error('it is not started');
    return await this.#operate(this.#agent, command);
  }

  async #operate(agent: Agent, command: Exclude<Command, { type: 'start' }>): Promise<unknown> {
    const { instances } = agent;
    switch (command.type) {
      case 'copy':
        this.#copy = command.copy;
        agent.changed();
        return void (await agent.applied());
      case 'run':
        return await instances.run(command.request);
      case 'list':
        return instances.list();
      case 'stop':
        return await instances.stop(command.reference);
      case 'start-instance':
        return await instances.start(command.reference);
      case 'remove':
        return await instances.remove(command.reference, { force: true });
      case 'output':
        return await readOutput(agent, command.reference);
      case 'settle': {
        const { changes, failures } = await agent.applied();
        return { changes, failures: [...failures.values()].map(({ message }) => message) };
      }
    }
  }

  async #start({ privateKey, stateFolder, copy, ...facts }: HostStart): Promise<void> {
    this.#copy = copy;
    const key = fromBase64(privateKey) as AgentIdentity['privateKey'];
    const identity: AgentIdentity = { ...facts, privateKey: key };
    const clock = new LinuxClock();
    const logger = SILENT_LOGGER;
    const random = SYSTEM_RANDOM;
    const dataplane = await Dataplane.start({
      config: {
        listenPort: identity.listenPort,
        device: { privateKey: key, peers: [] },
        filter: {
          hostId: identity.hostId,
          region: identity.region,
          extraHostAddresses: [],
          server: false,
          hosts: [],
          networks: [],
          instances: [],
          wireguardPeers: [],
        },
        tuns: [{ tun: HOST_TUN, name: 'p6n0', namespace: undefined, mtu: identity.mtu }],
      },
      logger,
      onEvent: (event) => this.#agent?.notice(event),
    });
    this.#agent = await Agent.start(
      {
        identity: () => identity,
        copy: { current: () => this.#copy, setNetworks: () => undefined },
        invites: { invites: () => [] },
        apps: { lookupApp: () => Promise.resolve(undefined) },
        writer: { putInstance: () => Promise.resolve(), removeInstance: () => Promise.resolve() },
        dataplane,
        links: LINUX_LINKS,
        names: new Nameserver({ sockets: LINUX_DEVICE_SOCKETS, clock, logger, random }),
        resolver: { resolve: () => Promise.resolve([]) },
        clock,
        random,
        logger,
      },
      { stateFolder },
    );
  }
}

async function readOutput(agent: Agent, reference: string): Promise<string> {
  let text = '';
  const { signal } = new AbortController();
  for await (const event of agent.instances.output(reference, { follow: true }, signal)) {
    if (event.type === 'output') text += Buffer.from(event.data).toString();
  }
  return text;
}

if (process.argv[2] === CHILD_ARGUMENT) serve();

// A supervisor as p6nd sees it: one connection for requests, which tells at once when the command
// has ended, and one more for each reader of the output.

import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { P6nError } from '../../base/errors.ts';
import type { CommandExit, OutputEvent, Tail } from '../ports.ts';
import type { CommandSpec } from './command.ts';
import { readTail } from './output-log.ts';
import {
  EXIT_FILE,
  encodeLine,
  PROTOCOL_VERSION,
  receiveMessages,
  SOCKET_FILE,
  type SupervisorMessage,
  type SupervisorState,
} from './protocol.ts';

const HELLO_TIMEOUT_MS = 5000;
/** What a supervisor gets for ending its command by force and telling of it, under load. */
const STOP_MARGIN_MS = 10_000;
/** What connect(2) says where nobody listens. */
const ABSENT_CODES: readonly unknown[] = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK'];

type Hello = Extract<SupervisorMessage, { type: 'hello' }>;
type Reply = Extract<SupervisorMessage, { type: 'reply' }>;
type Request =
  | ({ readonly type: 'start' } & CommandSpec)
  | { readonly type: 'stop'; readonly graceMs: number };

export class SupervisorSession {
  readonly #socket: Socket;
  readonly #directory: string;
  readonly #waiting = new Map<number, (reply: Reply | undefined) => void>();
  readonly #hello: Hello;
  #requests = 0;
  #commandPid: number | undefined;
  #restarts = 0;
  /** Resolves with the connection's end; the exit is undefined when the supervisor was killed. */
  readonly ended: Promise<CommandExit | undefined>;

  private constructor(socket: Socket, directory: string, hello: Hello) {
    this.#socket = socket;
    this.#directory = directory;
    this.#hello = hello;
    this.#commandPid = hello.commandPid;
    this.#restarts = hello.restarts ?? 0;
    this.ended = new Promise((resolve) =>
      socket.once('close', () => {
        for (const answer of this.#waiting.values()) answer(undefined);
        resolve(readExit(directory));
      }),
    );
  }

  /**
   * Undefined when no supervisor listens in `directory`; rejects when one does and says nothing, or
   * nothing that this p6nd understands.
   */
  static async find(directory: string): Promise<SupervisorSession | undefined> {
    try {
      return await SupervisorSession.connect(directory);
    } catch (error) {
      if (ABSENT_CODES.includes((error as NodeJS.ErrnoException).code)) return undefined;
      throw error;
    }
  }

  /** Rejects when no supervisor listens in `directory`, or one that this p6nd cannot speak to. */
  static async connect(directory: string): Promise<SupervisorSession> {
    const replies: { receive: (message: SupervisorMessage) => void } = { receive: () => undefined };
    const { socket, hello } = await open(directory, (message) => replies.receive(message));
    const session = new SupervisorSession(socket, directory, hello);
    // Nothing but the hello comes before the first request.
    replies.receive = (message) => session.#receive(message);
    return session;
  }

  /** The supervisor's process id. */
  get pid(): number {
    return this.#hello.pid;
  }

  /** Its state when the session began. */
  get initialState(): SupervisorState {
    return this.#hello.state;
  }

  get commandPid(): number | undefined {
    return this.#commandPid;
  }

  /** The file of the mount namespace that it holds. */
  get mounts(): string {
    return `/proc/${this.pid}/ns/mnt`;
  }

  /** How often the command was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** The file of the network namespace that it holds. */
  get namespace(): string {
    return `/proc/${this.pid}/ns/net`;
  }

  /** Resolves when the command runs; rejects with COMMAND_FAILED when it cannot be run. */
  async start(spec: CommandSpec): Promise<void> {
    const reply = await this.#request({ type: 'start', ...spec });
    if (reply?.error === undefined && reply !== undefined) {
      this.#commandPid = reply.commandPid;
      return;
    }
    throw new P6nError(
      'COMMAND_FAILED',
      `Cannot run "${spec.command[0]}": ${reply?.error ?? 'its supervisor has ended'}`,
    );
  }

  /**
   * Ends the command, by force after `graceMs`, and with it the supervisor: one that does not do so
   * in time is killed.
   */
  async stop(graceMs: number, marginMs: number = STOP_MARGIN_MS): Promise<void> {
    void this.#request({ type: 'stop', graceMs });
    const timer = setTimeout(() => this.#kill(), graceMs + marginMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** Leaves the supervisor running. */
  disconnect(): void {
    this.#socket.destroy();
  }

  /** The output as it comes, beginning with its end so far; ends with the command. */
  async *follow(tail: Tail, signal: AbortSignal): AsyncIterable<OutputEvent> {
    let answered = false;
    for await (const message of this.#following(tail, signal)) {
      if (message.type === 'reply') answered = true;
      const event = answered ? outputEvent(message) : undefined;
      if (event !== undefined) yield event;
    }
    // The command has ended just before; what it said is on disk.
    if (!answered && !signal.aborted) yield* readOutput(this.#directory, tail);
  }

  /** The messages of a connection that follows; none when the supervisor has ended. */
  async *#following(tail: Tail, signal: AbortSignal): AsyncIterable<SupervisorMessage> {
    const messages: SupervisorMessage[] = [];
    let wake: () => void = () => undefined;
    const opened = await open(this.#directory, (message, from) => {
      messages.push(message);
      // What is not taken here waits in the supervisor, which bounds it.
      from.pause();
      wake();
    }).catch(() => undefined);
    if (opened === undefined) return;
    const { socket } = opened;
    socket.once('close', () => wake());
    const abort = (): void => void socket.destroy();
    signal.addEventListener('abort', abort, { once: true });
    const { bytes: tailBytes, lines: tailLines } = tail;
    socket.write(encodeLine({ id: 1, type: 'follow', tailBytes, tailLines }));
    try {
      while (!signal.aborted) {
        const message = messages.shift();
        if (message !== undefined) {
          yield message;
          continue;
        }
        if (socket.destroyed) return;
        const more = new Promise<void>((resolve) => {
          wake = resolve;
        });
        socket.resume();
        await more;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      socket.destroy();
    }
  }

  /** Its end closes the connection, which tells everybody who waits. */
  #kill(): void {
    try {
      process.kill(this.pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }

  #request(request: Request): Promise<Reply | undefined> {
    if (this.#socket.destroyed) return Promise.resolve(undefined);
    const id = ++this.#requests;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.write(encodeLine({ id, ...request }));
    });
  }

  #receive(message: SupervisorMessage): void {
    if (message.type === 'restarted') {
      this.#commandPid = message.commandPid;
      this.#restarts = message.restarts;
    }
    if (message.type !== 'reply') return;
    this.#waiting.get(message.id)?.(message);
    this.#waiting.delete(message.id);
  }
}

/** How the command ended by the supervisor's record, or undefined when it left none. */
export function readExit(directory: string): CommandExit | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, EXIT_FILE), 'utf8')) as CommandExit;
  } catch {
    return undefined;
  }
}

/** The end of the output on disk, and how the command ended where it has. */
export function* readOutput(directory: string, tail: Tail): Iterable<OutputEvent> {
  for (const piece of readTail(directory, tail)) yield { type: 'output', ...piece };
  const exit = readExit(directory);
  if (exit !== undefined) yield { type: 'exit', exit };
}

function open(
  directory: string,
  onMessage: (message: SupervisorMessage, from: Socket) => void,
): Promise<{ readonly socket: Socket; readonly hello: Hello }> {
  return new Promise((resolve, reject) => {
    const socket = connect(join(directory, SOCKET_FILE));
    let greeted = false;
    const timer = setTimeout(() => socket.destroy(new Error('it says nothing')), HELLO_TIMEOUT_MS);
    receiveMessages<SupervisorMessage>(socket, (message) => {
      if (greeted) {
        onMessage(message, socket);
      } else if (message.type === 'hello' && message.version === PROTOCOL_VERSION) {
        greeted = true;
        clearTimeout(timer);
        resolve({ socket, hello: message });
      } else {
        socket.destroy(new Error('it speaks another version'));
      }
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new Error('it has ended'));
    });
  });
}

function outputEvent(message: SupervisorMessage): OutputEvent | undefined {
  switch (message.type) {
    case 'output':
      return { ...message, data: Buffer.from(message.data, 'base64') };
    case 'skipped':
    case 'exit':
      return message;
    case 'hello':
    case 'restarted':
    case 'reply':
      return undefined;
    default:
      return undefined;
  }
}

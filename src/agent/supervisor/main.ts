// The supervisor of one instance: a small process in the instance's own network and mount
// namespaces. It holds the namespaces, runs the command, keeps its output and tells p6nd how it
// ended. It outlives p6nd, which finds it again by its socket.
//
// Started as `unshare --net --mount --propagation private node main.js DIRECTORY`.

import { closeSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { WallMillis } from '../../base/clock.ts';
import type { CommandExit, Tail } from '../ports.ts';
import { Command, type CommandSpec } from './command.ts';
import { Connection } from './connection.ts';
import { closeInherited } from './inherited-descriptors.ts';
import { recordNamespaces } from './namespace-processes.ts';
import { OutputLog, type OutputPiece, readTail } from './output-log.ts';
import { PrivateFiles } from './private-files.ts';
import {
  EXIT_FILE,
  FOLLOWER_BACKLOG_BYTES_MAX,
  PROTOCOL_VERSION,
  READY_FD,
  READY_TEXT,
  SOCKET_FILE,
  type SupervisorMessage,
  type SupervisorRequest,
  type SupervisorState,
} from './protocol.ts';
import { RestartPolicy } from './restart-policy.ts';

/** A supervisor without a command that nobody speaks to ends itself. */
const FORGOTTEN_MS = 60_000;
/** What a stop of the whole machine gives the command. */
const SHUTDOWN_GRACE_MS = 10_000;
const CONNECTIONS_MAX = 64;
const STDERR_FD = 2;
/** A tail must fit in what may wait for a reader. */
const TAIL_BYTES_MAX: number = FOLLOWER_BACKLOG_BYTES_MAX / 2;

class Supervisor {
  readonly #directory: string;
  readonly #files: PrivateFiles;
  readonly #log: OutputLog;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** Connections and requests that wait for the end. */
  readonly #stopping: { readonly connection: Connection; readonly id: number }[] = [];
  #state: SupervisorState = 'ready';
  #command: Command | undefined;
  #policy = new RestartPolicy(undefined);
  /** Waits for the next start of a command that has ended, with how it did. */
  #pause: { readonly timer: NodeJS.Timeout; readonly exit: CommandExit } | undefined;
  #isStopping = false;
  /** Whether somebody wants the end for good: a stop of the machine does not. */
  #isFinal = true;
  #forgotten: NodeJS.Timeout | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.#files = new PrivateFiles(directory);
    this.#log = new OutputLog(directory);
    this.#server = createServer((socket) => this.#accept(new Connection(socket)));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Listens for p6nd, and tells who started this process when it does. */
  start(): void {
    recordNamespaces(this.#directory);
    process.umask(0o177);
    this.#server.listen(join(this.#directory, SOCKET_FILE), () => {
      process.umask(0o022);
      writeSync(READY_FD, READY_TEXT);
      closeSync(READY_FD);
      this.#expectVisitor();
    });
  }

  /** The machine is about to stop. */
  shutDown(): void {
    if (!this.#isStopping) this.#isFinal = false;
    this.#stop(SHUTDOWN_GRACE_MS);
  }

  /** Ends the command, or at once where there is none. */
  #stop(graceMs: number): void {
    this.#isStopping = true;
    if (this.#pause !== undefined) this.#end(this.#pause.exit);
    else if (this.#command !== undefined) this.#command.stop(graceMs);
    else this.#end({ code: undefined, signal: undefined, at: now() });
  }

  #accept(connection: Connection): void {
    clearTimeout(this.#forgotten);
    this.#connections.add(connection);
    connection.onRequest = (request) => void this.#serve(connection, request);
    connection.onClose = () => {
      this.#connections.delete(connection);
      this.#expectVisitor();
    };
    connection.send({
      type: 'hello',
      version: PROTOCOL_VERSION,
      pid: process.pid,
      state: this.#state,
      commandPid: this.#command?.pid,
      restarts: this.#policy.restarts,
    });
  }

  #expectVisitor(): void {
    if (this.#state !== 'ready' || this.#connections.size > 0) return;
    this.#forgotten = setTimeout(() => this.#stop(0), FORGOTTEN_MS);
  }

  async #serve(connection: Connection, request: SupervisorRequest): Promise<void> {
    switch (request.type) {
      case 'start':
        connection.send(await this.#start(request));
        return;
      case 'stop':
        this.#stopping.push({ connection, id: request.id });
        this.#isFinal = true;
        this.#stop(request.graceMs);
        return;
      case 'follow':
        connection.send({ type: 'reply', id: request.id });
        this.#sendTail(connection, {
          bytes: Math.min(request.tailBytes, TAIL_BYTES_MAX),
          lines: request.tailLines,
        });
        connection.following = true;
        return;
      default:
        // A request of a newer p6nd.
        connection.send({ type: 'reply', id: (request as { id: number }).id, error: 'unknown' });
    }
  }

  async #start(request: Extract<SupervisorRequest, { type: 'start' }>): Promise<SupervisorMessage> {
    if (this.#state !== 'ready') {
      return { type: 'reply', id: request.id, error: 'a command was started before' };
    }
    this.#state = 'running';
    this.#policy = new RestartPolicy(request.restart);
    try {
      const { pid } = await this.#run(request);
      return { type: 'reply', id: request.id, commandPid: pid };
    } catch (error) {
      this.#state = 'ready';
      return { type: 'reply', id: request.id, error: messageOf(error) };
    }
  }

  async #run(spec: CommandSpec): Promise<Command> {
    const startedMs = performance.now();
    const command = await Command.start(spec, {
      output: (stream, data) => this.#output({ stream, data, at: now() }),
      ended: (exit) => this.#ended(spec, exit, performance.now() - startedMs),
    });
    this.#command = command;
    return command;
  }

  /** The command has ended: for good, or until its next start. */
  #ended(spec: CommandSpec, exit: CommandExit, ranMs: number): void {
    this.#command = undefined;
    const delayMs = this.#isStopping ? undefined : this.#policy.next({ code: exit.code, ranMs });
    if (delayMs === undefined) {
      this.#end(exit);
      return;
    }
    const timer = setTimeout(() => void this.#runAgain(spec, exit), delayMs);
    this.#pause = { timer, exit };
  }

  async #runAgain(spec: CommandSpec, last: CommandExit): Promise<void> {
    this.#pause = undefined;
    try {
      const { pid } = await this.#run(spec);
      const { restarts } = this.#policy;
      for (const connection of this.#connections) {
        connection.send({ type: 'restarted', commandPid: pid, restarts });
      }
      // Somebody may have asked for the end while it was being started.
      if (this.#isStopping) this.#command?.stop(0);
    } catch (error) {
      warn(`the command cannot be started again: ${messageOf(error)}`);
      this.#ended(spec, { ...last, at: now() }, 0);
    }
  }

  #sendTail(connection: Connection, tail: Tail): void {
    for (const piece of readTail(this.#directory, tail)) connection.sendOutput(piece);
  }

  #output(piece: OutputPiece): void {
    // Somebody who got away with the command's output may go on; the file is closed by then.
    if (this.#state === 'ended') return;
    try {
      this.#log.append(piece);
    } catch (error) {
      // A full disk costs the record of the output, and never the command.
      warn(`output is not kept: ${messageOf(error)}`);
    }
    for (const connection of this.#connections) {
      if (connection.following) connection.sendOutput(piece);
    }
  }

  #end(end: CommandExit): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    const exit: CommandExit = this.#isFinal ? { ...end, isFinal: true } : end;
    clearTimeout(this.#forgotten);
    clearTimeout(this.#pause?.timer);
    this.#recordExit(exit);
    for (const { connection, id } of this.#stopping) connection.send({ type: 'reply', id });
    for (const connection of this.#connections) connection.end({ type: 'exit', exit });
    this.#files.close();
    this.#log.close();
    // It removes the socket's file too.
    this.#server.close();
    // Whoever does not read the rest of the output within this time has had it.
    setTimeout(() => process.exit(0), SHUTDOWN_GRACE_MS).unref();
  }

  #recordExit(exit: CommandExit): void {
    const file = join(this.#directory, EXIT_FILE);
    try {
      writeFileSync(`${file}.new`, JSON.stringify(exit), { mode: 0o600, flush: true });
      renameSync(`${file}.new`, file);
    } catch (error) {
      // Whoever is connected is told how the command ended; a full disk does not keep that back.
      warn(`how the command ended is not kept: ${messageOf(error)}`);
    }
  }
}

function now(): WallMillis {
  return Date.now() as WallMillis;
}

/** To the supervisor's log, which may lie on the very disk that is full. */
function warn(sentence: string): void {
  try {
    writeSync(STDERR_FD, `${sentence}\n`);
  } catch {
    // There is nowhere left to say it.
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

closeInherited(READY_FD);
const supervisor = new Supervisor(process.argv[2] ?? '.');
process.on('SIGTERM', () => supervisor.shutDown());
process.on('SIGINT', () => supervisor.shutDown());
process.on('SIGHUP', () => undefined);
supervisor.start();

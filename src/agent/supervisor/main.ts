// The supervisor of one instance: a small process in the instance's own network and mount
// namespaces. It holds the namespaces, runs the command, keeps its output and tells p6nd how it
// ended. It outlives p6nd, which finds it again by its socket.
//
// Started as `unshare --net --mount --propagation private node main.js DIRECTORY`.

import { closeSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { WallMillis } from '../../base/clock.ts';
import type { CommandExit } from '../ports.ts';
import { Command } from './command.ts';
import { Connection } from './connection.ts';
import { closeInherited } from './inherited-descriptors.ts';
import { recordMountNamespace } from './namespace-processes.ts';
import { OutputLog, readTail } from './output-log.ts';
import { PrivateFiles } from './private-files.ts';
import {
  EXIT_FILE,
  FOLLOWER_BACKLOG_BYTES_MAX,
  type OutputStream,
  PROTOCOL_VERSION,
  READY_FD,
  READY_TEXT,
  SOCKET_FILE,
  type SupervisorMessage,
  type SupervisorRequest,
  type SupervisorState,
} from './protocol.ts';

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
    recordMountNamespace(this.#directory);
    process.umask(0o177);
    this.#server.listen(join(this.#directory, SOCKET_FILE), () => {
      process.umask(0o022);
      writeSync(READY_FD, READY_TEXT);
      closeSync(READY_FD);
      this.#expectVisitor();
    });
  }

  /** Ends the command, or at once where there is none. */
  stop(graceMs: number): void {
    if (this.#command === undefined) this.#end({ code: undefined, signal: undefined, at: now() });
    else this.#command.stop(graceMs);
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
    });
  }

  #expectVisitor(): void {
    if (this.#state !== 'ready' || this.#connections.size > 0) return;
    this.#forgotten = setTimeout(() => this.stop(0), FORGOTTEN_MS);
  }

  async #serve(connection: Connection, request: SupervisorRequest): Promise<void> {
    switch (request.type) {
      case 'start':
        connection.send(await this.#start(request));
        return;
      case 'stop':
        this.#stopping.push({ connection, id: request.id });
        this.stop(request.graceMs);
        return;
      case 'follow':
        connection.send({ type: 'reply', id: request.id });
        this.#sendTail(connection, Math.min(request.tailBytes, TAIL_BYTES_MAX));
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
    try {
      this.#command = await Command.start(request, {
        output: (stream, data) => this.#output(stream, data),
        ended: (exit) => this.#end(exit),
      });
      return { type: 'reply', id: request.id, commandPid: this.#command.pid };
    } catch (error) {
      this.#state = 'ready';
      return { type: 'reply', id: request.id, error: messageOf(error) };
    }
  }

  #sendTail(connection: Connection, tailBytes: number): void {
    for (const { stream, data } of readTail(this.#directory, tailBytes)) {
      connection.sendOutput(stream, data);
    }
  }

  #output(stream: OutputStream, data: Uint8Array): void {
    // Somebody who got away with the command's output may go on; the file is closed by then.
    if (this.#state === 'ended') return;
    try {
      this.#log.append(stream, data);
    } catch (error) {
      // A full disk costs the record of the output, and never the command.
      warn(`output is not kept: ${messageOf(error)}`);
    }
    for (const connection of this.#connections) {
      if (connection.following) connection.sendOutput(stream, data);
    }
  }

  #end(exit: CommandExit): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    clearTimeout(this.#forgotten);
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
process.on('SIGTERM', () => supervisor.stop(SHUTDOWN_GRACE_MS));
process.on('SIGINT', () => supervisor.stop(SHUTDOWN_GRACE_MS));
process.on('SIGHUP', () => undefined);
supervisor.start();

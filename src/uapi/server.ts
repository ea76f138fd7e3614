// The socket that wg(8) speaks to: /var/run/wireguard/IFNAME.sock. The door of this folder.

import { chmodSync, mkdirSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { wipe } from '../base/bytes.ts';
import { asP6nError, type ErrorCode, P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { InterfaceChange, InterfaceState } from '../dataplane/standalone/config.ts';
import { Conversation, type Operation } from './conversation.ts';
import { formatInterface } from './get-text.ts';
import { type ResolveZone, wipeKeys } from './set-parser.ts';

/** Where wg(8) looks for sockets of interfaces that no kernel runs. */
export const SOCKET_FOLDER = '/var/run/wireguard';
const FOLDER_MODE = 0o755;
const SOCKET_MODE = 0o600;
/** A connection that says nothing and takes no answer for so long is closed. */
const IDLE_MS = 60_000;
const CONNECTIONS_MAX = 64;
/** How long a socket that still answers may take to go: its interface has gone before. */
export const STALE_WAIT_MS = 3000;
const STALE_POLL_MS = 50;

// errno, <asm-generic/errno.h>
const EPERM = 1;
const EIO = 5;
const EINVAL = 22;
const ENOSPC = 28;
const EPROTO = 71;
const EADDRINUSE = 98;
const ERRNOS: Partial<Readonly<Record<ErrorCode, number>>> = {
  VALUE_INVALID: EINVAL,
  LIMIT_REACHED: ENOSPC,
  PORT_TAKEN: EADDRINUSE,
  NOT_ROOT: EPERM,
  NOT_PERMITTED: EPERM,
};

/** The interface behind the socket. */
export interface UapiInterface {
  /** Keys in it are copies, which the caller zeroes. */
  state(): Promise<InterfaceState>;
  /** Rejects with a P6nError. Keys in the change are the caller's, who zeroes them. */
  change(change: InterfaceChange): Promise<void>;
}

export interface UapiOptions {
  readonly name: string;
  readonly device: UapiInterface;
  readonly resolveZone: ResolveZone;
  readonly logger: Logger;
  /** SOCKET_FOLDER when absent. */
  readonly folder?: string;
  /** How long a socket that still answers may take to go; STALE_WAIT_MS when absent. */
  readonly staleWaitMs?: number;
  /** IDLE_MS when absent. */
  readonly idleMs?: number;
}

export interface UapiServer {
  /** Leaves a file that somebody else has made at its place since. */
  close(): Promise<void>;
}

/** Listens; rejects with ALREADY_RUNNING when another process answers there. */
export async function serveUapi(options: UapiOptions): Promise<UapiServer> {
  const folder = options.folder ?? SOCKET_FOLDER;
  const path = join(folder, `${options.name}.sock`);
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  await reclaim(path, options.staleWaitMs ?? STALE_WAIT_MS);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, options);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, path);
  const { ino } = statSync(path);
  return {
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      if (inodeOf(path) === ino) unlinkSync(path);
    },
  };
}

/** Removes a socket's file that nobody answers at. */
async function reclaim(path: string, waitMs: number): Promise<void> {
  for (let waited = 0; await isAnswered(path); waited += STALE_POLL_MS) {
    if (waited >= waitMs) {
      throw new P6nError('ALREADY_RUNNING', `Cannot listen on ${path}: another process does`);
    }
    await new Promise((resolve) => setTimeout(resolve, STALE_POLL_MS));
  }
  try {
    unlinkSync(path);
  } catch {
    // There is none.
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * The file comes to its place once somebody listens behind it: wg(8) removes one that it is refused
 * at.
 */
function listen(server: Server, path: string): Promise<void> {
  const bound = `${path}.${process.pid}`;
  rmSync(bound, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const text = cause instanceof Error ? cause.message : String(cause);
      reject(new P6nError('SYSTEM', `Cannot listen on ${path}: ${text}`));
    });
    // The file is made by bind(): nobody else may speak to it from its first moment.
    const mask = process.umask(0o777 & ~SOCKET_MODE);
    server.listen(bound, () => {
      chmodSync(bound, SOCKET_MODE);
      renameSync(bound, path);
      resolve();
    });
    process.umask(mask);
  });
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

function serve(socket: Socket, options: UapiOptions): void {
  const conversation = new Conversation(options.resolveZone);
  let turn = Promise.resolve();
  const { idleMs = IDLE_MS } = options;
  socket.on('timeout', () => socket.destroy());
  socket.setTimeout(idleMs);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => conversation.close());
  socket.on('data', (bytes: Buffer) => {
    const operations = conversation.take(bytes);
    if (operations.length === 0) return;
    // Answers stand in the order of their questions, and nobody asks faster than he reads them.
    socket.pause();
    turn = turn.then(async () => {
      for (const operation of operations) {
        // What a change takes is not the silence of who asked.
        socket.setTimeout(0);
        await answer(socket, operation, options);
        socket.setTimeout(idleMs);
        if (socket.writableNeedDrain) await drained(socket);
      }
      socket.resume();
    });
  });
  socket.on('end', () => {
    turn = turn.then(() => {
      socket.end();
    });
  });
}

/** Resolves when what was written is read, or nobody reads any more. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
    if (socket.closed) done();
  });
}

async function answer(socket: Socket, operation: Operation, options: UapiOptions): Promise<void> {
  const { device, logger } = options;
  try {
    switch (operation.kind) {
      case 'get':
        sendState(socket, await device.state());
        return;
      case 'set':
        try {
          await device.change(operation.change);
        } finally {
          wipeKeys([operation.change]);
          wipeKeys(operation.change.peers);
        }
        socket.write('errno=0\n\n');
        return;
      case 'invalid':
        socket.write(`errno=${-EINVAL}\n\n`);
        return;
      case 'end':
        socket.end(`errno=${-EPROTO}\n\n`);
        return;
    }
  } catch (error) {
    const known = asP6nError(error, 'Cannot do what wg asks');
    logger.error('wg asked for what cannot be done', { error: known.message });
    const errno = ERRNOS[known.code] ?? EIO;
    // wg(8) returns the number of a failed set as it is, and reads that of a get without a sign.
    socket.write(`errno=${operation.kind === 'get' ? errno : -errno}\n\n`);
  }
}

function sendState(socket: Socket, state: InterfaceState): void {
  const text = formatInterface(state);
  wipeKeys([state]);
  wipeKeys(state.peers);
  socket.write(text, () => wipe(text));
  socket.write('errno=0\n\n');
}

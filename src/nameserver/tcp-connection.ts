// One TCP connection: questions with their lengths before them come in, possibly many at once, and
// answers go out as they are ready (RFC 7766). Deadlines run from whole questions, not from bytes,
// so that who sends a byte a second keeps nothing.

import type { Socket } from 'node:net';
import type { NetworkId } from '../addressing/ids.ts';
import { HEADER_BYTES, TCP_QUESTION_BYTES_MAX } from '../dns/protocol.ts';
import { withLength } from './exchange.ts';
import type { NameserverCounters } from './metrics.ts';
import type { Responder, Response } from './responder.ts';
import type { Source } from './source-table.ts';

export interface TcpLimits {
  readonly connectionsMax: number;
  readonly connectionsPerSourceMax: number;
  /** From the last question that was received whole, milliseconds. */
  readonly idleMs: number;
  /** From the start of the connection, milliseconds. */
  readonly totalMs: number;
  /** Questions of one connection that are being answered; further ones are not read. */
  readonly pipelinedMax: number;
}

export interface TcpConnectionOptions {
  readonly responder: Responder;
  readonly source: Source;
  /** The network whose server this is; 0 for fdaa::3. */
  readonly network: NetworkId;
  readonly limits: TcpLimits;
  readonly counters: NameserverCounters;
}

const LENGTH_BYTES = 2;
/** Answers that the client does not take; further questions are not read. */
const UNSENT_BYTES_MAX = 64 * 1024;

/** Questions of one connection that are answered before others have their turn. */
export const ANSWERS_A_TURN_MAX = 16;

/** Serves the connection until it ends, and closes it. */
export class TcpConnection {
  readonly #socket: Socket;
  readonly #options: TcpConnectionOptions;
  readonly #idleTimer: NodeJS.Timeout;
  readonly #totalTimer: NodeJS.Timeout;
  #received: Buffer = Buffer.alloc(0);
  #pending = 0;
  #ended = false;
  /** Whether it goes on in the next turn of the event loop. */
  #rests = false;

  constructor(socket: Socket, options: TcpConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    const deadline = (): void => {
      options.counters.tcpDeadlines += 1;
      socket.destroy();
    };
    this.#idleTimer = setTimeout(deadline, options.limits.idleMs);
    this.#totalTimer = setTimeout(deadline, options.limits.totalMs);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('drain', () => this.#proceed());
    socket.on('end', () => {
      this.#ended = true;
      this.#proceed();
    });
    // A broken connection is the client's; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(this.#idleTimer);
      clearTimeout(this.#totalTimer);
    });
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    this.#proceed();
  }

  /** Answers what has been received, as far as the limits allow, and reads on if they do. */
  #proceed(): void {
    const socket = this.#socket;
    if (this.#rests) return;
    for (let left = ANSWERS_A_TURN_MAX; !this.#isFull() && !socket.destroyed; left--) {
      if (left === 0) {
        this.#rest();
        return;
      }
      const message = this.#nextMessage();
      if (message === undefined) break;
      this.#answer(message);
    }
    if (socket.destroyed) return;
    if (this.#isFull()) socket.pause();
    else if (socket.isPaused()) socket.resume();
    // A client that has sent all and got all is done, whatever it left unfinished.
    if (this.#ended && this.#pending === 0 && !this.#isFull()) socket.end();
  }

  /** Lets others have their turn; reads nothing until then. */
  #rest(): void {
    this.#rests = true;
    this.#socket.pause();
    setImmediate(() => {
      this.#rests = false;
      this.#proceed();
    });
  }

  #isFull(): boolean {
    return (
      this.#pending >= this.#options.limits.pipelinedMax ||
      this.#socket.writableLength > UNSENT_BYTES_MAX
    );
  }

  #nextMessage(): Buffer | undefined {
    if (this.#received.length < LENGTH_BYTES) return undefined;
    const length = this.#received.readUInt16BE(0);
    if (length < HEADER_BYTES || length > TCP_QUESTION_BYTES_MAX) {
      this.#options.counters.tcpBadFrames += 1;
      this.#socket.destroy();
      return undefined;
    }
    const end = LENGTH_BYTES + length;
    if (this.#received.length < end) return undefined;
    const message = this.#received.subarray(LENGTH_BYTES, end);
    this.#received = this.#received.subarray(end);
    this.#idleTimer.refresh();
    return message;
  }

  #answer(message: Buffer): void {
    const { responder, source, network } = this.#options;
    if (!responder.admit(source)) {
      this.#socket.destroy();
      return;
    }
    const response = responder.respond(message, source, network, 'tcp');
    if (!(response instanceof Promise)) {
      this.#send(response);
      return;
    }
    this.#pending += 1;
    void response.then((later) => {
      this.#pending -= 1;
      this.#send(later);
      this.#proceed();
    });
  }

  #send(response: Response): void {
    if (response !== undefined && !this.#socket.destroyed) {
      this.#socket.write(withLength(response));
    }
  }
}

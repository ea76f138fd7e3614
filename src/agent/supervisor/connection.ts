// One connection to a supervisor, on the supervisor's side. What a reader does not take in time is
// left out and counted, so that a slow reader costs neither the command its time nor the supervisor
// its memory.

import type { Socket } from 'node:net';
import type { OutputPiece } from './output-log.ts';
import {
  encodeLine,
  FOLLOWER_BACKLOG_BYTES_MAX,
  receiveMessages,
  type SupervisorMessage,
  type SupervisorRequest,
} from './protocol.ts';

export class Connection {
  readonly #socket: Socket;
  #skippedBytes = 0;
  /** Whether it gets the output as it comes. */
  following = false;
  onRequest: (request: SupervisorRequest) => void = () => undefined;
  onClose: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    receiveMessages<SupervisorRequest>(socket, (request) => this.onRequest(request));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.onClose());
  }

  send(message: SupervisorMessage): void {
    if (this.#socket.writable) this.#socket.write(encodeLine(message));
  }

  sendOutput({ at, data, stream }: OutputPiece): void {
    if (this.#socket.writableLength > FOLLOWER_BACKLOG_BYTES_MAX) {
      this.#skippedBytes += data.length;
      return;
    }
    this.#tellSkipped();
    this.send({ type: 'output', stream, data: Buffer.from(data).toString('base64'), at });
  }

  /** Says `message` as the last one. */
  end(message: SupervisorMessage): void {
    this.#tellSkipped();
    if (this.#socket.writable) this.#socket.end(encodeLine(message));
  }

  #tellSkipped(): void {
    if (this.#skippedBytes === 0) return;
    this.send({ type: 'skipped', bytes: this.#skippedBytes });
    this.#skippedBytes = 0;
  }
}

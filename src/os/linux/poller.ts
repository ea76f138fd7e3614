// Waiting by epoll(7), level-triggered: the cost does not grow with the number of descriptors.

import type { Poller } from '../poller.ts';
import { addressOf, nativeMemory, viewOf } from './ffi.ts';
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_EVENT_BYTES,
  EPOLL_EVENT_DATA_OFFSET,
  EPOLLIN,
} from './layouts.ts';
import { lastingMemory } from './low-memory.ts';
import { close, epollControl, epollCreate, epollWait, negatedError } from './syscalls.ts';
import { systemError } from './system-error.ts';

/** More that is ready is reported by the next call. */
const EVENTS_MAX = 256;

export class LinuxPoller implements Poller {
  readonly ready: Uint32Array = new Uint32Array(EVENTS_MAX);
  readonly #descriptor: number;
  readonly #events = lastingMemory(EVENTS_MAX * EPOLL_EVENT_BYTES);
  readonly #eventsView = viewOf(this.#events);
  readonly #eventsAddress = addressOf(this.#events);

  constructor() {
    this.#descriptor = negatedError(epollCreate(EPOLL_CLOEXEC));
    if (this.#descriptor < 0) throw systemError('Cannot make a poller', -this.#descriptor);
  }

  add(descriptor: number, token: number): void {
    const event = nativeMemory(EPOLL_EVENT_BYTES);
    event.writeUInt32LE(EPOLLIN, 0);
    event.writeUInt32LE(token, EPOLL_EVENT_DATA_OFFSET);
    const returned = negatedError(epollControl(this.#descriptor, EPOLL_CTL_ADD, descriptor, event));
    if (returned < 0) throw systemError('Cannot watch a descriptor', -returned);
  }

  remove(descriptor: number): void {
    epollControl(this.#descriptor, EPOLL_CTL_DEL, descriptor, nativeMemory(EPOLL_EVENT_BYTES));
  }

  wait(timeoutMs: number): number {
    const timeout = Math.ceil(timeoutMs);
    const count = epollWait(this.#descriptor, this.#eventsAddress, EVENTS_MAX, timeout);
    for (let i = 0; i < count; i++) {
      const offset = i * EPOLL_EVENT_BYTES + EPOLL_EVENT_DATA_OFFSET;
      this.ready[i] = this.#eventsView.getUint32(offset, true);
    }
    // A failure is an interrupted call: nothing is ready.
    return Math.max(count, 0);
  }

  close(): void {
    close(this.#descriptor);
  }
}

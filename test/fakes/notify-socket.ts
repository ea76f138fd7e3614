// The end of sd_notify(3) that a service manager holds: a unix socket that takes datagrams.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from '../../src/os/linux/layouts.ts';
import { bind, close, makeSocket, recv } from '../../src/os/linux/syscalls.ts';

const BYTES_MAX = 1_024;

export class NotifySocket {
  readonly path: string;
  readonly #descriptor: number;
  readonly #heard: string[] = [];

  /** A path, or a name with a leading `@`. */
  constructor(path: string) {
    this.path = path;
    const address = Buffer.from(`\0\0${path}${path.startsWith('@') ? '' : '\0'}`);
    if (path.startsWith('@')) address[2] = 0;
    new DataView(address.buffer, address.byteOffset).setUint16(0, AF_UNIX, true);
    const descriptor = makeSocket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert.ok(descriptor !== undefined);
    assert.equal(bind(descriptor, address, address.length), 0, path);
    this.#descriptor = descriptor;
  }

  /** Everything that was said so far. */
  heard(): readonly string[] {
    const buffer = Buffer.alloc(BYTES_MAX);
    for (;;) {
      const length = recv(this.#descriptor, buffer, buffer.length, 0);
      if (length < 0) return this.#heard;
      this.#heard.push(buffer.toString('utf8', 0, length));
    }
  }

  close(): void {
    close(this.#descriptor);
    if (!this.path.startsWith('@')) rmSync(this.path);
  }
}

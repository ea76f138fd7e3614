// One datagram to a unix socket, which Node.js has no call for: what sd_notify(3) sends.

import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from './layouts.ts';
import { close, makeSocket, sendto } from './syscalls.ts';

/** sockaddr_un: a family of two bytes, and a path that ends with a zero. */
const PATH_OFFSET = 2;
const PATH_BYTES_MAX = 107;

/**
 * Sends `text` to the socket at `path`; a leading `@` stands for the zero of an abstract one. False
 * where nobody takes it, or somebody has not read for long: nobody waits for him.
 */
export function sendUnixDatagram(path: string, text: string): boolean {
  const isAbstract = path.startsWith('@');
  const name = Buffer.from(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > PATH_BYTES_MAX + 1) return false;
  const address = Buffer.alloc(PATH_OFFSET + name.length);
  new DataView(address.buffer, address.byteOffset).setUint16(0, AF_UNIX, true);
  name.copy(address, PATH_OFFSET);
  const message = Buffer.from(text);
  const descriptor = makeSocket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor === undefined) return false;
  const sent = sendto(descriptor, message, message.length, 0, address, address.length);
  close(descriptor);
  return sent === message.length;
}

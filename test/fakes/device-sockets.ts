// Bound sockets as file descriptors, as the machine makes them for the name server, without the
// binding to a device: Node.js cannot give away a descriptor of its own.

import { closeSync } from 'node:fs';
import koffi from 'koffi';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import { ipv6Bytes } from '../../src/ip/ipv6-address.ts';
import { LINUX_DEVICE_SOCKETS } from '../../src/os/linux/sockets.ts';
import type { DeviceSockets } from '../../src/os/sockets.ts';

const AF_INET6 = 10;
const EADDRINUSE = 98;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK_CLOEXEC = 0x800 | 0x80000;
/** sockaddr_in6: family, port, flow, address, scope. */
const ADDRESS_BYTES = 28;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, void *, uint)');
const getsockname = libc.func('int getsockname(int, void *, void *)');
const PAIR_TRIES = 20;

/** A socket of each kind on one port that the kernel chose for the first. */
export function boundPair(address: string): { tcp: number; udp: number; port: number } {
  for (let tries = 1; ; tries++) {
    const tcp = boundSocket('tcp', address, 0);
    const port = portOf(tcp);
    try {
      return { tcp, udp: boundSocket('udp', address, port), port };
    } catch (error) {
      // The port may be taken for the other kind.
      closeSync(tcp);
      if (tries === PAIR_TRIES) throw error;
    }
  }
}

function portOf(fd: number): number {
  const address = Buffer.alloc(ADDRESS_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(ADDRESS_BYTES);
  if (getsockname(fd, address, length) !== 0) throw new Error(`getsockname: ${koffi.errno()}`);
  return address.readUInt16BE(2);
}

function boundSocket(kind: 'udp' | 'tcp', address: string, port: number): number {
  const type = (kind === 'udp' ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK_CLOEXEC;
  const fd = socket(AF_INET6, type, 0) as number;
  const name = Buffer.alloc(ADDRESS_BYTES);
  name.writeUInt16LE(AF_INET6, 0);
  name.writeUInt16BE(port, 2);
  name.set(ipv6Bytes(address as Ipv6Address), 8);
  if (bind(fd, name, ADDRESS_BYTES) === 0) return fd;
  const errno = koffi.errno();
  closeSync(fd);
  const code = errno === EADDRINUSE ? 'EADDRINUSE' : String(errno);
  throw Object.assign(new Error(`bind ${address}: ${code}`), { code });
}

export const UNBOUND_DEVICE_SOCKETS: DeviceSockets = {
  bindUdp: ({ address, port }) => boundSocket('udp', address, port),
  listenTcp: ({ address, port }) => boundSocket('tcp', address, port),
  drainUdp: (fd, answer) => LINUX_DEVICE_SOCKETS.drainUdp(fd, answer),
};

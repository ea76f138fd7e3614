// Sockets bound to an interface with SO_BINDTODEVICE. IPV6_FREEBIND lets the address be bound
// before it stands on the interface, so that the order of starting does not matter.

import { P6nError } from '../../base/errors.ts';
import { ipv6Bytes } from '../../ip/ipv6-address.ts';
import type { BoundAddress, DeviceSockets } from '../sockets.ts';
import { nativeMemory } from './ffi.ts';
import {
  AF_INET6,
  EADDRINUSE,
  ENODEV,
  IPPROTO_IPV6,
  IPV6_FREEBIND,
  IPV6_V6ONLY,
  SO_BINDTODEVICE,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOCKADDR_FAMILY_OFFSET,
  SOCKADDR_IN6_ADDRESS_OFFSET,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_PORT_OFFSET,
  SOL_SOCKET,
} from './layouts.ts';
import { bind, close, makeSocket, negatedError, setOption, setOptionBytes } from './syscalls.ts';
import { systemError } from './system-error.ts';
import { DatagramBatches } from './udp/datagram-batches.ts';

export const LINUX_DEVICE_SOCKETS: DeviceSockets = deviceSockets();

function deviceSockets(): DeviceSockets {
  // All sockets share it, as each call is over before the next begins.
  const batches = new DatagramBatches();
  return {
    listenTcp: (at) => bindSocket(SOCK_STREAM, at, 'TCP'),
    bindUdp: (at) => bindSocket(SOCK_DGRAM, at, 'UDP'),
    drainUdp: (fd, answer) => batches.drain(fd, answer),
  };
}

function bindSocket(type: number, at: BoundAddress, protocol: string): number {
  const action = `Cannot listen on ${protocol} port ${at.port} of ${at.address} (${at.device})`;
  const fd = makeSocket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd === undefined) throw new P6nError('NO_IPV6', `${action}: the kernel has no IPv6`);
  setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  setOption(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
  // For a listener: a restart need not wait for the connections of the one before.
  if (type === SOCK_STREAM) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  const device = Buffer.from(at.device);
  let returned = setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, device);
  if (returned === 0) returned = negatedError(bind(fd, socketAddress(at), SOCKADDR_IN6_BYTES));
  if (returned === 0) return fd;
  close(fd);
  if (returned === -EADDRINUSE) throw systemError(action, -returned, 'PORT_TAKEN');
  const hint = returned === -ENODEV ? `There is no interface ${at.device}.` : undefined;
  throw systemError(action, -returned, 'SYSTEM', hint);
}

function socketAddress(at: BoundAddress): Buffer {
  const address = nativeMemory(SOCKADDR_IN6_BYTES);
  address.writeUInt16LE(AF_INET6, SOCKADDR_FAMILY_OFFSET);
  address.writeUInt16BE(at.port, SOCKADDR_PORT_OFFSET);
  address.set(ipv6Bytes(at.address), SOCKADDR_IN6_ADDRESS_OFFSET);
  return address;
}

// One UDP socket of one family, made and bound with the options that WireGuard's outer datagrams
// want: local addresses and traffic classes told and set for each datagram, no DF bit (the outer
// packet may be fragmented, as the kernel's WireGuard does it), large buffers.

import { P6nError } from '../../../base/errors.ts';
import { nativeMemory } from '../ffi.ts';
import {
  AF_INET,
  AF_INET6,
  EADDRINUSE,
  EADDRNOTAVAIL,
  IP_MTU_DISCOVER,
  IP_PKTINFO,
  IP_PMTUDISC_DONT,
  IP_PMTUDISC_PROBE,
  IP_RECVTOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MTU_DISCOVER,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_V6ONLY,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCKADDR_FAMILY_OFFSET,
  SOCKADDR_IN_BYTES,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_PORT_OFFSET,
  SOL_SOCKET,
} from '../layouts.ts';
import { bind, close, getsockname, makeSocket, negatedError, setOption } from '../syscalls.ts';
import { systemError } from '../system-error.ts';

export type Family = 4 | 6;

/** Room for a burst at line rate while the loop is elsewhere for some milliseconds. */
const SOCKET_BUFFER_BYTES = 7 * 1024 * 1024;
/** With port 0, the port that one family was given may be taken on the other. */
const FREE_PORT_TRIES_MAX = 100;

export interface UdpSocket {
  readonly family: Family;
  readonly descriptor: number;
}

export interface SocketPair {
  readonly port: number;
  /** One or two, IPv4 first. */
  readonly sockets: readonly UdpSocket[];
}

/** Both sockets on one port; a family that the kernel lacks is left out. */
export function openSocketPair(port: number): SocketPair {
  for (let tries = 1; ; tries++) {
    const sockets: UdpSocket[] = [];
    try {
      let bound = port;
      for (const family of [4, 6] as const) {
        const socket = openSocket(family, bound);
        if (socket === undefined) continue;
        sockets.push(socket);
        bound = boundPort(socket);
      }
      if (sockets.length === 0) {
        throw new P6nError(
          'SYSTEM',
          'Cannot open UDP sockets: the kernel has neither IPv4 nor IPv6',
        );
      }
      return { port: bound, sockets };
    } catch (error) {
      for (const { descriptor } of sockets) close(descriptor);
      const taken = error instanceof P6nError && error.code === 'PORT_TAKEN';
      if (port !== 0 || !taken || tries === FREE_PORT_TRIES_MAX) throw error;
    }
  }
}

/** A bound socket, or undefined when the kernel lacks the family. */
function openSocket(family: Family, port: number): UdpSocket | undefined {
  const descriptor = makeSocket(
    family === 4 ? AF_INET : AF_INET6,
    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
  );
  if (descriptor === undefined) return undefined;
  configure(family, descriptor);
  const returned = bindToPort(family, descriptor, port);
  if (returned === 0) return { family, descriptor };
  close(descriptor);
  // An IPv6 socket can be made but not bound where IPv6 is switched off by sysctl.
  if (returned === -EADDRNOTAVAIL) return undefined;
  const action = `Cannot listen on UDP port ${port} (IPv${family})`;
  if (returned !== -EADDRINUSE) throw systemError(action, -returned);
  throw systemError(action, -returned, 'PORT_TAKEN', 'Choose another port with --listen-port.');
}

/** Whether datagrams may be cut on their way, by the kernel and by routers. */
export function setCutting({ family, descriptor }: UdpSocket, isAllowed: boolean): void {
  const how = isAllowed ? IP_PMTUDISC_DONT : IP_PMTUDISC_PROBE;
  if (family === 4) setOption(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, how);
  else setOption(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, how);
}

function configure(family: Family, descriptor: number): void {
  setCutting({ family, descriptor }, true);
  if (family === 4) {
    setOption(descriptor, IPPROTO_IP, IP_PKTINFO, 1);
    setOption(descriptor, IPPROTO_IP, IP_RECVTOS, 1);
  } else {
    setOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    setOption(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    setOption(descriptor, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  }
  // The forcing option goes beyond the machine's limit and needs CAP_NET_ADMIN.
  if (setOption(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES) !== 0) {
    setOption(descriptor, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
  }
  if (setOption(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES) !== 0) {
    setOption(descriptor, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
  }
}

function bindToPort(family: Family, descriptor: number, port: number): number {
  const address = nativeMemory(family === 4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  address.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, SOCKADDR_FAMILY_OFFSET);
  address.writeUInt16BE(port, SOCKADDR_PORT_OFFSET);
  return negatedError(bind(descriptor, address, address.length));
}

function boundPort(socket: UdpSocket): number {
  const address = nativeMemory(SOCKADDR_IN6_BYTES);
  const length = nativeMemory(4);
  length.writeUInt32LE(address.length);
  const returned = negatedError(getsockname(socket.descriptor, address, length));
  if (returned < 0) throw systemError('Cannot read the port of a socket', -returned);
  return address.readUInt16BE(SOCKADDR_PORT_OFFSET);
}

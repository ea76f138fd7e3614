// What the kernel knows of the MTU of a path: that of the interface, of the route, or what routers
// have told since. Asked of a socket of its own that is connected for the question.

import {
  AF_INET,
  AF_INET6,
  IP_MTU,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MTU,
  SO_MARK,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from '../layouts.ts';
import { close, connect, getOption, setOption, trySocket } from '../syscalls.ts';
import { socketAddress } from './socket-address.ts';

/** 0 when there is no way to the endpoint at `endpoint` of `endpoints`, or nobody to ask. */
export function pathMtuTo(endpoints: Uint8Array, endpoint: number, mark: number): number {
  const name = socketAddress(endpoints, endpoint);
  const isIpv4 = name.readUInt16LE() === AF_INET;
  const descriptor = trySocket(isIpv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC);
  if (descriptor === undefined) return 0;
  if (mark !== 0) setOption(descriptor, SOL_SOCKET, SO_MARK, mark | 0);
  const isThere = connect(descriptor, name, name.length) === 0;
  const level = isIpv4 ? IPPROTO_IP : IPPROTO_IPV6;
  const mtu = isThere ? getOption(descriptor, level, isIpv4 ? IP_MTU : IPV6_MTU) : 0;
  close(descriptor);
  return Math.max(0, mtu);
}

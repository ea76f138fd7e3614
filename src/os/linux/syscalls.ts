// The functions of libc that this project calls, by name (so that no number of a machine's system
// call table stands here), and small ways to call them once at start. Results are libc's: -1 for a
// failure, whose reason errorNumber() holds.

import { errorNumber, nativeFunction, nativeMemory } from './ffi.ts';
import { EAFNOSUPPORT, EINTR } from './layouts.ts';
import { systemError } from './system-error.ts';

type Call1 = (a: number) => number;
type Call2 = (a: number, b: number) => number;
type Call3 = (a: number, b: number, c: number) => number;
type Call4 = (a: number, b: number, c: number, d: number) => number;
type Call5 = (a: number, b: number, c: number, d: number, e: number) => number;
type Call6 = (a: number, b: number, c: number, d: number, e: number, f: number) => number;

const POINTER = 'uintptr_t';

// The packet path: pointers are numbers.

/** read(fd, buffer, length) */
export const read: Call3 = nativeFunction('read', 'intptr_t', ['int', POINTER, 'size_t']);
/** write(fd, buffer, length) */
export const write: Call3 = nativeFunction('write', 'intptr_t', ['int', POINTER, 'size_t']);
/** writev(fd, iovecs, count) */
export const writev: Call3 = nativeFunction('writev', 'intptr_t', ['int', POINTER, 'int']);
/** recvmmsg(fd, messages, count, flags, timeout) */
export const recvmmsg: Call5 = nativeFunction('recvmmsg', 'int', [
  'int',
  POINTER,
  'uint',
  'int',
  POINTER,
]);
/** sendmmsg(fd, messages, count, flags) */
export const sendmmsg: Call4 = nativeFunction('sendmmsg', 'int', ['int', POINTER, 'uint', 'int']);
/** poll(pollfds, count, timeout in milliseconds) */
export const poll: Call3 = nativeFunction('poll', 'int', [POINTER, 'ulong', 'int']);
/** epoll_wait(epoll, events, count, timeout in milliseconds) */
export const epollWait: Call4 = nativeFunction('epoll_wait', 'int', ['int', POINTER, 'int', 'int']);
/** clock_gettime(clock, timespec) */
export const clockGettime: Call2 = nativeFunction('clock_gettime', 'int', ['int', POINTER]);
/** getrandom(buffer, length, flags) */
export const getrandom: Call3 = nativeFunction('getrandom', 'intptr_t', [
  POINTER,
  'size_t',
  'uint',
]);

// Rare calls: buffers are passed themselves.

/** open(path, flags, mode) */
export const open: (path: string, flags: number, mode: number) => number = nativeFunction(
  'open',
  'int',
  ['str', 'int', 'uint'],
);
export const close: Call1 = nativeFunction('close', 'int', ['int']);
/** ioctl(fd, request, argument by pointer) */
export const ioctl: (fd: number, request: number, argument: Buffer) => number = nativeFunction(
  'ioctl',
  'int',
  ['int', 'ulong', 'void *'],
);
/** ioctl(fd, request, argument by value) */
export const ioctlByValue: Call3 = nativeFunction('ioctl', 'int', ['int', 'ulong', POINTER]);
/** flock(fd, operation) */
export const flock: Call2 = nativeFunction('flock', 'int', ['int', 'int']);
/** sched_setscheduler(thread, policy, struct sched_param) */
export const setScheduler: (thread: number, policy: number, parameters: Buffer) => number =
  nativeFunction('sched_setscheduler', 'int', ['int', 'int', 'void *']);
/** if_nametoindex(name), 0 for none */
export const interfaceIndex: (name: string) => number = nativeFunction('if_nametoindex', 'uint', [
  'str',
]);
/** setns(fd, type) */
export const setns: Call2 = nativeFunction('setns', 'int', ['int', 'int']);
/** abort(): unlike process.abort(), it ends the process from every thread. */
export const abort: () => unknown = nativeFunction('abort', 'void', []);
/** mmap(address, length, protection, flags, fd, offset) */
export const mmap: Call6 = nativeFunction('mmap', 'intptr_t', [
  POINTER,
  'size_t',
  'int',
  'int',
  'int',
  'intptr_t',
]);
/** mremap(address, length, new length, flags, new address) */
export const mremap: Call5 = nativeFunction('mremap', 'intptr_t', [
  POINTER,
  'size_t',
  'size_t',
  'int',
  POINTER,
]);
/** munmap(address, length) */
export const munmap: Call2 = nativeFunction('munmap', 'int', [POINTER, 'size_t']);
/** eventfd(initial, flags) */
export const eventfd: Call2 = nativeFunction('eventfd', 'int', ['uint', 'int']);
/** epoll_create1(flags) */
export const epollCreate: Call1 = nativeFunction('epoll_create1', 'int', ['int']);
/** epoll_ctl(epoll, operation, fd, event) */
export const epollControl: (e: number, operation: number, fd: number, event: Buffer) => number =
  nativeFunction('epoll_ctl', 'int', ['int', 'int', 'int', 'void *']);
/** socket(family, type, protocol) */
export const socket: Call3 = nativeFunction('socket', 'int', ['int', 'int', 'int']);
/** bind(fd, address, length) */
export const bind: (fd: number, address: Buffer, length: number) => number = nativeFunction(
  'bind',
  'int',
  ['int', 'void *', 'uint'],
);
/** connect(fd, address, length) */
export const connect: (fd: number, address: Buffer, length: number) => number = nativeFunction(
  'connect',
  'int',
  ['int', 'void *', 'uint'],
);
/** sendto(fd, buffer, length, flags, address, address length) */
export const sendto: (
  fd: number,
  buffer: Buffer,
  length: number,
  flags: number,
  address: Buffer,
  addressLength: number,
) => number = nativeFunction('sendto', 'intptr_t', [
  'int',
  'void *',
  'size_t',
  'int',
  'void *',
  'uint',
]);
/** recv(fd, buffer, length, flags) */
export const recv: (fd: number, buffer: Buffer, length: number, flags: number) => number =
  nativeFunction('recv', 'intptr_t', ['int', 'void *', 'size_t', 'int']);
/** getsockname(fd, address, pointer to length) */
export const getsockname: (fd: number, address: Buffer, length: Buffer) => number = nativeFunction(
  'getsockname',
  'int',
  ['int', 'void *', 'void *'],
);

const setsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Buffer,
  length: number,
) => number = nativeFunction('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']);

const getsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Buffer,
  length: Buffer,
) => number = nativeFunction('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']);

/** Opens `path`; returns the descriptor, or the error number negated. */
export function openPath(path: string, flags: number): number {
  for (;;) {
    const fd = negatedError(open(path, flags, 0));
    if (fd !== -EINTR) return fd;
  }
}

/**
 * Makes a socket, of the default protocol (which NETLINK_ROUTE is too) where none is named, or
 * returns undefined when the kernel lacks the family; other failures throw a P6nError.
 */
export function makeSocket(family: number, type: number, protocol = 0): number | undefined {
  const fd = negatedError(socket(family, type, protocol));
  if (fd >= 0) return fd;
  if (fd === -EAFNOSUPPORT) return undefined;
  throw systemError('Cannot make a socket', -fd);
}

/** The same for what the loop of the data plane can do without: undefined for every failure. */
export function trySocket(family: number, type: number): number | undefined {
  const fd = socket(family, type, 0);
  return fd < 0 ? undefined : fd;
}

/** Sets an option that is an int; returns 0, or the error number negated. */
export function setOption(fd: number, level: number, option: number, value: number): number {
  const memory = nativeMemory(4);
  memory.writeInt32LE(value);
  return setOptionBytes(fd, level, option, memory);
}

/** Sets an option; returns 0, or the error number negated. */
export function setOptionBytes(fd: number, level: number, option: number, value: Buffer): number {
  return negatedError(setsockopt(fd, level, option, value, value.length));
}

/** The value of an option that is an int and not negative; else the error number negated. */
export function getOption(fd: number, level: number, option: number): number {
  const memory = nativeMemory(4);
  const length = nativeMemory(4);
  length.writeUInt32LE(memory.length);
  const returned = negatedError(getsockopt(fd, level, option, memory, length));
  return returned < 0 ? returned : memory.readInt32LE();
}

/** What a call returned when it is no failure, else the error number negated. */
export function negatedError(returned: number): number {
  return returned < 0 ? -errorNumber() : returned;
}

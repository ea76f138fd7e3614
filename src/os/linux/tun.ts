// TUN interfaces of the Linux kernel, without packet information headers and without offloads.
// Documentation/networking/tuntap.rst of the kernel describes the interface.

import { P6nError } from '../../base/errors.ts';
import type { PacketBatch } from '../../base/packet-batch.ts';
import type { Slab } from '../../base/slab.ts';
import type { PacketPlaces, Tun, TunOptions } from '../tun.ts';
import { errorNumber, nativeMemory } from './ffi.ts';
import {
  AF_INET6,
  EAGAIN,
  EBUSY,
  EINTR,
  ENODEV,
  ENOENT,
  ENXIO,
  IFF_NO_PI,
  IFF_TUN,
  IFREQ_BYTES,
  IFREQ_FLAGS_OFFSET,
  IFREQ_MTU_OFFSET,
  IFREQ_NAME_OFFSET,
  INTERFACE_NAME_BYTES_MAX,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  SIOCSIFMTU,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  TUNSETIFF,
  TUNSETPERSIST,
} from './layouts.ts';
import { LINUX_NAMESPACES } from './namespaces.ts';
import {
  close,
  ioctl,
  ioctlByValue,
  makeSocket,
  negatedError,
  openPath,
  read,
  write,
} from './syscalls.ts';
import { systemError } from './system-error.ts';

const TUN_DEVICE = '/dev/net/tun';

/** As os/tun.ts says. */
export function openTun(options: TunOptions): Tun {
  const { name, namespace, mtu, persistent } = options;
  if (name.length === 0 || Buffer.byteLength(name) > INTERFACE_NAME_BYTES_MAX) {
    throw new P6nError('VALUE_INVALID', `Cannot make interface "${name}": not 1 to 15 bytes`);
  }
  return LINUX_NAMESPACES.within(namespace, () => {
    const fd = openPath(TUN_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) throw openError(-fd);
    try {
      attach(fd, name, persistent);
      setMtu(name, mtu);
    } catch (error) {
      close(fd);
      throw error;
    }
    return new LinuxTun(name, fd);
  });
}

function attach(fd: number, name: string, persistent: boolean): void {
  const request = nativeMemory(IFREQ_BYTES);
  request.write(name, IFREQ_NAME_OFFSET);
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI, IFREQ_FLAGS_OFFSET);
  const returned = negatedError(ioctl(fd, TUNSETIFF, request));
  if (returned < 0) throw attachError(name, -returned);
  const kept = negatedError(ioctlByValue(fd, TUNSETPERSIST, persistent ? 1 : 0));
  if (kept < 0) throw attachError(name, -kept);
}

/** In the namespace that the thread is in. */
function setMtu(name: string, mtu: number): void {
  const request = nativeMemory(IFREQ_BYTES);
  request.write(name, IFREQ_NAME_OFFSET);
  request.writeInt32LE(mtu, IFREQ_MTU_OFFSET);
  const socket = makeSocket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC);
  if (socket === undefined) {
    throw new P6nError('NO_IPV6', `Cannot make interface ${name}: the kernel has no IPv6`);
  }
  const returned = negatedError(ioctl(socket, SIOCSIFMTU, request));
  close(socket);
  if (returned < 0) throw systemError(`Cannot set the MTU of interface ${name}`, -returned);
}

function openError(error: number): P6nError {
  const action = `Cannot open ${TUN_DEVICE}`;
  const missing = error === ENOENT || error === ENXIO || error === ENODEV;
  const hint = 'Load the tun module (modprobe tun), or pass the device into the container.';
  return missing ? systemError(action, error, 'NO_TUN', hint) : systemError(action, error);
}

function attachError(name: string, error: number): P6nError {
  const action = `Cannot make interface ${name}`;
  if (error !== EBUSY) return systemError(action, error);
  return systemError(action, error, 'ALREADY_RUNNING', 'Another process holds the interface.');
}

class LinuxTun implements Tun {
  readonly name: string;
  readonly descriptor: number;

  constructor(name: string, descriptor: number) {
    this.name = name;
    this.descriptor = descriptor;
  }

  read(packets: PacketBatch, places: PacketPlaces, origin: number): number {
    const { firstOffset, stride, lengthMax } = places;
    while (packets.count < packets.capacity) {
      const offset = firstOffset + packets.count * stride;
      const length = read(this.descriptor, packets.slab.address + offset, lengthMax);
      if (length <= 0) {
        const error = length < 0 ? errorNumber() : EAGAIN;
        if (error === EINTR) continue;
        return error === EAGAIN ? 0 : error;
      }
      packets.push(offset, length, origin);
    }
    return 0;
  }

  write(slab: Slab, offset: number, length: number): number {
    return write(this.descriptor, slab.address + offset, length) < 0 ? errorNumber() : 0;
  }

  close(): void {
    close(this.descriptor);
  }

  remove(): void {
    // It fails where the interface is gone already.
    ioctlByValue(this.descriptor, TUNSETPERSIST, 0);
    close(this.descriptor);
  }
}

// TUN interfaces of the Linux kernel, without packet information headers, with virtio headers and
// offloads where they are wanted. Documentation/networking/tuntap.rst of the kernel describes the
// interface.

import { P6nError } from '../../base/errors.ts';
import type { PacketBatch } from '../../base/packet-batch.ts';
import type { Slab } from '../../base/slab.ts';
import {
  type PacketPlaces,
  PIECES_MAX,
  SUPERPACKET_REFUSED,
  type Tun,
  type TunOffloads,
  type TunOptions,
} from '../tun.ts';
import {
  clearVirtioHeader,
  readSuperpacketKind,
  SuperpacketKind,
  VIRTIO_HEADER_BYTES,
} from '../virtio-header.ts';
import { errorNumber, nativeMemory } from './ffi.ts';
import { IovecList } from './iovec-list.ts';
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
  IFF_VNET_HDR,
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
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUN_F_USO4,
  TUN_F_USO6,
  TUNSETIFF,
  TUNSETOFFLOAD,
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
  writev,
} from './syscalls.ts';
import { systemError } from './system-error.ts';
import { isRefusal, probeTun } from './tun-probe.ts';

/** After so many single packets the question is asked again. */
const SINGLES_MAX = 8;
const TUN_DEVICE = '/dev/net/tun';
const TCP_FLAGS = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
const UDP_FLAGS = TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6;
const NO_OFFLOADS: TunOffloads = { tunTcp: false, tunUdp: false };

/** As os/tun.ts says. */
export function openTun(options: TunOptions): Tun {
  const { name, namespace, mtu, persistent, offloads = NO_OFFLOADS } = options;
  const hasHeaders = offloads.tunTcp || offloads.tunUdp;
  if (name.length === 0 || Buffer.byteLength(name) > INTERFACE_NAME_BYTES_MAX) {
    throw new P6nError('VALUE_INVALID', `Cannot make interface "${name}": not 1 to 15 bytes`);
  }
  return LINUX_NAMESPACES.within(namespace, () => {
    const fd = openPath(TUN_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) throw openError(-fd);
    try {
      attach(fd, name, persistent, hasHeaders);
      setMtu(name, mtu);
    } catch (error) {
      close(fd);
      throw error;
    }
    const agreed = hasHeaders ? agreeOffloads(fd, offloads) : NO_OFFLOADS;
    return new LinuxTun(options, fd, hasHeaders, agreed);
  });
}

function attach(fd: number, name: string, persistent: boolean, hasHeaders: boolean): void {
  const request = nativeMemory(IFREQ_BYTES);
  request.write(name, IFREQ_NAME_OFFSET);
  const flags = IFF_TUN | IFF_NO_PI | (hasHeaders ? IFF_VNET_HDR : 0);
  request.writeUInt16LE(flags, IFREQ_FLAGS_OFFSET);
  const returned = negatedError(ioctl(fd, TUNSETIFF, request));
  if (returned < 0) throw attachError(name, -returned);
  const kept = negatedError(ioctlByValue(fd, TUNSETPERSIST, persistent ? 1 : 0));
  if (kept < 0) throw attachError(name, -kept);
  // A persistent interface has those of the process before.
  ioctlByValue(fd, TUNSETOFFLOAD, 0);
}

/** What is left of the offloads that were asked for. */
function agreeOffloads(fd: number, wanted: TunOffloads): TunOffloads {
  const tcp = wanted.tunTcp ? TCP_FLAGS : 0;
  // Linux knows them from 6.2 on.
  const tunUdp = wanted.tunUdp && ioctlByValue(fd, TUNSETOFFLOAD, tcp | UDP_FLAGS) === 0;
  const tunTcp = wanted.tunTcp && (tunUdp || ioctlByValue(fd, TUNSETOFFLOAD, tcp) === 0);
  return { tunTcp, tunUdp };
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
  readonly hasHeaders: boolean;
  readonly merges: { tcp: boolean; udp: boolean };
  readonly #pieces = new IovecList(PIECES_MAX);
  /**
   * How many reads take one packet without asking for another: packets have come one by one, and
   * the question costs as much time as the wait that would tell of more.
   */
  #singles = 0;
  readonly #onRefused: TunOptions['onRefused'];

  constructor(options: TunOptions, descriptor: number, hasHeaders: boolean, agreed: TunOffloads) {
    this.name = options.name;
    this.descriptor = descriptor;
    this.hasHeaders = hasHeaders;
    this.merges = { tcp: agreed.tunTcp, udp: agreed.tunUdp };
    this.#onRefused = options.onRefused;
    for (const isTcp of [true, false]) {
      const error = this.#takes(isTcp) ? probeTun(descriptor, isTcp) : 0;
      if (error !== 0) this.#refuse(isTcp, error);
    }
  }

  read(packets: PacketBatch, places: PacketPlaces, origin: number): number {
    const { firstOffset, stride, lengthMax, bytesMax } = places;
    const header = this.hasHeaders ? VIRTIO_HEADER_BYTES : 0;
    const { address } = packets.slab;
    const before = packets.count;
    const isOneEnough = this.#singles > 0;
    let error = 0;
    for (let bytes = 0; packets.count < packets.capacity && bytes < bytesMax; ) {
      const offset = firstOffset + packets.count * stride;
      const returned = read(this.descriptor, address + offset - header, lengthMax + header);
      if (returned <= header) {
        error = returned < 0 ? errorNumber() : EAGAIN;
        // An interrupted call: what waits makes the descriptor ready again.
        break;
      }
      packets.push(offset, returned - header, origin);
      bytes += returned;
      if (isOneEnough) break;
    }
    this.#note(isOneEnough, packets.count - before);
    return error === EAGAIN || error === EINTR ? 0 : error;
  }

  #note(isOneEnough: boolean, taken: number): void {
    if (isOneEnough) this.#singles -= taken;
    else if (taken > 0) this.#singles = taken === 1 ? SINGLES_MAX : 0;
  }

  write(slab: Slab, offset: number, length: number): number {
    if (!this.hasHeaders) return this.#write(slab.address + offset, length);
    clearVirtioHeader(slab.bytes, offset);
    const start = slab.address + offset - VIRTIO_HEADER_BYTES;
    return this.#write(start, length + VIRTIO_HEADER_BYTES);
  }

  writeWithHeader(slab: Slab, offset: number, length: number): number {
    const kind = readSuperpacketKind(slab.bytes, offset);
    const isWhole = kind === SuperpacketKind.None;
    const isTcp = kind !== SuperpacketKind.Udp;
    if (!(isWhole || this.#takes(isTcp))) return SUPERPACKET_REFUSED;
    const start = slab.address + offset - VIRTIO_HEADER_BYTES;
    const error = this.#write(start, length + VIRTIO_HEADER_BYTES);
    return isWhole ? error : this.#settle(error, isTcp);
  }

  writePieces(
    slab: Slab,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
    isTcp: boolean,
  ): number {
    const pieces = this.#pieces;
    const start = slab.address + offsets[0]! - VIRTIO_HEADER_BYTES;
    pieces.set(0, start, lengths[0]! + VIRTIO_HEADER_BYTES);
    for (let i = 1; i < count; i++) pieces.set(i, slab.address + offsets[i]!, lengths[i]!);
    const isWritten = writev(this.descriptor, pieces.address, count) >= 0;
    return isWritten ? 0 : this.#settle(errorNumber(), isTcp);
  }

  close(): void {
    close(this.descriptor);
  }

  remove(): void {
    // It fails where the interface is gone already.
    ioctlByValue(this.descriptor, TUNSETPERSIST, 0);
    close(this.descriptor);
  }

  #takes(isTcp: boolean): boolean {
    return isTcp ? this.merges.tcp : this.merges.udp;
  }

  /** What the writing of a superpacket returns. */
  #settle(error: number, isTcp: boolean): number {
    if (!isRefusal(error)) return error;
    // Perhaps it is this superpacket alone, which a program of somebody's has made.
    if (probeTun(this.descriptor, isTcp) !== 0) this.#refuse(isTcp, error);
    return SUPERPACKET_REFUSED;
  }

  #refuse(isTcp: boolean, error: number): void {
    this.merges[isTcp ? 'tcp' : 'udp'] = false;
    this.#onRefused?.({ offload: isTcp ? 'tun-tcp' : 'tun-udp', where: this.name, error });
  }

  #write(address: number, length: number): number {
    return write(this.descriptor, address, length) < 0 ? errorNumber() : 0;
  }
}

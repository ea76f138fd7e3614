// How a TUN interface is, asked through its own descriptor: its name and its network namespace are
// the kernel's to say, because both may change while a program has the interface open.

import { fstatSync } from 'node:fs';
import type { NetworkNews, TunState, TunWatch } from '../network-news.ts';
import { nativeMemory } from './ffi.ts';
import {
  AF_INET,
  AF_INET6,
  IFF_UP,
  IFREQ_BYTES,
  IFREQ_FLAGS_OFFSET,
  IFREQ_MTU_OFFSET,
  SIOCGIFFLAGS,
  SIOCGIFMTU,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  TUNGETDEVNETNS,
  TUNGETIFF,
} from './layouts.ts';
import { LINUX_NAMESPACES } from './namespaces.ts';
import { openLinkNews } from './network-news.ts';
import { close, ioctl, ioctlByValue, makeSocket } from './syscalls.ts';

/** Watches the TUN of an open descriptor, which stays its owner's. */
export function watchTun(descriptor: number): TunWatch {
  return new LinuxTunWatch(descriptor);
}

/** What stands in the namespace of the interface. */
interface Outpost {
  /** The namespace's inode number. */
  readonly namespace: number;
  /** To ask about interfaces. */
  readonly socket: number;
  readonly news: NetworkNews;
}

class LinuxTunWatch implements TunWatch {
  readonly #descriptor: number;
  readonly #request = nativeMemory(IFREQ_BYTES);
  #outpost: Outpost | undefined;
  #seen: TunState | undefined;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  get news(): NetworkNews | undefined {
    return this.#outpost?.news;
  }

  read(): TunState | undefined {
    const request = this.#request;
    if (ioctl(this.#descriptor, TUNGETIFF, request) < 0) return undefined;
    const namespace = ioctlByValue(this.#descriptor, TUNGETDEVNETNS, 0);
    if (namespace < 0) return undefined;
    try {
      this.#follow(namespace);
    } catch (error) {
      // The machine is short of memory or descriptors: until a later look, it is as it was.
      if (this.#seen === undefined) throw error;
      return this.#seen;
    } finally {
      close(namespace);
    }
    if (this.#outpost === undefined) return undefined;
    const { socket } = this.#outpost;
    if (ioctl(socket, SIOCGIFFLAGS, request) < 0) return undefined;
    const isUp = (request.readUInt16LE(IFREQ_FLAGS_OFFSET) & IFF_UP) !== 0;
    if (ioctl(socket, SIOCGIFMTU, request) < 0) return undefined;
    this.#seen = { isUp, mtu: request.readInt32LE(IFREQ_MTU_OFFSET) };
    return this.#seen;
  }

  close(): void {
    if (this.#outpost === undefined) return;
    close(this.#outpost.socket);
    this.#outpost.news.close();
    this.#outpost = undefined;
  }

  #follow(namespace: number): void {
    const { ino } = fstatSync(namespace);
    if (this.#outpost?.namespace === ino) return;
    this.close();
    this.#outpost = LINUX_NAMESPACES.within(`/proc/self/fd/${namespace}`, () => {
      const type = SOCK_DGRAM | SOCK_CLOEXEC;
      const socket = makeSocket(AF_INET6, type) ?? makeSocket(AF_INET, type);
      if (socket === undefined) return undefined;
      return { namespace: ino, socket, news: openLinkNews() };
    });
  }
}

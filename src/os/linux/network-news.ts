// Changes of the network, told by rtnetlink(7) to sockets that have joined its groups. The messages
// themselves are thrown away: they may be lost when too many come, what is read afterwards is not.
// And the news that the machine is a clone, which its kernel tells as an event of a device.

import { P6nError } from '../../base/errors.ts';
import type { NetworkNews } from '../network-news.ts';
import { addressOf, nativeMemory } from './ffi.ts';
import {
  AF_NETLINK,
  EINTR,
  ENOBUFS,
  NETLINK_KOBJECT_UEVENT,
  NETLINK_ROUTE,
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV4_ROUTE,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_IPV6_ROUTE,
  RTMGRP_LINK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCKADDR_FAMILY_OFFSET,
  SOCKADDR_NL_BYTES,
  SOCKADDR_NL_GROUPS_OFFSET,
  UEVENT_GROUP_KERNEL,
} from './layouts.ts';
import { bind, close, makeSocket, negatedError, read } from './syscalls.ts';
import { systemError } from './system-error.ts';

/** What the kernel's driver of the generation id says of it (Linux 6.10). */
const NEW_GENERATION = '\0NEW_VMGENID=1\0';
const MESSAGE_BYTES = 8192;
/** Reads of one drain(); what is left makes the descriptor ready again. */
const MESSAGES_MAX = 1024;

/** Interfaces come, go, and go up or down. */
export function openLinkNews(): NetworkNews {
  return new LinuxNetworkNews(RTMGRP_LINK);
}

/** Addresses and routes of the machine change. */
export function openRouteNews(): NetworkNews {
  return new LinuxNetworkNews(
    RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE,
  );
}

/** The machine goes on from a snapshot, perhaps not for the first time: it has a new generation. */
export function openCloneNews(): NetworkNews {
  return new LinuxNetworkNews(UEVENT_GROUP_KERNEL, NETLINK_KOBJECT_UEVENT, NEW_GENERATION);
}

class LinuxNetworkNews implements NetworkNews {
  readonly descriptor: number;
  readonly #message = nativeMemory(MESSAGE_BYTES);
  readonly #messageAddress = addressOf(this.#message);
  readonly #wanted: string | undefined;

  /** Of the network namespace that the thread is in; only messages with `wanted`, if given. */
  constructor(groups: number, protocol: number = NETLINK_ROUTE, wanted?: string) {
    this.#wanted = wanted;
    const descriptor = makeSocket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (descriptor === undefined) {
      throw new P6nError('SYSTEM', 'Cannot follow changes of the network: no rtnetlink');
    }
    this.descriptor = descriptor;
    const address = nativeMemory(SOCKADDR_NL_BYTES);
    address.writeUInt16LE(AF_NETLINK, SOCKADDR_FAMILY_OFFSET);
    address.writeUInt32LE(groups, SOCKADDR_NL_GROUPS_OFFSET);
    const returned = negatedError(bind(descriptor, address, address.length));
    if (returned === 0) return;
    close(descriptor);
    throw systemError('Cannot follow changes of the network', -returned);
  }

  drain(): boolean {
    let isNews = false;
    for (let count = 0; count < MESSAGES_MAX; count++) {
      const length = negatedError(read(this.descriptor, this.#messageAddress, MESSAGE_BYTES));
      if (length === -EINTR) continue;
      // Messages were lost, and the wanted one may have been among them. Others may wait.
      if (length === -ENOBUFS) isNews = true;
      else if (length <= 0) break;
      else isNews ||= this.#wanted === undefined || this.#isWanted(this.#wanted, length);
    }
    return isNews;
  }

  #isWanted(wanted: string, length: number): boolean {
    return this.#message.subarray(0, length).includes(wanted);
  }

  close(): void {
    close(this.descriptor);
  }
}

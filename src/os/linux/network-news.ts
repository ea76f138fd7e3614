// Changes of the network, told by rtnetlink(7) to sockets that have joined its groups. The messages
// themselves are thrown away: they may be lost when too many come, what is read afterwards is not.

import { P6nError } from '../../base/errors.ts';
import type { NetworkNews } from '../network-news.ts';
import { addressOf, nativeMemory } from './ffi.ts';
import {
  AF_NETLINK,
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
} from './layouts.ts';
import { bind, close, makeSocket, negatedError, read } from './syscalls.ts';
import { systemError } from './system-error.ts';

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

class LinuxNetworkNews implements NetworkNews {
  readonly descriptor: number;
  readonly #message = nativeMemory(MESSAGE_BYTES);
  readonly #messageAddress = addressOf(this.#message);

  /** Of the network namespace that the thread is in. */
  constructor(groups: number) {
    const descriptor = makeSocket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK);
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
    for (let count = 0; count < MESSAGES_MAX; count++) {
      const length = read(this.descriptor, this.#messageAddress, MESSAGE_BYTES);
      // Messages that were lost are told once, as an error, and then no more.
      if (length <= 0) return count > 0;
    }
    return true;
  }

  close(): void {
    close(this.descriptor);
  }
}

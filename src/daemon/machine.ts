// The machine that p6nd runs on, as the parts ask for it.

import type { EchoPort } from '../agent/ports.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Links } from '../os/links.ts';
import { LinuxClock } from '../os/linux/clock.ts';
import { LinuxEcho } from '../os/linux/echo.ts';
import { LINUX_LINKS } from '../os/linux/links.ts';
import { LINUX_LOCKS } from '../os/linux/locks.ts';
import { LINUX_DEVICE_SOCKETS } from '../os/linux/sockets.ts';
import type { Locks } from '../os/locks.ts';
import { SYSTEM_RANDOM } from '../os/random.ts';
import type { DeviceSockets } from '../os/sockets.ts';
import type { Crypto } from '../wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../wireguard/crypto/noble.ts';

export interface Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly links: Links;
  readonly locks: Locks;
  readonly sockets: DeviceSockets;
  readonly echo: EchoPort;
}

/** The interface of the host's own TUN. */
export const HOST_DEVICE = 'p6n0';

export function linuxMachine(): Machine {
  return {
    clock: new LinuxClock(),
    random: SYSTEM_RANDOM,
    crypto: NOBLE_CRYPTO,
    links: LINUX_LINKS,
    locks: LINUX_LOCKS,
    sockets: LINUX_DEVICE_SOCKETS,
    echo: new LinuxEcho(HOST_DEVICE),
  };
}

// What must hold before p6nd touches anything: each check says what is missing and what to do about
// it.

import { createSocket } from 'node:dgram';
import { accessSync, constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { SITE_PREFIX, SITE_ROUTE } from '../addressing/layout.ts';
import { P6nError } from '../base/errors.ts';
import type { Stoppable } from '../base/lifecycle.ts';
import { parseIpv6 } from '../ip/ipv6-address.ts';
import { makePrivateFolder } from '../os/atomic-file.ts';
import type { Links } from '../os/links.ts';

const TUN_DEVICE = '/dev/net/tun';
const IPV6_STATE = '/proc/net/if_inet6';
/**
 * An abstract unix socket belongs to a network namespace and goes with its process: just what the
 * lock is for.
 */
const LOCK_NAME = '\0p6nd';

/** Throws NOT_ROOT, NO_TUN or NO_IPV6. */
export function requireMachine(): void {
  if (process.geteuid?.() !== 0) {
    throw new P6nError('NOT_ROOT', 'Cannot start p6nd: it is not run as root', {
      hint: 'It makes TUN devices and network namespaces, which takes root.',
    });
  }
  try {
    accessSync(TUN_DEVICE, constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new P6nError('NO_TUN', `Cannot start p6nd: there is no usable ${TUN_DEVICE}`, {
      hint: 'Load the kernel module (modprobe tun), or give the container the device /dev/net/tun.',
      cause,
    });
  }
  if (!existsSync(IPV6_STATE)) {
    throw new P6nError('NO_IPV6', 'Cannot start p6nd: this kernel runs without IPv6', {
      hint: 'Remove ipv6.disable=1 from the kernel command line.',
    });
  }
}

/** Makes the state folder and checks that it can be written to. Throws STATE_UNWRITABLE. */
export async function requireStateFolder(path: string): Promise<void> {
  try {
    await makePrivateFolder(path);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const facts = cause instanceof Error ? cause.message : String(cause);
    throw new P6nError('STATE_UNWRITABLE', `Cannot use state folder ${path}: ${facts}`, {
      hint: 'Choose another one with --state-dir, or make this one writable for root.',
      cause,
    });
  }
}

/**
 * Takes the place of the one p6nd of this network namespace until stopped or until the process
 * ends. Throws ALREADY_RUNNING.
 */
export async function lockNetworkNamespace(): Promise<Stoppable> {
  const server: Server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'EADDRINUSE'
          ? new P6nError(
              'ALREADY_RUNNING',
              'Cannot start p6nd: one serves this network namespace already',
              {
                hint: '`p6nctl status` shows it; one p6nd serves all networks of a host.',
              },
            )
          : new P6nError('SYSTEM', `Cannot lock the network namespace: ${cause.message}`, {
              cause,
            }),
      );
    });
    server.listen(LOCK_NAME, resolve);
  });
  server.unref();
  return { stop: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Throws ROUTE_TAKEN when something else has a route into fdaa::/16. */
export async function requireFreeRoutes(links: Links): Promise<void> {
  for (const { prefix, device } of await links.routes(undefined)) {
    const bytes = parseIpv6(prefix.split('/')[0] ?? '');
    if (bytes === undefined || new DataView(bytes.buffer).getUint16(0) !== SITE_PREFIX) continue;
    const way = device === undefined ? prefix : `${prefix} through ${device}`;
    throw new P6nError('ROUTE_TAKEN', `Cannot start p6nd: there is a route to ${way} already`, {
      hint: `Remove it (ip -6 route del ${prefix}); p6nd needs all of ${SITE_ROUTE}.`,
    });
  }
}

/** Throws PORT_TAKEN before anything is written; the data plane binds the port later. */
export async function requireFreePort(port: number): Promise<void> {
  for (const type of ['udp4', 'udp6'] as const) {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(port, resolve);
      });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') continue;
      throw new P6nError('PORT_TAKEN', `Cannot start p6nd: UDP port ${port} is taken`, {
        hint: `See which program has it with \`ss -lupn\`, or choose another --listen-port.`,
        cause,
      });
    } finally {
      socket.close();
    }
  }
}

// What must hold before p6nd touches anything: each check says what is missing and what to do about
// it.

import { createSocket } from 'node:dgram';
import { accessSync, constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { SITE_PREFIX, SITE_ROUTE } from '../addressing/layout.ts';
import { P6nError } from '../base/errors.ts';
import type { Stoppable } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import { parseIpv6 } from '../ip/ipv6-address.ts';
import { makePrivateFolder } from '../os/atomic-file.ts';
import type { Links } from '../os/links.ts';
import type { Locks } from '../os/locks.ts';
import { HOST_DEVICE } from './machine.ts';

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

/** Makes the folder of the operator's socket, which may go with every boot. Throws SYSTEM. */
export async function requireSocketFolder(socket: string): Promise<void> {
  const folder = dirname(socket);
  try {
    await makePrivateFolder(folder);
  } catch (cause) {
    const facts = cause instanceof Error ? cause.message : String(cause);
    throw new P6nError('SYSTEM', `Cannot make ${folder} for the socket of p6nctl: ${facts}`, {
      hint: 'Choose another path with --socket.',
      cause,
    });
  }
}

/**
 * Keeps the state folder for this process alone: two p6nd in different network namespaces would be
 * one host twice. Throws ALREADY_RUNNING.
 */
export function lockStateFolder(locks: Locks, path: string): Stoppable {
  const lock = locks.lockFolder(path);
  if (lock !== undefined) return lock;
  throw new P6nError(
    'ALREADY_RUNNING',
    `Cannot start p6nd: another one uses state folder ${path}`,
    {
      hint: 'Stop the other one, or choose another folder with --state-dir.',
    },
  );
}

/**
 * Takes the place of the one p6nd of this network namespace until stopped or until the process
 * ends. Throws ALREADY_RUNNING. Every user of the machine can take the name of the lock, so it only
 * counts where the interface of a p6nd stands as well; who starts at the same moment as another
 * fails when he makes that.
 */
export async function lockNetworkNamespace(links: Links, logger: Logger): Promise<Stoppable> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  const problem = await listenOn(server, LOCK_NAME);
  if (problem === undefined)
    return { stop: () => new Promise((done) => server.close(() => done())) };
  if (problem.code !== 'EADDRINUSE') {
    const message = `Cannot lock the network namespace: ${problem.message}`;
    throw new P6nError('SYSTEM', message, { cause: problem });
  }
  if (await links.isHeld(HOST_DEVICE)) {
    throw new P6nError(
      'ALREADY_RUNNING',
      'Cannot start p6nd: one serves this network namespace already',
      { hint: '`p6nctl status` shows it; one p6nd serves all networks of a host.' },
    );
  }
  logger.warn('lock of the network namespace is held by somebody else than a p6nd');
  return { stop: () => undefined };
}

function listenOn(server: Server, path: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen(path, () => resolve(undefined));
  });
}

/**
 * Throws ROUTE_TAKEN when something else has a route into fdaa::/16. The interface of an earlier
 * p6nd, which nobody holds, is taken over.
 */
export async function requireFreeRoutes(links: Links): Promise<void> {
  const isTaken = await links.isHeld(HOST_DEVICE);
  for (const { prefix, device } of await links.routes(undefined)) {
    if (device === HOST_DEVICE && !isTaken) continue;
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

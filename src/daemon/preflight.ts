// What must hold before p6nd touches anything: each check says what is missing and what to do about
// it.

import { accessSync, constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { P6nError } from '../base/errors.ts';
import type { Stoppable } from '../base/lifecycle.ts';
import { makePrivateFolder } from '../os/atomic-file.ts';

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

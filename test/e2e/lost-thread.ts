// A program for a test: its worker enters the network namespace that its argument names, and loses
// the way back there. What it writes says that it went on.

import { closeSync, readdirSync, readlinkSync } from 'node:fs';
import { isMainThread, Worker } from 'node:worker_threads';
import { LINUX_NAMESPACES } from '../../src/os/linux/namespaces.ts';

const DESCRIPTORS = '/proc/self/fd';

if (isMainThread) {
  new Worker(new URL(import.meta.url), { argv: process.argv.slice(2), trackUnmanagedFds: false });
} else {
  try {
    LINUX_NAMESPACES.within(process.argv[2], closeNamespaces);
    process.stdout.write('came back');
  } catch (error) {
    process.stdout.write(`went on: ${String(error)}`);
  }
}

function closeNamespaces(): void {
  for (const name of readdirSync(DESCRIPTORS)) {
    if (isNamespace(`${DESCRIPTORS}/${name}`)) closeSync(Number(name));
  }
}

/** The descriptor by which the folder was read is gone by then. */
function isNamespace(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('net:');
  } catch {
    return false;
  }
}

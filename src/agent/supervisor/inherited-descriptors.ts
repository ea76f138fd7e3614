// Closes what this process has inherited from p6nd and whoever started p6nd: a descriptor that is
// open by mistake would be a way out of an instance, for its command would inherit it too.

import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** O_CLOEXEC in the flags of /proc/PID/fdinfo, which are octal. */
const CLOSE_ON_EXEC = 0o2000000;
const FLAGS_PATTERN = /^flags:\s*([0-7]+)$/m;

/**
 * Closes all descriptors above `last` that an exec has left open; Node.js opens none of its own
 * that way.
 */
export function closeInherited(last: number): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd > last && isInheritable(fd)) closeSync(fd);
  }
}

function isInheritable(fd: number): boolean {
  try {
    const flags = FLAGS_PATTERN.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    // The one that the listing itself was read through.
    return false;
  }
}

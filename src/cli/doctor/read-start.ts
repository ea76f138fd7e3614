// Reads a file that an instance has made, which may be anything: a pipe that nobody writes to, a
// device without an end.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const BYTES_MAX = 65_536;

/** The first bytes of a regular file as text; of anything else, nothing. */
export async function readStart(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!(await file.stat()).isFile()) return '';
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BYTES_MAX), 0, BYTES_MAX, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

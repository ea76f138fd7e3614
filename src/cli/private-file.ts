// A file for what nobody else may read, where others may have put something of that name before: a
// file of theirs, one that is open to all, or a link to somewhere else.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { P6nError } from '../base/errors.ts';

const MODE = 0o600;
const { O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;

/** Opens a file to write, empty and for its owner alone; or a pipe that has a reader. */
export async function openPrivate(path: string): Promise<FileHandle> {
  const file = await open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, MODE).catch((cause: unknown) => {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw refusal(path, code === 'ELOOP' ? 'it is a link' : (code ?? message), cause);
  });
  try {
    const facts = await file.stat();
    if (facts.isFIFO()) return file;
    if (!facts.isFile()) throw refusal(path, 'it is no file');
    if (facts.uid !== process.geteuid?.()) throw refusal(path, `it is of user ${facts.uid}`);
    if (facts.nlink > 1) throw refusal(path, 'it has other names');
    await file.chmod(MODE);
    await file.truncate();
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function refusal(path: string, facts: string, cause?: unknown): P6nError {
  const hint = 'Name a new file in a folder of your own, or write to standard output with -.';
  return new P6nError('SYSTEM', `Cannot write ${path}: ${facts}`, { cause, hint });
}

// A disk without room: a small file system of its own, and a file that takes all of it.

import { writeFileSync } from 'node:fs';
import { must } from '../e2e/site.ts';

/** A folder that is a file system of four mebibytes, for its owner alone. */
export async function mountSmallDisk(folder: string): Promise<void> {
  await must('mount', '-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', folder);
}

/** Writes until there is no room for a byte. */
export function fill(path: string): void {
  for (const size of [65_536, 4_096, 512, 1]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Smaller ones may fit yet.
    }
  }
}

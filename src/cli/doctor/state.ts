// Checks of what p6nd keeps on disk: who may read it, and whether there is room.

import { existsSync } from 'node:fs';
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes } from '../print.ts';
import { type Check, type CheckFinding, good, orGood, problem, warning } from './finding.ts';

const OTHERS = 0o077;
/** A registry, journals and logs grow slowly; below this the next burst may find no room. */
const FREE_LOW_BYTES = 256 * 1_048_576;
const FREE_NONE_BYTES = 16 * 1_048_576;

export const PERMISSIONS: Check = {
  name: 'permissions',
  examine: async ({ stateDir, socket, status }) => {
    if (!existsSync(stateDir)) {
      return [
        warning(`There is no ${stateDir}: p6nd has not run here`, {
          why: 'Who may read the keys, and whether the disk has room, stays unknown.',
          remedy: 'Start p6nd; where its state folder is another one, name that with --state-dir.',
        }),
      ];
    }
    const findings: CheckFinding[] = [];
    const paths = [
      stateDir,
      ...(await filesOf(stateDir)),
      ...(status === undefined ? [] : [socket]),
    ];
    for (const path of paths) {
      const facts = await stat(path).catch(() => undefined);
      if (facts === undefined) continue;
      if ((facts.mode & OTHERS) !== 0) {
        findings.push(
          problem(`${path} is open to others (mode ${(facts.mode & 0o777).toString(8)})`, {
            why: 'Who reads the keys can be this host, and who opens the socket rules it.',
            remedy:
              `chmod go= ${path}; if others may have read it, p6nctl hosts rotate-key, ` +
              'and on a server p6nctl site rotate.',
          }),
        );
      }
      if (facts.uid !== 0) {
        findings.push(
          problem(`${path} belongs to user ${facts.uid}`, {
            why: 'Its owner can change what p6nd believes.',
            remedy: `chown root:root ${path}`,
          }),
        );
      }
    }
    return orGood(findings, `${stateDir} and the socket are for root alone`);
  },
};

export const DISK: Check = {
  name: 'disk',
  examine: async ({ stateDir }) => {
    if (!existsSync(stateDir)) return [];
    const { bavail, bsize } = await statfs(stateDir);
    const free = bavail * bsize;
    const found = `${formatBytes(free)} are free for ${stateDir}`;
    const advice = {
      why: 'On a full disk nothing can be changed: no record of it could be kept.',
      remedy: 'Make room on that file system; p6nd goes on by itself.',
    };
    if (free < FREE_NONE_BYTES) return [problem(`Only ${found}`, advice)];
    return [free < FREE_LOW_BYTES ? warning(`Only ${found}`, advice) : good(found)];
  },
};

async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(folder, entry.name));
}

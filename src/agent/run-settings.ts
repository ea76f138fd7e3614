// How a command is run beyond what it is: its own environment, its user, and whether it runs again
// when it ends. Kept in the journal, which is for root alone: an environment may hold secrets.

import { spawnSync } from 'node:child_process';
import { P6nError } from '../base/errors.ts';
import type { RunAs } from './supervisor/command.ts';
import { RESTARTS_MAX, type RestartSpec } from './supervisor/restart-policy.ts';

/** Of all names and values with their separators: a line to a supervisor holds it twice over. */
export const ENVIRONMENT_BYTES_MAX = 49_152;
export const ENVIRONMENT_PAIRS_MAX = 512;
const ENVIRONMENT_NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What p6n says itself, and a program may rely on. */
const OWN_NAME_PATTERN = /^(?:P6N|FLY)_/;
/** A name or a number, and perhaps a group, as in chown(1). */
const USER_PATTERN =
  /^([A-Za-z0-9_.][A-Za-z0-9_.-]{0,31})(?::([A-Za-z0-9_.][A-Za-z0-9_.-]{0,31}))?$/;
const NUMBER_PATTERN = /^\d{1,10}$/;
const ID_MAX = 0xffff_fffe;

/** That an instance is one of a cluster. */
export interface ClusterSettings {
  readonly id: string;
  readonly rank: number;
  /** Of all members, in order of rank. */
  readonly addresses: readonly string[];
  /** Until all of them run. */
  readonly isForming?: true;
}

export interface RunSettings {
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** `USER` or `USER:GROUP`; root where absent. */
  readonly user?: string | undefined;
  readonly restart?: RestartSpec | undefined;
  readonly cluster?: ClusterSettings | undefined;
}

/** Throws VALUE_INVALID for what a person can do something about. */
export function requireRunSettings({ environment = {}, restart, user }: RunSettings): void {
  const pairs = Object.entries(environment);
  let bytes = 0;
  for (const [name, value] of pairs) {
    if (!ENVIRONMENT_NAME_PATTERN.test(name)) throw bad(`"${name}" as a name of the environment`);
    if (OWN_NAME_PATTERN.test(name)) throw bad(`"${name}" in the environment: p6n says it itself`);
    // Values may be secrets: an error names them by their names.
    if (value.includes('\0')) throw bad(`the value of ${name}, as it has a zero byte`);
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
  }
  if (pairs.length > ENVIRONMENT_PAIRS_MAX || bytes > ENVIRONMENT_BYTES_MAX) {
    throw bad(`an environment of more than ${ENVIRONMENT_BYTES_MAX} bytes`);
  }
  if (user !== undefined && !USER_PATTERN.test(user)) throw bad(`"${user}" as a user`);
  const max = restart?.max;
  if (max !== undefined && !(Number.isInteger(max) && max >= 1 && max <= RESTARTS_MAX)) {
    throw bad(`${max} as a number of restarts`);
  }
}

/** What a journal has kept, or undefined when that is none. */
export function parseRunSettings(value: unknown): RunSettings | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    requireRunSettings(value as RunSettings);
    return value as RunSettings;
  } catch {
    return undefined;
  }
}

/**
 * Who the user is on this machine now, from wherever the machine knows its users: with all of his
 * groups, or in the group that is named alone. Throws NOT_FOUND for one that it does not know.
 */
export function resolveUser(user: string): RunAs {
  const [, name = '', group] = USER_PATTERN.exec(user) ?? [];
  const entry = lookUp('passwd', name);
  const [ownName, , uid, ownGid, , home] = entry ?? ['', '', name, name, '', '/'];
  const gid = group === undefined ? ownGid : (lookUp('group', group)?.[2] ?? group);
  const ids = [uid, gid].map((text = '') =>
    NUMBER_PATTERN.test(text) ? Number(text) : ID_MAX + 1,
  );
  const [userId = 0, groupId = 0] = ids;
  if (userId <= ID_MAX && groupId <= ID_MAX) {
    return {
      uid: userId,
      gid: groupId,
      groups: group === undefined && entry !== undefined ? furtherGroups(ownName, groupId) : [],
      name,
      home: home === undefined || home === '' ? '/' : home,
    };
  }
  throw new P6nError('NOT_FOUND', `Cannot run as "${user}": this host has no such user or group`, {
    hint: 'Name one of the host, or write numbers: --user 1000:1000.',
  });
}

function lookUp(database: 'passwd' | 'group', key: string): readonly string[] | undefined {
  const { status, stdout } = spawnSync('getent', [database, key], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n', 1)[0]?.split(':') : undefined;
}

function furtherGroups(name = '', gid: number): readonly number[] {
  const { status, stdout } = spawnSync('id', ['-G', '--', name], { encoding: 'utf8' });
  const groups = status === 0 ? stdout.trim().split(' ').map(Number) : [];
  return groups.filter((one) => one !== gid);
}

function bad(what: string): P6nError {
  return new P6nError('VALUE_INVALID', `Cannot use ${what}`);
}

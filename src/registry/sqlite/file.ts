// Opening the registry's file: what is not a registry, or is one of a newer p6n, is recognised by
// its header before SQLite may touch it; a new file appears under its name only when it is whole.

import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { P6nError } from '../../base/errors.ts';
import { APPLICATION_ID, MIGRATIONS } from './schema.ts';

/** The database header (https://sqlite.org/fileformat2.html, section 1.3). */
const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const USER_VERSION_OFFSET = 60;
const APPLICATION_ID_OFFSET = 68;

const FILE_MODE = 0o600;
/** How long a p6nd that is just ending may keep the file. */
const BUSY_TIMEOUT_MS = 2_000;

const RESTORE_HINT =
  'Restore the file from a backup, or move it away to start a site of its own with nothing in it.';

/**
 * Opens the registry at `path` for this process alone, makes it when there is no file, and brings
 * it to the newest schema. Throws REGISTRY_CORRUPT for what is not a whole registry, which is left
 * as it is, and ALREADY_RUNNING while another process has it open.
 */
export function openFile(path: string, freshIncarnation: string): Database.Database {
  if (existsSync(path)) {
    checkHeader(path);
  } else {
    refuseOrphanLog(path);
    create(path, freshIncarnation);
  }
  const database = connect(path);
  try {
    checkContent(path, database);
    migrate(path, database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function checkHeader(path: string): void {
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  try {
    if (readSync(file, header, 0, HEADER_BYTES, 0) !== HEADER_BYTES) throw notRegistry(path);
  } finally {
    closeSync(file);
  }
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) throw notRegistry(path);
  if (header.readInt32BE(APPLICATION_ID_OFFSET) !== APPLICATION_ID) throw notRegistry(path);
  refuseNewer(path, header.readInt32BE(USER_VERSION_OFFSET));
}

/** A log without its database would be played into the next database of that name. */
function refuseOrphanLog(path: string): void {
  if (!existsSync(`${path}-wal`)) return;
  throw new P6nError(
    'REGISTRY_CORRUPT',
    `Cannot make registry ${path}: there is a log ${path}-wal of one that is missing`,
    { hint: RESTORE_HINT },
  );
}

/** Makes the whole file beside its place, then moves it there: a kill leaves all or nothing. */
function create(path: string, incarnation: string): void {
  const fresh = `${path}.new`;
  for (const leftover of [fresh, `${fresh}-wal`, `${fresh}-journal`])
    rmSync(leftover, { force: true });
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  closeSync(openSync(fresh, flags, FILE_MODE));
  const database = new Database(fresh);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  migrate(fresh, database);
  database.prepare("INSERT INTO meta VALUES (?, 0, 0, '')").run(incarnation);
  database.close();
  sync(fresh);
  renameSync(fresh, path);
  sync(dirname(path));
}

function connect(path: string): Database.Database {
  const database = new Database(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    // Before the first access, so that the lock is the process's own and needs no shared memory.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    // The lock stays with the connection until it closes.
    database.exec('BEGIN IMMEDIATE; COMMIT');
    return database;
  } catch (error) {
    database.close();
    if ((error as { code?: unknown }).code !== 'SQLITE_BUSY') throw damaged(path, error);
    throw new P6nError('ALREADY_RUNNING', `Cannot open registry ${path}: another process has it`, {
      hint: 'A registry file belongs to one p6nd; stop the other one first.',
      cause: error,
    });
  }
}

function checkContent(path: string, database: Database.Database): void {
  refuseNewer(path, pragma(database, 'user_version'));
  let verdict: unknown;
  try {
    verdict = (database.prepare('PRAGMA quick_check(1)').raw().get() as unknown[])[0];
  } catch (error) {
    throw damaged(path, error);
  }
  if (verdict !== 'ok') throw damaged(path, new Error(String(verdict)));
}

function migrate(path: string, database: Database.Database): void {
  for (let version = pragma(database, 'user_version'); version < MIGRATIONS.length; version++) {
    try {
      database.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[version]} PRAGMA user_version = ${version + 1};
        COMMIT`);
    } catch (error) {
      throw damaged(path, error);
    }
    // The version also stands in the file itself from now on, where an older p6n looks for it.
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }
}

function pragma(database: Database.Database, name: string): number {
  return (database.prepare(`PRAGMA ${name}`).raw().get() as number[])[0] ?? 0;
}

function refuseNewer(path: string, version: number): void {
  if (version <= MIGRATIONS.length) return;
  throw new P6nError(
    'REGISTRY_CORRUPT',
    `Cannot open registry ${path}: it is of a newer p6n (schema ${version})`,
    { hint: 'Start the p6nd that wrote it, or a newer one.' },
  );
}

function notRegistry(path: string): P6nError {
  return new P6nError(
    'REGISTRY_CORRUPT',
    `Cannot open registry ${path}: the file is not a registry of p6n`,
    { hint: RESTORE_HINT },
  );
}

function damaged(path: string, cause: unknown): P6nError {
  const facts = cause instanceof Error ? cause.message : String(cause);
  return new P6nError('REGISTRY_CORRUPT', `Cannot open registry ${path}: ${facts}`, {
    hint: RESTORE_HINT,
    cause,
  });
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

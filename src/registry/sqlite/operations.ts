// The operations of the store on an open registry file, synchronous, each in one transaction of
// SQLite, or several of the store's transactions in one of SQLite.

import type Database from 'libsql';
import { P6nError } from '../../base/errors.ts';
import { pastWith } from '../revision-mark.ts';
import {
  CompactedError,
  type StoreChange,
  type StoreEntry,
  type StoreListing,
  type StoreRevision,
  type StoreTransaction,
  type StoreWrite,
} from '../store.ts';
import { KnownRevisions } from './known-revisions.ts';
import type { Opened, Written } from './protocol.ts';

/** The log is cut once in so many revisions. */
const COMPACTION_INTERVAL = 64;
/** Above every character that a key may have. */
const AFTER_PREFIX = '\x7f';

type Statement = Database.Statement<unknown[]>;
type EntryRow = readonly [key: string, value: string, created: number, modified: number];
type ChangeRow = readonly [
  revision: number,
  key: string,
  value: string | null,
  created: number | null,
];

export class Operations {
  readonly #database: Database.Database;
  readonly #revisionsKept: number;
  readonly #get: Statement;
  readonly #list: Statement;
  readonly #put: Statement;
  readonly #delete: Statement;
  readonly #log: Statement;
  readonly #setRevision: Statement;
  readonly #findLease: Statement;
  readonly #revisions: Statement;
  readonly #known: KnownRevisions = new KnownRevisions((key) => this.get(key));
  #revision: number;
  #compacted: number;
  #incarnation: string;
  #past: readonly string[];

  constructor(database: Database.Database, revisionsKept: number) {
    this.#database = database;
    this.#revisionsKept = revisionsKept;
    const prepare = (sql: string): Statement => database.prepare(sql).raw(true) as Statement;
    const columns = 'key, value, create_revision, mod_revision';
    this.#get = prepare(`SELECT ${columns} FROM entries WHERE key = ?`);
    this.#list = prepare(`SELECT ${columns} FROM entries WHERE key >= ? AND key < ? ORDER BY key`);
    this.#put = database.prepare(
      `INSERT INTO entries (${columns}, lease) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE
       SET value = excluded.value, mod_revision = excluded.mod_revision, lease = excluded.lease`,
    );
    this.#delete = database.prepare('DELETE FROM entries WHERE key = ?');
    this.#log = database.prepare('INSERT INTO changes VALUES (?, ?, ?, ?, ?)');
    this.#setRevision = database.prepare('UPDATE meta SET revision = ?');
    this.#findLease = prepare('SELECT id FROM leases WHERE id = ?');
    this.#revisions = prepare(
      `SELECT revision, key, value, create_revision FROM changes WHERE revision IN
       (SELECT DISTINCT revision FROM changes WHERE revision > ? ORDER BY revision LIMIT ?)
       ORDER BY revision, position`,
    );
    const meta = prepare('SELECT incarnation, revision, compacted, past FROM meta').all();
    const row = meta[0] as readonly [string, number, number, string] | undefined;
    if (row === undefined || meta.length > 1) {
      throw new P6nError('REGISTRY_CORRUPT', 'Cannot open the registry: it lacks its beginning');
    }
    [this.#incarnation, this.#revision, this.#compacted] = row;
    this.#past = row[3].split(' ').filter((one) => one !== '');
  }

  opened(): Opened {
    const rows = this.#database.prepare('SELECT id, ttl_ms FROM leases').raw().all();
    const leases = (rows as (readonly [string, number])[]).map(([id, ttlMs]) => ({ id, ttlMs }));
    return { incarnation: this.#incarnation, past: this.#past, revision: this.#revision, leases };
  }

  get(key: string): StoreEntry | undefined {
    const row = this.#get.get(key) as EntryRow | undefined;
    return row === undefined ? undefined : entryOf(row);
  }

  list(prefixes: readonly string[]): StoreListing {
    const entries = new Map<string, StoreEntry>();
    // A prefix that starts with another one of them would list the same entries again.
    for (const prefix of [...prefixes].sort()) {
      for (const row of this.#list.all(prefix, prefix + AFTER_PREFIX) as EntryRow[]) {
        entries.set(row[0], entryOf(row));
      }
    }
    const ordered = [...entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    return { revision: this.#revision, entries: ordered };
  }

  transact(transaction: StoreTransaction): Written {
    return this.#atomically(() => this.#transact(transaction));
  }

  /** One after the other, and all on the disk at once; none of them when one throws. */
  transactAll(transactions: readonly StoreTransaction[]): readonly Written[] {
    return this.#atomically(() => transactions.map((one) => this.#transact(one)));
  }

  #transact({ compares, writes }: StoreTransaction): Written {
    const holds = compares.every(
      ({ key, modRevision }) => this.#known.of(key).modRevision === modRevision,
    );
    if (!holds) return { result: { committed: false }, revision: undefined };
    const revision = this.#apply(writes);
    return {
      result: { committed: true, revision: revision?.revision ?? this.#revision },
      revision,
    };
  }

  beginIncarnation(incarnation: string, writes: readonly StoreWrite[]): Written {
    return this.#atomically(() => {
      const past = pastWith(this.#past, this.#incarnation);
      const update = this.#database.prepare('UPDATE meta SET incarnation = ?, past = ?');
      update.run(incarnation, past.join(' '));
      const revision = this.#apply(writes);
      this.#incarnation = incarnation;
      this.#past = past;
      return { result: { committed: true, revision: this.#revision }, revision };
    });
  }

  /** Whole revisions of the log after `after`. Throws CompactedError. */
  revisions(after: number, max: number): readonly StoreRevision[] {
    if (after < this.#compacted) throw new CompactedError('Watch: the past is forgotten');
    const revisions: { revision: number; changes: StoreChange[] }[] = [];
    for (const row of this.#revisions.all(after, max) as ChangeRow[]) {
      const [revision] = row;
      if (revisions.at(-1)?.revision !== revision) revisions.push({ revision, changes: [] });
      revisions.at(-1)?.changes.push(changeOf(row));
    }
    return revisions;
  }

  grantLease(lease: string, ttlMs: number): void {
    this.#database.prepare('INSERT INTO leases VALUES (?, ?)').run(lease, ttlMs);
  }

  endLease(lease: string): Written {
    return this.#atomically(() => {
      const rows = this.#database
        .prepare('SELECT key FROM entries WHERE lease = ? ORDER BY key')
        .raw()
        .all(lease) as string[][];
      this.#database.prepare('DELETE FROM leases WHERE id = ?').run(lease);
      const revision = this.#apply(rows.map(([key]) => ({ type: 'delete', key: key ?? '' })));
      return { result: { committed: true, revision: this.#revision }, revision };
    });
  }

  /** Runs `run` in a transaction; what the numbers here say follows the database. */
  #atomically<T>(run: () => T): T {
    const revision = this.#revision;
    const compacted = this.#compacted;
    try {
      return this.#database
        .transaction(() => {
          const result = run();
          if (this.#revision !== revision) this.#setRevision.run(this.#revision);
          return result;
        })
        .immediate();
    } catch (error) {
      this.#revision = revision;
      this.#compacted = compacted;
      this.#known.forget();
      throw error;
    }
  }

  #apply(writes: readonly StoreWrite[]): StoreRevision | undefined {
    const effective = writes.filter(
      ({ type, key }) => type === 'put' || this.#known.of(key).modRevision !== 0,
    );
    if (effective.length === 0) return undefined;
    const revision = this.#revision + 1;
    const changes = effective.map((write, position) => this.#write(write, revision, position));
    this.#revision = revision;
    if (revision % COMPACTION_INTERVAL === 0) this.#compact(revision - this.#revisionsKept);
    return { revision, changes };
  }

  #write(write: StoreWrite, revision: number, position: number): StoreChange {
    const { key } = write;
    if (write.type === 'delete') {
      this.#delete.run(key);
      this.#known.note(key);
      this.#log.run(revision, position, key, null, null);
      return { type: 'delete', key };
    }
    const { value, lease } = write;
    if (lease !== undefined && this.#findLease.get(lease) === undefined) {
      throw new P6nError('NOT_FOUND', `Cannot write "${key}": its lease has ended`);
    }
    const createRevision = this.#known.of(key).createRevision || revision;
    this.#put.run(key, value, createRevision, revision, lease ?? null);
    this.#log.run(revision, position, key, value, createRevision);
    const entry = { key, value, createRevision, modRevision: revision };
    this.#known.note(key, entry);
    return { type: 'put', entry };
  }

  #compact(until: number): void {
    if (until <= this.#compacted) return;
    this.#database.prepare('DELETE FROM changes WHERE revision <= ?').run(until);
    this.#database.prepare('UPDATE meta SET compacted = ?').run(until);
    this.#compacted = until;
  }
}

function entryOf([key, value, createRevision, modRevision]: EntryRow): StoreEntry {
  return { key, value, createRevision, modRevision };
}

function changeOf([revision, key, value, created]: ChangeRow): StoreChange {
  if (value === null) return { type: 'delete', key };
  const createRevision = created ?? revision;
  return { type: 'put', entry: { key, value, createRevision, modRevision: revision } };
}

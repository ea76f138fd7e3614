// The tables of a registry file and how each version became the next.

/** "p6n" and a 1: says in the file's header that this is a registry of p6n. */
export const APPLICATION_ID = 0x70_36_6e_01;

/**
 * Step i brings a file from user_version i to i + 1. A step that has been released never changes.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (
     incarnation TEXT NOT NULL,
     revision INTEGER NOT NULL,
     -- Changes of this revision and those before are forgotten.
     compacted INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE entries (
     key TEXT PRIMARY KEY,
     value TEXT NOT NULL,
     create_revision INTEGER NOT NULL,
     mod_revision INTEGER NOT NULL,
     lease TEXT
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX entries_by_lease ON entries (lease) WHERE lease IS NOT NULL;
   CREATE TABLE changes (
     revision INTEGER NOT NULL,
     position INTEGER NOT NULL,
     key TEXT NOT NULL,
     -- NULL where the key was deleted.
     value TEXT,
     create_revision INTEGER,
     PRIMARY KEY (revision, position)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE leases (
     id TEXT PRIMARY KEY,
     ttl_ms INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  // The last incarnations before, in one text with a space between.
  "ALTER TABLE meta ADD COLUMN past TEXT NOT NULL DEFAULT '';",
];

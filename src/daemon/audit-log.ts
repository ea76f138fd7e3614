// The audit of a server: who changed what, in a file of its state folder. It follows the registry's
// history, in which each change has its account, so every server has the account of all changes,
// also of those that other servers made, and after a restart takes up those that it missed. In a
// file and not in the registry, so that it neither grows nor waits for it.
//
// What a host says of an instance of its own again and again, as its state, is left out: it is in
// the feed of events, and would push the changes of people out of here.

import { appendFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { AuditEntry } from '../api/contract/events.ts';
import { formatRevision, parseRevision } from '../api/contract/revision.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { PRIVATE_FILE_MODE, readFileIfExists } from '../os/atomic-file.ts';
import type { Account, RegistryChange } from '../registry/feed/changes.ts';
import type { Revision } from '../registry/model.ts';
import type { Registry } from '../registry/registry.ts';

const AUDIT_FILE = 'audit.jsonl';
const OLDER_SUFFIX = '.1';
/** A file that is longer becomes the older one, and the older one before goes. */
const FILE_BYTES_MAX = 8 * 1_048_576;
/** Between a failure and the next try. */
const RETRY_MS = 1_000;
/** More than come together in one revision. */
const ENTRIES_OF_REVISION_MAX = 128;

export interface AuditLogDependencies {
  readonly registry: Pick<Registry, 'changes' | 'findSite' | 'incarnation'>;
  readonly logger: Logger;
}

export class AuditLog {
  readonly #dependencies: AuditLogDependencies;
  readonly #path: string;
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #hasAppended = false;
  /** What the file has already of the revision that it goes on from. */
  #written: ReadonlySet<string> = new Set();

  constructor(dependencies: AuditLogDependencies, folder: string) {
    this.#dependencies = dependencies;
    this.#path = join(folder, AUDIT_FILE);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** The last entries, the newest last. */
  async last(count: number): Promise<readonly AuditEntry[]> {
    const texts = await Promise.all([
      readFileIfExists(`${this.#path}${OLDER_SUFFIX}`),
      readFileIfExists(this.#path),
    ]);
    const lines = texts.flatMap((text) => (text ?? '').split('\n'));
    return lines.flatMap(parseEntry).slice(-count);
  }

  async #run(): Promise<void> {
    const { logger } = this.#dependencies;
    const { signal } = this.#stopped;
    let after: Revision | undefined;
    let hasGap = false;
    while (!signal.aborted) {
      try {
        if (!hasGap) after ??= await this.#lastRevision();
        for await (const change of this.#dependencies.registry.changes(after, signal)) {
          await this.#note(change);
          after = change.revision;
        }
      } catch (error) {
        const isForgotten = error instanceof P6nError && error.code === 'REVISION_FORGOTTEN';
        logger.warn(isForgotten ? 'audit has a gap' : 'audit is behind', { error: String(error) });
        if (isForgotten) {
          after = undefined;
          hasGap = true;
        }
        await setTimeout(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /**
   * Before the last revision that an earlier p6nd has noted, since a kill may have left out a part
   * of it; the beginning of the registry where there is no file.
   */
  async #lastRevision(): Promise<Revision> {
    const entries = await this.last(ENTRIES_OF_REVISION_MAX);
    const last = entries.at(-1)?.revision;
    if (last !== undefined) {
      const { incarnation, number } = parseRevision(last);
      this.#written = new Set(entries.filter(({ revision }) => revision === last).map(lineOf));
      return { incarnation, number: number - 1 };
    }
    // A registry that is reached over a network knows its incarnation once it has answered.
    await this.#dependencies.registry.findSite();
    return { incarnation: this.#dependencies.registry.incarnation, number: 0 };
  }

  async #note({ accounts, revision }: RegistryChange): Promise<void> {
    const lines = accounts.flatMap((account) => {
      const entry = entryOf(account, revision);
      return entry === undefined ? [] : [lineOf(entry)];
    });
    const missing = lines.filter((line) => !this.#written.has(line));
    if (missing.length > 0) await this.#append(missing.join(''));
  }

  async #append(lines: string): Promise<void> {
    const bytes = await stat(this.#path).then(
      ({ size }) => size,
      () => 0,
    );
    if (bytes > FILE_BYTES_MAX) await rename(this.#path, `${this.#path}${OLDER_SUFFIX}`);
    // A kill, or a full disk, may have left a part of a line.
    const text = this.#hasAppended ? lines : `\n${lines}`;
    this.#hasAppended = false;
    await appendFile(this.#path, text, { mode: PRIVATE_FILE_MODE });
    this.#hasAppended = true;
  }
}

/** Undefined for what nobody looks for: a host writes its instances all the time. */
function entryOf({ action, at, by, objects }: Account, revision: Revision): AuditEntry | undefined {
  const isRoutine =
    by.kind === 'host' &&
    objects.every(({ kind, verb }) => kind === 'instance' && verb === 'changed');
  if (isRoutine || objects.length === 0) return undefined;
  return {
    revision: formatRevision(revision),
    at,
    by: {
      kind: by.kind,
      ...('host' in by ? { host_id: by.host } : {}),
      ...('invite' in by ? { invite: by.invite } : {}),
      ...('token' in by ? { token: by.token } : {}),
    },
    action,
    objects: objects.map(({ verb, kind, id }) => ({ verb, kind, id })),
  };
}

function lineOf(entry: AuditEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

function parseEntry(line: string): AuditEntry[] {
  try {
    const entry = JSON.parse(line) as AuditEntry;
    parseRevision(entry.revision);
    return [entry];
  } catch {
    return [];
  }
}

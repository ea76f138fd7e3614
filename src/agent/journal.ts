// What this host knows of its own instances, on its own disk: one file a record, replaced as a
// whole. It is never rebuilt from a server, and it says which records no server has taken yet.

import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceId, MachineId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import {
  makePrivateFolder,
  readFileIfExists,
  removeFile,
  writeFileAtomic,
} from '../os/atomic-file.ts';
import { formatRecord, type JournalRecord, parseRecord } from './journal-record.ts';

/** Of a state folder. */
export const JOURNAL_FOLDER = 'journal';
const RECORD_FILE_PATTERN = /^([0-9a-f]{14})\.json$/;
const DAMAGED_SUFFIX = '.damaged';

export class Journal {
  readonly #folder: string;
  readonly #records: Map<MachineId, JournalRecord>;
  /** What of them stands on disk. */
  readonly #durable: Map<MachineId, JournalRecord>;
  /** The write under way for a file; the next one waits for it. */
  readonly #writes = new Map<MachineId, Promise<void>>();

  private constructor(folder: string, records: Map<MachineId, JournalRecord>) {
    this.#folder = folder;
    this.#records = records;
    this.#durable = new Map(records);
  }

  /** Reads the records in `folder`; a damaged file is set aside and told to the operator. */
  static async open(folder: string, logger: Logger): Promise<Journal> {
    const records = new Map<MachineId, JournalRecord>();
    try {
      await makePrivateFolder(folder);
      for (const name of await readdir(folder)) {
        const id = RECORD_FILE_PATTERN.exec(name)?.[1];
        if (id === undefined) continue;
        const path = join(folder, name);
        const record = parseRecord((await readFileIfExists(path)) ?? '');
        if (record?.instance.machineId === id) {
          records.set(record.instance.machineId, record);
          continue;
        }
        await rename(path, `${path}${DAMAGED_SUFFIX}`);
        logger.warn('damaged record of an instance is set aside', { path });
      }
    } catch (cause) {
      throw unwritable(folder, cause);
    }
    return new Journal(folder, records);
  }

  /** All records, the removed ones that no server has heard of among them. */
  records(): readonly JournalRecord[] {
    return [...this.#records.values()];
  }

  /** Those that exist for people, oldest first. */
  instances(): readonly JournalRecord[] {
    return this.records()
      .filter((record) => !record.removed)
      .sort((a, b) => a.instance.createdAt - b.instance.createdAt);
  }

  get(machineId: MachineId): JournalRecord | undefined {
    return this.#records.get(machineId);
  }

  /** The instance of that machine id or name. */
  find(reference: string): JournalRecord | undefined {
    return this.instances().find(
      ({ instance }) => instance.machineId === reference || instance.name === reference,
    );
  }

  /** The instance ids that are in use or stopped here. */
  takenInstanceIds(): ReadonlySet<InstanceId> {
    return new Set(this.records().map((record) => record.instance.instanceId));
  }

  /** The smallest TUN number that no instance has. */
  freeTun(): number {
    const taken = new Set(this.instances().map((record) => record.tun));
    let tun = 1;
    while (taken.has(tun)) tun += 1;
    return tun;
  }

  /**
   * Holds `record` from now on; resolves once it is durable. Rejects with STATE_UNWRITABLE, and
   * then what is on disk is held again.
   */
  async put(record: JournalRecord): Promise<void> {
    const id = record.instance.machineId;
    this.#records.set(id, record);
    try {
      await this.#afterEarlier(id, () => this.#write(id));
    } catch (cause) {
      if (this.#records.get(id) === record) this.#goBack(id);
      throw unwritable(this.#path(id), cause);
    }
  }

  /** Resolves when what is held of a record is durable, or could not be made so. */
  async settled(machineId: MachineId): Promise<void> {
    await this.#writes.get(machineId)?.catch(() => undefined);
  }

  /** Forgets a record, durably. */
  async forget(machineId: MachineId): Promise<void> {
    this.#records.delete(machineId);
    try {
      await this.#afterEarlier(machineId, () => this.#write(machineId));
    } catch (cause) {
      throw unwritable(this.#path(machineId), cause);
    }
  }

  /** Writes what is held at the moment, so that of several changes the last one is on disk. */
  async #write(machineId: MachineId): Promise<void> {
    const record = this.#records.get(machineId);
    if (record === undefined) {
      await removeFile(this.#path(machineId));
      this.#durable.delete(machineId);
    } else if (this.#durable.get(machineId) !== record) {
      await writeFileAtomic(this.#path(machineId), formatRecord(record));
      this.#durable.set(machineId, record);
    }
  }

  /** Of several changes at once that the disk does not take, none is held. */
  #goBack(machineId: MachineId): void {
    const record = this.#durable.get(machineId);
    if (record === undefined) this.#records.delete(machineId);
    else this.#records.set(machineId, record);
  }

  async #afterEarlier(machineId: MachineId, write: () => Promise<void>): Promise<void> {
    const earlier = this.#writes.get(machineId) ?? Promise.resolve();
    const mine = earlier.catch(() => undefined).then(write);
    this.#writes.set(machineId, mine);
    try {
      await mine;
    } finally {
      if (this.#writes.get(machineId) === mine) this.#writes.delete(machineId);
    }
  }

  #path(machineId: MachineId): string {
    return join(this.#folder, `${machineId}.json`);
  }
}

function unwritable(path: string, cause: unknown): P6nError {
  const facts = cause instanceof Error ? cause.message : String(cause);
  return new P6nError('STATE_UNWRITABLE', `Cannot keep records in ${path}: ${facts}`, { cause });
}

// Instances in namespaces that somebody else has made: their interfaces come to them, get other
// names and go, by the hands of an engine or of whoever made the namespace, and p6nd takes note.

import type { MachineId } from '../addressing/ids.ts';
import type { Clock, Millis } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Journal } from './journal.ts';
import type { Attachment, JournalRecord } from './journal-record.ts';
import { arrived, isAwaited, isPresent, isSameNamespace } from './namespace.ts';
import type { LinkPort } from './ports.ts';

/** Far more than an engine takes from the making of an interface to the container's namespace. */
export const ARRIVAL_WAIT_MS = 30_000;

export interface AttachedDependencies {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A record or a namespace has changed. */
  readonly onChange: () => void;
}

export interface LeftInterface {
  /** Undefined for p6nd's own. */
  readonly namespace: string | undefined;
  /** Undefined for that of all interfaces of p6n. */
  readonly name: string | undefined;
}

export class AttachedInstances {
  readonly #dependencies: AttachedDependencies;
  readonly #recordEnd: (machineId: MachineId) => Promise<void>;
  /** Those whose interface waits to be moved, since this p6nd has seen them. */
  readonly #awaitedSince = new Map<MachineId, Millis>();

  constructor(
    dependencies: AttachedDependencies,
    recordEnd: (machineId: MachineId) => Promise<void>,
  ) {
    this.#dependencies = dependencies;
    this.#recordEnd = recordEnd;
  }

  /**
   * Where an interface may be left: attached namespaces that nothing runs in, and p6nd's own, to
   * which an engine gives back what was handed over.
   */
  leftInterfaces(): readonly LeftInterface[] {
    const given = this.#dependencies.journal.records().flatMap(({ attachment, removed }) => {
      const name = attachment?.handover;
      return name === undefined || !removed ? [] : [{ namespace: undefined, name }];
    });
    const empty = this.#emptyNamespaces().map(({ path, interfaceName: name }) => {
      return { namespace: path, name };
    });
    return [...given, ...empty];
  }

  #emptyNamespaces(): readonly Attachment[] {
    const present = this.#dependencies.journal.instances().flatMap(({ instance, attachment }) => {
      if (attachment === undefined || isAwaited(attachment)) return [];
      if (!isPresent(attachment)) return [];
      return [{ attachment, isLive: instance.state !== 'stopped' }];
    });
    const live = present.filter(({ isLive }) => isLive);
    return present
      .map(({ attachment }) => attachment)
      .filter((one) => !live.some((other) => isSameNamespace(one, other.attachment)));
  }

  /**
   * Takes note of attached namespaces that are gone: an instance that somebody keeps goes along, as
   * its owner may never ask for it again.
   */
  async recordVanished(): Promise<void> {
    for (const record of this.#presentRecords()) {
      const { attachment, instance } = record;
      if (attachment === undefined || isPresent(attachment)) continue;
      if (attachment.owner === undefined) {
        await this.#recordEnd(instance.machineId);
        continue;
      }
      await this.#dependencies.journal.put({ ...record, removed: true, pending: true });
      this.#dependencies.onChange();
    }
  }

  /**
   * Takes note of interfaces that their owners have moved to where they belong. One that nobody has
   * moved for long belongs to an owner that has gone, or forgotten it while p6nd was away.
   */
  async recordArrivals(): Promise<void> {
    const now = this.#dependencies.clock.now();
    for (const record of this.#presentRecords()) {
      if (record.attachment === undefined || !isAwaited(record.attachment)) continue;
      const { machineId } = record.instance;
      const attachment = arrived(record.attachment);
      const since = this.#awaitedSince.get(machineId) ?? now;
      this.#awaitedSince.set(machineId, since);
      if (attachment === undefined && now - since < ARRIVAL_WAIT_MS) continue;
      this.#awaitedSince.delete(machineId);
      const next = attachment === undefined ? { removed: true, pending: true } : { attachment };
      await this.#dependencies.journal.put({ ...record, ...next });
      this.#dependencies.onChange();
    }
  }

  /** Each as it is when it is taken: while one is written, others may change or go. */
  *#presentRecords(): Iterable<JournalRecord> {
    for (const { instance } of this.#dependencies.journal.instances()) {
      const record = this.#dependencies.journal.get(instance.machineId);
      if (record?.removed === false) yield record;
    }
  }

  /**
   * Takes note of what owners call the interfaces that they have moved: an earlier p6nd knew them
   * by their descriptors, and opened again, one goes by its name.
   */
  async recordNames(links: Pick<LinkPort, 'find'>): Promise<void> {
    for (const { attachment, instance } of this.#dependencies.journal.instances()) {
      if (attachment?.handover === undefined || isAwaited(attachment)) continue;
      const { address, machineId } = instance;
      try {
        const interfaceName = await links.find(attachment.path, address);
        const record = this.#dependencies.journal.get(machineId);
        if (record?.attachment === undefined || interfaceName === undefined) continue;
        const { attachment: known } = record;
        if (known.interfaceName === interfaceName) continue;
        await this.#dependencies.journal.put({
          ...record,
          attachment: { ...known, interfaceName },
        });
      } catch (error) {
        const { logger } = this.#dependencies;
        logger.warn('name of an interface is not known', { machineId, error: String(error) });
      }
    }
  }
}

// Changes of the registry that hold under concurrency: everything that a change reads is compared
// when it commits, and it starts over when any of it was changed meanwhile. So a rule is written as
// if nobody else were there.

import type { Clock } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Random, randomInteger } from '../base/random.ts';
import { type Actor, type AuditNote, encodeNote, notePlace } from './audit.ts';
import { admitRestored, emptinessOf, refuseClosed, requireOpen } from './closure.ts';
import { CLOSURE } from './keys.ts';
import { damaged, type StoredText } from './record-fields.ts';
import type { SiteSigner } from './site-signer.ts';
import type { Store, StoreWrite } from './store.ts';

/** What the rules work with. */
export interface RegistryContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** For whom changes are made; the server itself where absent. */
  readonly actor?: Actor;
  /** Signs for the site, on a server. */
  readonly signer: SiteSigner;
}

const ATTEMPTS_MAX = 100;
/** From this attempt on there is a pause before the next, so that others get through. */
const PAUSE_AFTER_ATTEMPTS = 5;
const PAUSE_MAX_MS = 20;
const COUNT_PATTERN = /^(?:0|[1-9][0-9]{0,14})$/;

/** One attempt at a change: reads are remembered for the comparison, writes wait for the commit. */
export class Transaction {
  readonly #store: Store;
  readonly #reads = new Map<string, { readonly modRevision: number; readonly value?: string }>();
  readonly #writes = new Map<string, string | undefined>();
  readonly #leases = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** What stands at `key`, with the writes of this attempt. */
  async get(key: string): Promise<StoredText | undefined> {
    if (this.#writes.has(key)) return stored(key, this.#writes.get(key));
    const known = this.#reads.get(key);
    if (known !== undefined) return stored(key, known.value);
    const entry = await this.#store.glance(key);
    this.#reads.set(key, entry ?? { modRevision: 0 });
    return stored(key, entry?.value);
  }

  /**
   * Whether nothing stands at `key`, for keys that never go away: what is there needs no
   * comparison.
   */
  async isUnused(key: string): Promise<boolean> {
    if (this.#writes.has(key)) return false;
    const entry = await this.#store.glance(key);
    if (entry === undefined) this.#reads.set(key, { modRevision: 0 });
    return entry === undefined;
  }

  /** Reads at once what will be asked for key by key. */
  async expect(...keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.get(key)));
  }

  /** With a lease it goes when the lease ends. */
  put(key: string, value: string, lease?: string): void {
    this.#writes.set(key, value);
    if (lease !== undefined) this.#leases.set(key, lease);
  }

  delete(key: string): void {
    this.#writes.set(key, undefined);
  }

  /** The count at `key`, or undefined where what is counted for does not exist. */
  async count(key: string): Promise<number | undefined> {
    const found = await this.get(key);
    if (found === undefined) return undefined;
    if (!COUNT_PATTERN.test(found.value)) throw damaged(key, 'it is no count');
    return Number(found.value);
  }

  /** Tries to commit, with `note` of it. False when something that was read has changed. */
  async commit(note: AuditNote): Promise<boolean> {
    const [first] = this.#writes.keys();
    if (first !== undefined) this.put(notePlace(first), encodeNote(note));
    const writes = [...this.#writes].map(([key, value]): StoreWrite => {
      if (value === undefined) return { type: 'delete', key };
      const lease = this.#leases.get(key);
      return { type: 'put', key, value, ...(lease === undefined ? {} : { lease }) };
    });
    return await this.#transact(writes);
  }

  /** Whether everything that was read is still so. */
  async isCurrent(): Promise<boolean> {
    return await this.#transact([]);
  }

  async #transact(writes: readonly StoreWrite[]): Promise<boolean> {
    const compares = [...this.#reads].map(([key, { modRevision }]) => ({ key, modRevision }));
    if (writes.length === 0 && compares.length === 0) return true;
    if (writes.length > 0) compares.push({ key: CLOSURE, modRevision: 0 });
    return (await this.#store.transact({ compares, writes })).committed;
  }
}

/**
 * Runs `attempt` until it commits on what it read; resolves with its result. An error that it
 * throws counts only if what it read is still so. `action` goes into the message, as in "create
 * app". Rejects with CHANGED_MEANWHILE when others are always faster.
 */
export async function change<T>(
  context: RegistryContext,
  action: string,
  attempt: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  for (let attempts = 1; attempts <= ATTEMPTS_MAX; attempts++) {
    const transaction = new Transaction(context.store);
    let result: T;
    try {
      result = await attempt(transaction);
    } catch (error) {
      if (await transaction.isCurrent()) throw await truth(context, action, error);
      continue;
    }
    if (context.store.restored !== undefined) await admitRestored(context);
    const { actor = { kind: 'server' }, clock } = context;
    if (await transaction.commit({ at: clock.wallNow(), by: actor, action })) return result;
    await refuseClosed(context.store, action);
    if (attempts >= PAUSE_AFTER_ATTEMPTS) await pause(context.random);
  }
  throw new P6nError('CHANGED_MEANWHILE', `Cannot ${action}: others change the same all the time`, {
    hint: 'Try again.',
  });
}

/** Adds one to the count at `key`; throws LIMIT_REACHED when there are `max` already. */
export async function countUp(
  transaction: Transaction,
  key: string,
  max: number,
  what: string,
): Promise<void> {
  const count = (await transaction.count(key)) ?? 0;
  if (count >= max) {
    throw new P6nError(
      'LIMIT_REACHED',
      `Cannot add to ${what}: there are ${max}, the most allowed`,
      {
        hint: 'Remove what is not needed.',
      },
    );
  }
  transaction.put(key, String(count + 1));
}

/** Takes one from the count at `key`; a count that is gone stays gone. */
export async function countDown(transaction: Transaction, key: string): Promise<void> {
  const count = await transaction.count(key);
  if (count !== undefined) transaction.put(key, String(Math.max(0, count - 1)));
}

/**
 * What is missing in a registry without a site, or with half of one, may be on its way. What one
 * that takes no writes misses or still has tells nothing either: it may be an older one.
 */
async function truth(context: RegistryContext, action: string, error: unknown): Promise<unknown> {
  if (!(error instanceof P6nError)) return error;
  if (error.fault !== 'missing' && error.fault !== 'conflict') return error;
  const emptiness = await emptinessOf(context.store, action);
  if (emptiness !== undefined && error.fault === 'missing') return emptiness;
  await requireOpen(context, action);
  return error;
}

function stored(key: string, value: string | undefined): StoredText | undefined {
  return value === undefined ? undefined : { key, value };
}

function pause(random: Random): Promise<void> {
  const ms = randomInteger(random, 1, PAUSE_MAX_MS);
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

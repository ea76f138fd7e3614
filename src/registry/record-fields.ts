// The fields of a stored record, each checked as it is read: one that is damaged, or was written by
// something else, is an error that names its key, and never a wrong value further on.

import {
  type HostId,
  type InstanceId,
  isHostId,
  isInstanceId,
  isNetworkId,
  type NetworkId,
} from '../addressing/ids.ts';
import { isPeerNumber } from '../addressing/layout.ts';
import type { WallMillis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import { canonicalIpv6, type Ipv6Address } from '../ip/ipv6-address.ts';
import { parseDeclared } from './declared-services.ts';

/** A record as it stands in the store. */
export interface StoredText {
  readonly key: string;
  readonly value: string;
}

/** What to throw when the record at `key` is not what it must be. */
export function damaged(key: string, facts: string): P6nError {
  return new P6nError('REGISTRY_CORRUPT', `Cannot read "${key}" of the registry: ${facts}`, {
    hint: 'Restore the registry from a backup.',
  });
}

/** The fields of one stored object, each checked as it is read. */
export class Fields {
  readonly #key: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(stored: StoredText, kind: string | undefined, nested?: unknown) {
    this.#key = stored.key;
    const value = nested ?? parseJson(stored);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw damaged(stored.key, 'it is no record');
    }
    this.#values = value as Record<string, unknown>;
    if (kind !== undefined && this.#values['kind'] !== kind) throw this.damaged('kind');
  }

  damaged(name: string): P6nError {
    return damaged(this.#key, `its field "${name}" is missing or wrong`);
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  nested(name: string): Fields {
    return new Fields({ key: this.#key, value: '' }, undefined, this.#values[name]);
  }

  text(name: string): string {
    const value = this.#values[name];
    if (typeof value !== 'string') throw this.damaged(name);
    return value;
  }

  texts(name: string): readonly string[] {
    const value = this.#values[name];
    if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) {
      throw this.damaged(name);
    }
    return value;
  }

  textMap(name: string): Readonly<Record<string, string>> {
    const value = this.#values[name];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.damaged(name);
    }
    if (!Object.values(value).every((one) => typeof one === 'string')) throw this.damaged(name);
    return value as Record<string, string>;
  }

  declared(): NonNullable<ReturnType<typeof parseDeclared>> {
    const declared = parseDeclared(this.#values);
    if (declared === undefined) throw this.damaged('services, checks or health');
    return declared;
  }

  oneOf<const T>(name: string, allowed: readonly T[]): T {
    const found = allowed.find((one) => one === this.#values[name]);
    if (found === undefined) throw this.damaged(name);
    return found;
  }

  integer(name: string): number {
    const value = this.#values[name];
    if (!Number.isSafeInteger(value)) throw this.damaged(name);
    return value as number;
  }

  time(name: string): WallMillis {
    const value = this.#values[name];
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.damaged(name);
    return value as WallMillis;
  }

  network(name: string): NetworkId {
    const value = this.integer(name);
    if (!isNetworkId(value)) throw this.damaged(name);
    return value;
  }

  networks(name: string): readonly NetworkId[] {
    const value = this.#values[name];
    const isList = (one: unknown): one is NetworkId[] =>
      Array.isArray(one) && one.every(isNetworkId);
    if (!isList(value)) throw this.damaged(name);
    return value;
  }

  /** The last group of an address that follows the plan. */
  peerNumber(name: string): number {
    const value = this.integer(name);
    if (!isPeerNumber(value)) throw this.damaged(name);
    return value;
  }

  host(name: string): HostId {
    const value = this.integer(name);
    if (!isHostId(value)) throw this.damaged(name);
    return value;
  }

  instance(name: string): InstanceId {
    const value = this.integer(name);
    if (!isInstanceId(value)) throw this.damaged(name);
    return value;
  }

  address(name: string): Ipv6Address {
    const address = canonicalIpv6(this.text(name));
    if (address === undefined) throw this.damaged(name);
    return address;
  }
}

function parseJson({ key, value }: StoredText): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw damaged(key, 'it is not JSON');
  }
}

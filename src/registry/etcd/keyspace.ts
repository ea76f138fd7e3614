// Where a registry stands in etcd. An etcd may hold several, and other programs' keys, each below a
// root of its own.
//
//  ROOT/data/KEY          what the store was given
//  ROOT/meta/registry     incarnation, and the cluster that it began in
//  ROOT/meta/head         written by every transaction with data, and by every store that connects:
//                         its revision is the last of them, and the feed has one of that number
//  ROOT/meta/opened       the store that was the last to connect
//  ROOT/meta/pens/W/N     pens of writer W, see pens.ts

import {
  assertKey,
  assertPrefix,
  type StoreChange,
  type StoreCompare,
  type StoreEntry,
  type StoreWrite,
} from '../store.ts';
import type { Compare, KeyValue, RangeRequest, RequestOp, WatchResponse } from './protocol.ts';

/** Above every character that a key may have. */
const AFTER_PREFIX = '\x7f';
/** A lease that no cluster ever grants. */
const NO_LEASE = '9223372036854775807';
/** What a lease's id may be. */
export const LEASE_PATTERN: RegExp = /^[1-9][0-9]{0,18}$/;

export class Keyspace {
  readonly registry: Buffer;
  readonly head: Buffer;
  readonly opened: Buffer;
  readonly #root: string;
  readonly #data: string;

  constructor(root: string) {
    this.#root = `${root}/`;
    this.#data = `${root}/data/`;
    this.registry = bytes(`${root}/meta/registry`);
    this.head = bytes(`${root}/meta/head`);
    this.opened = bytes(`${root}/meta/opened`);
  }

  /** All keys of the registry, its own and those of the store. */
  get all(): { readonly key: Buffer; readonly rangeEnd: Buffer } {
    return { key: bytes(this.#root), rangeEnd: bytes(this.#root + AFTER_PREFIX) };
  }

  pen(writer: string, slot: number): Buffer {
    return bytes(`${this.#root}meta/pens/${writer}/${slot}`);
  }

  key(key: string): Buffer {
    assertKey(key);
    return bytes(this.#data + key);
  }

  range(prefix: string): Required<Pick<RangeRequest, 'key' | 'rangeEnd'>> {
    assertPrefix(prefix);
    return { key: bytes(this.#data + prefix), rangeEnd: bytes(this.#data + prefix + AFTER_PREFIX) };
  }

  entry(kv: KeyValue): StoreEntry {
    return {
      key: kv.key.toString('latin1').slice(this.#data.length),
      value: kv.value.toString(),
      createRevision: Number(kv.createRevision),
      modRevision: Number(kv.modRevision),
    };
  }

  compare({ key, modRevision }: StoreCompare): Compare {
    return compareMod(this.key(key), modRevision);
  }

  operation(write: StoreWrite): RequestOp {
    const key = this.key(write.key);
    if (write.type === 'delete') return { requestDeleteRange: { key } };
    if (write.lease === undefined) return put(key, write.value);
    return put(key, write.value, LEASE_PATTERN.test(write.lease) ? write.lease : NO_LEASE);
  }

  /** What an event says of the store; undefined when it is of one of the registry's own keys. */
  change({ type, kv }: WatchResponse['events'][number]): StoreChange | undefined {
    if (!kv.key.toString('latin1').startsWith(this.#data)) return undefined;
    const entry = this.entry(kv);
    return type === 'DELETE' ? { type: 'delete', key: entry.key } : { type: 'put', entry };
  }
}

/** That the key at `key` was last changed at `modRevision`; 0 for "does not exist". */
export function compareMod(key: Buffer, modRevision: number): Compare {
  return { result: 'EQUAL', target: 'MOD', key, modRevision };
}

export function put(key: Buffer, value: string, lease = '0'): RequestOp {
  return { requestPut: { key, value: Buffer.from(value), lease } };
}

export function read(key: Buffer): RequestOp {
  return { requestRange: { key } };
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

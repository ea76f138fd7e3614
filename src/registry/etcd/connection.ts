// Finding out which registry stands in an etcd, and whether it is what this server has seen last. A
// snapshot that was restored is a cluster of its own: etcd gives it another id.

import { damaged } from '../record-fields.ts';
import type { RevisionMark } from '../revision-mark.ts';
import type { EtcdClient } from './etcd-client.ts';
import { compareMod, type Keyspace, put } from './keyspace.ts';
import type { KeyValue } from './protocol.ts';

/** What stands at the registry's key. */
export interface Meta {
  readonly incarnation: string;
  /** The id of the cluster that the incarnation began in. */
  readonly cluster: string;
  /** The last incarnations before this one. */
  readonly past: readonly string[];
}

export interface Connection extends Meta {
  /** Of the registry's key. */
  readonly modRevision: number;
  /** The revision from which on the feed hears everything. */
  readonly revision: number;
  /** As `Store.restored`. */
  readonly restored?: string | undefined;
}

export interface ConnectOptions {
  /** The incarnation of a registry that has to be made. */
  readonly fresh: string;
  readonly mark: RevisionMark | undefined;
}

export async function connect(
  client: EtcdClient,
  keyspace: Keyspace,
  { fresh, mark }: ConnectOptions,
): Promise<Connection> {
  const { registry, head, opened } = keyspace;
  for (;;) {
    const { header, kvs } = await client.ask('KV/Range', { key: registry });
    const [found] = kvs;
    if (found === undefined) {
      const meta = encodeMeta({ incarnation: fresh, cluster: header.clusterId, past: [] });
      const success = [put(registry, meta), put(head, '')];
      await client.ask('KV/Txn', { compare: [compareMod(registry, 0)], success, failure: [] });
      continue;
    }
    const { incarnation, cluster, past } = parseMeta(found);
    const problem =
      cluster === header.clusterId
        ? mark?.problem({ incarnation, number: Number(header.revision) }, past)
        : `it was in cluster ${cluster}, and this is cluster ${header.clusterId}`;
    // A write of its own: from here on the feed has seen something, however quiet it is.
    const success = [put(opened, fresh), put(head, '')];
    const answer = await client.ask('KV/Txn', { compare: [], success, failure: [] });
    return {
      incarnation,
      past,
      cluster: header.clusterId,
      modRevision: Number(found.modRevision),
      revision: Number(answer.header.revision),
      restored: problem,
    };
  }
}

export function encodeMeta(meta: Meta): string {
  return JSON.stringify(meta);
}

export function parseMeta({ key, value }: KeyValue): Meta {
  const name = key.toString('latin1');
  try {
    const { incarnation, cluster, past } = JSON.parse(value.toString()) as Partial<Meta>;
    if (typeof incarnation === 'string' && typeof cluster === 'string' && Array.isArray(past)) {
      return { incarnation, cluster, past };
    }
  } catch {
    // Said below.
  }
  throw damaged(name, 'it does not say which registry this is');
}

// The messages of etcd.proto as this driver reads and writes them, and the methods with the bytes
// that they have on the wire.

import { fileURLToPath } from 'node:url';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** 64-bit numbers as decimal text: ids of clusters and leases do not fit into a double. */
export interface ResponseHeader {
  readonly clusterId: string;
  readonly revision: string;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly createRevision: string;
  readonly modRevision: string;
}

export interface RangeRequest {
  readonly key: Buffer;
  readonly rangeEnd?: Buffer;
  readonly limit?: number;
  readonly revision?: number;
}

export interface RangeResponse {
  readonly header: ResponseHeader;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
}

export type RequestOp =
  | { readonly requestRange: RangeRequest }
  | {
      readonly requestPut: { readonly key: Buffer; readonly value: Buffer; readonly lease: string };
    }
  | { readonly requestDeleteRange: { readonly key: Buffer; readonly rangeEnd?: Buffer } }
  | { readonly requestTxn: TxnRequest };

export interface ResponseOp {
  readonly responseRange?: RangeResponse | null;
  /** Its own header is empty. */
  readonly responseTxn?: Pick<TxnResponse, 'succeeded'> | null;
}

export interface Compare {
  readonly result: 'EQUAL';
  readonly target: 'MOD';
  readonly key: Buffer;
  readonly modRevision: number;
}

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header: ResponseHeader;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

export interface WatchCreateRequest {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
  readonly startRevision: number;
  readonly progressNotify: boolean;
  readonly fragment: boolean;
}

export interface WatchResponse {
  readonly header: ResponseHeader;
  readonly canceled: boolean;
  readonly compactRevision: string;
  readonly cancelReason: string;
  readonly fragment: boolean;
  readonly events: readonly { readonly type: 'PUT' | 'DELETE'; readonly kv: KeyValue }[];
}

export interface LeaseResponse {
  readonly header: ResponseHeader;
  readonly ID: string;
  readonly TTL: string;
}

/** What is asked and answered once each. */
export interface UnaryMethods {
  readonly 'KV/Range': { readonly request: RangeRequest; readonly response: RangeResponse };
  readonly 'KV/Txn': { readonly request: TxnRequest; readonly response: TxnResponse };
  readonly 'KV/Compact': {
    readonly request: { readonly revision: number };
    readonly response: { readonly header: ResponseHeader };
  };
  readonly 'Lease/LeaseGrant': {
    readonly request: { readonly TTL: number };
    readonly response: LeaseResponse;
  };
  readonly 'Lease/LeaseRevoke': {
    readonly request: { readonly ID: string };
    readonly response: { readonly header: ResponseHeader };
  };
  readonly 'Auth/Authenticate': {
    readonly request: { readonly name: string; readonly password: string };
    readonly response: { readonly header: ResponseHeader; readonly token: string };
  };
}

export type UnaryName = keyof UnaryMethods;
export type StreamName = 'Watch/Watch' | 'Lease/LeaseKeepAlive';
export type Methods = ReadonlyMap<string, MethodDefinition<object, object>>;

const PACKAGE = 'etcdserverpb';

/** The methods by their names, as in `KV/Range`. */
export function loadMethods(): Methods {
  const path = fileURLToPath(import.meta.resolve('#etcd.proto'));
  const loaded = loadSync(path, { longs: String, enums: String, defaults: true });
  const methods = new Map<string, MethodDefinition<object, object>>();
  for (const service of ['KV', 'Watch', 'Lease', 'Auth']) {
    const definition = loaded[`${PACKAGE}.${service}`] as Record<
      string,
      MethodDefinition<object, object>
    >;
    for (const [name, method] of Object.entries(definition)) {
      methods.set(`${service}/${name}`, method);
    }
  }
  return methods;
}

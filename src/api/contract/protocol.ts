// Numbers and names that both ends of a connection must agree on. No schema stands here: p6nctl
// starts without the library of schemas, which takes longer to load than all of its own files.

import {
  INVITE_TTL_MAX_MS,
  INVITE_TTL_MIN_MS,
  TOKEN_TTL_MAX_MS,
  TOKEN_TTL_MIN_MS,
} from '../../registry/model.ts';

/** Marks a host's request as made for the p6nctl of that host; its value is `1`. */
export const OPERATOR_HEADER = 'x-p6n-operator';

/** Where p6nd listens for programs of its host unless it is told otherwise. */
export const DEFAULT_SOCKET = '/run/p6n/p6nd.sock';

export const JSON_CONTENT_TYPE = 'application/json';
/** Streams are one JSON value a line. */
export const NDJSON_CONTENT_TYPE = 'application/x-ndjson';
/** Of Prometheus' text format. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export const PCAPNG_CONTENT_TYPE = 'application/x-pcapng';
/** Bytes of a captured packet at the most: superpackets are up to 64 KiB long. */
export const SNAP_LENGTH_MAX = 65_536;

/** So many entries of an audit are told at once, at the most. */
export const AUDIT_ENTRIES_MAX = 9_999;

/** A stream that has nothing to say says so this often, milliseconds. */
export const HEARTBEAT_INTERVAL_MS = 5_000;
/** A stream that was silent for this long is dead, milliseconds. */
export const HEARTBEAT_TIMEOUT_MS = 16_000;

/** Shortest and longest time that an invite may be open, milliseconds. */
export const INVITE_TTL: { readonly minMs: number; readonly maxMs: number } = {
  minMs: INVITE_TTL_MIN_MS,
  maxMs: INVITE_TTL_MAX_MS,
};

/** Shortest and longest time that a token may be good, milliseconds. */
export const TOKEN_TTL: { readonly minMs: number; readonly maxMs: number } = {
  minMs: TOKEN_TTL_MIN_MS,
  maxMs: TOKEN_TTL_MAX_MS,
};

/** Longest time that a stop may leave a command, milliseconds. */
export const STOP_GRACE_MAX_MS = 300_000;

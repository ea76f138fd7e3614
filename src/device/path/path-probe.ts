// Probes of a path and their answers: data messages between two hosts of the mesh whose content is
// no IP packet, its version being 0. Whoever does not know them drops them.
//
//   +-----+------+--------+-----------------+
//   |  0  | kind | length |     number      |   big-endian; zeros up to the length follow
//   +-----+------+--------+-----------------+
//   0     1      2        4                 8

import { readUint16, readUint32, readVersion, writeUint16, writeUint32 } from '../../ip/header.ts';
import { SHORTEST_PROBE } from './path-mtu.ts';

export const ProbeKind = { Probe: 1, Arrived: 2 } as const;
export type ProbeKind = (typeof ProbeKind)[keyof typeof ProbeKind];

export const PROBE_ANSWER_BYTES: number = SHORTEST_PROBE;

const PROBE_VERSION = 0;
const KIND_OFFSET = 1;
const LENGTH_OFFSET = 2;
const NUMBER_OFFSET = 4;
const HEADER_BYTES = 8;

export interface ProbeContent {
  readonly kind: ProbeKind;
  /** Of the probe, or of the one that is answered. */
  readonly length: number;
  readonly number: number;
}

/** Writes a probe or an answer, less its zeros; returns how many bytes that are. */
export function writeProbe(bytes: Uint8Array, offset: number, content: ProbeContent): number {
  bytes[offset] = PROBE_VERSION << 4;
  bytes[offset + KIND_OFFSET] = content.kind;
  writeUint16(bytes, offset + LENGTH_OFFSET, content.length);
  writeUint32(bytes, offset + NUMBER_OFFSET, content.number);
  return HEADER_BYTES;
}

/** What stands in `length` bytes at `offset`, or undefined when it is neither. */
export function readProbe(
  bytes: Uint8Array,
  offset: number,
  length: number,
): ProbeContent | undefined {
  if (length < SHORTEST_PROBE || readVersion(bytes, offset) !== PROBE_VERSION) return undefined;
  const kind = bytes[offset + KIND_OFFSET] as ProbeKind;
  const probed = readUint16(bytes, offset + LENGTH_OFFSET);
  const number = readUint32(bytes, offset + NUMBER_OFFSET);
  // A probe that says another length than it has proves nothing.
  const isProbe = kind === ProbeKind.Probe && probed === length;
  return isProbe || kind === ProbeKind.Arrived ? { kind, length: probed, number } : undefined;
}

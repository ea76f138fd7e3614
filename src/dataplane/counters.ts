// Everything that the data plane counts, in one piece of memory that the main thread reads while
// the worker counts. Each part owns its stretch:
//
//   | pipeline | udp | device | filter: drops | filter: passes |
//
// Numbers are 64-bit floats, exact up to 2^53, and a reader may see one part later than another.

import { DEVICE_COUNTERS, DeviceCounter } from '../device/counters.ts';
import { DROP_REASON_COUNT, DROP_REASONS, type DropReason } from '../filter/drop-reason.ts';
import { PASS_RULE_COUNT, PASS_RULES, type PassRule } from '../filter/verdict.ts';
import { UDP_COUNTERS, UdpCounter } from '../os/udp.ts';

/** What the pipeline counts itself. */
export const PipelineCounter = {
  PacketsFromTuns: 0,
  BytesFromTuns: 1,
  PacketsToTuns: 2,
  BytesToTuns: 3,
  /** The kernel did not take it: the interface is down. */
  DropTunWrite: 4,
  /** The filter's way out is an interface that could not be made. */
  DropNoTun: 5,
  /** ICMPv6 errors, among the packets to TUNs and to peers. */
  RejectionsToTuns: 6,
  RejectionsToPeers: 7,
  /** Packets that were read as part of a superpacket. */
  SegmentsFromTuns: 8,
  /** The kernel's header in front of a packet is not one that this project knows. */
  DropSuperpacket: 9,
  /** Packets that were written as part of a superpacket. */
  SegmentsToTuns: 10,
  /** Offloads of a TUN or socket that the kernel refused, and that are off since. */
  OffloadsRefused: 11,
  /** The filter's way out is the gateway, which could not be opened. */
  DropNoGateway: 12,
} as const;
export type PipelineCounter = (typeof PipelineCounter)[keyof typeof PipelineCounter];

const PIPELINE_COUNTERS: number = Object.keys(PipelineCounter).length;

export interface DataplaneCounters {
  readonly pipeline: Float64Array;
  readonly udp: Float64Array;
  readonly device: Float64Array;
  readonly filterDrops: Float64Array;
  readonly filterPasses: Float64Array;
}

const LENGTHS: readonly number[] = [
  PIPELINE_COUNTERS,
  UDP_COUNTERS,
  DEVICE_COUNTERS,
  DROP_REASON_COUNT,
  PASS_RULE_COUNT,
];

/** The name of each number in the memory: `device_drop_mac1`, `filter_drop_other_network`. */
export const COUNTER_NAMES: readonly string[] = [
  ...named('', PipelineCounter),
  ...named('udp_', UdpCounter),
  ...named('device_', DeviceCounter),
  ...Array.from({ length: DROP_REASON_COUNT }, (_, reason) =>
    snakeCase('filter_drop_', DROP_REASONS[reason as DropReason].name),
  ),
  ...Array.from({ length: PASS_RULE_COUNT }, (_, rule) =>
    snakeCase('filter_pass_', PASS_RULES[rule as PassRule].name),
  ),
];

/** Memory for all counters, all zero. */
export function counterMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(COUNTER_NAMES.length * Float64Array.BYTES_PER_ELEMENT);
}

/** The stretches of the parts in `memory`. */
export function viewCounters(memory: SharedArrayBuffer): DataplaneCounters {
  const views: Float64Array[] = [];
  let offset = 0;
  for (const length of LENGTHS) {
    views.push(new Float64Array(memory, offset * Float64Array.BYTES_PER_ELEMENT, length));
    offset += length;
  }
  const [pipeline, udp, device, filterDrops, filterPasses] = views as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return { pipeline, udp, device, filterDrops, filterPasses };
}

/** All counters by name. */
export function readCounters(memory: SharedArrayBuffer): Record<string, number> {
  const values = new Float64Array(memory);
  return Object.fromEntries(COUNTER_NAMES.map((name, index) => [name, values[index] ?? 0]));
}

/** The names of an enumeration of counters, which counts up from 0. */
function named(prefix: string, counters: Readonly<Record<string, number>>): string[] {
  return Object.keys(counters).map((name) => snakeCase(prefix, name));
}

/** `DropMac1` and `other-network` alike: words apart by underscores. */
function snakeCase(prefix: string, name: string): string {
  const words = name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').replaceAll('-', '_');
  return `${prefix}${words.toLowerCase()}`;
}

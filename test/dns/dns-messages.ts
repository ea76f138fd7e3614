// Questions made byte by byte, replies read by dns2, and a zone with two networks, for the tests of
// names.

import { Packet } from 'dns2';
import type { HostId, MachineId, NetworkId } from '../../src/addressing/ids.ts';
import { networkNameserverAddress } from '../../src/addressing/layout.ts';
import { type Answer, type Answerer, answer, makeAnswerer } from '../../src/dns/answer.ts';
import { makeDnsCounters } from '../../src/dns/metrics.ts';
import { RecordType } from '../../src/dns/protocol.ts';
import type { Transport } from '../../src/dns/reply.ts';
import type { AppZone, InstanceName, NetworkZone, PeerName, Zone } from '../../src/dns/zone.ts';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

export const RED: NetworkId = 0x0001_1111 as NetworkId;
export const BLUE: NetworkId = 0x0002_2222 as NetworkId;

export const HOST_A: HostId = 0x1_0000 as HostId;
export const HOST_B: HostId = 0x1_0001 as HostId;
export const HOST_C: HostId = 0x1_0002 as HostId;

export interface QuestionOptions {
  readonly type?: number;
  readonly class?: number;
  readonly id?: number;
  /** The two bytes behind the id; 0x0100 is a question that desires recursion. */
  readonly flags?: number;
  readonly counts?: readonly [number, number, number, number];
  readonly edns?: { payload?: number; version?: number; dnssecOk?: boolean; options?: number[] };
  /** Bytes behind everything else. */
  readonly tail?: readonly number[];
}

/** A question for a dotted name, or for labels as they are. */
export function makeQuestion(
  name: string | readonly (string | Uint8Array)[],
  options: QuestionOptions = {},
): Uint8Array {
  const labels = typeof name === 'string' ? name.split('.').filter((one) => one !== '') : name;
  const edns = options.edns === undefined ? [] : makeOpt(options.edns);
  const counts = options.counts ?? [1, 0, 0, options.edns === undefined ? 0 : 1];
  return Uint8Array.from([
    ...uint16(options.id ?? 0x1234),
    ...uint16(options.flags ?? 0x0100),
    ...counts.flatMap(uint16),
    ...labels.flatMap((label) => [label.length, ...Buffer.from(label)]),
    0,
    ...uint16(options.type ?? RecordType.AAAA),
    ...uint16(options.class ?? 1),
    ...edns,
    ...(options.tail ?? []),
  ]);
}

export function makeOpt(edns: NonNullable<QuestionOptions['edns']>): number[] {
  const options = edns.options ?? [];
  return [
    ...[0, 0, RecordType.OPT],
    ...uint16(edns.payload ?? 1232),
    ...[0, edns.version ?? 0, edns.dnssecOk ? 0x80 : 0, 0],
    ...uint16(options.length),
    ...options,
  ];
}

export function uint16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

/** What a reply says, as dns2 reads it. */
export function readReply(bytes: Uint8Array): Packet {
  const packet = Packet.parse(Buffer.from(bytes));
  if (packet.errors.length > 0) throw packet.errors[0];
  return packet;
}

export function makeTestAnswerer(seed = 1): Answerer {
  return makeAnswerer(new SeededRandom(seed), makeDnsCounters());
}

/** The address of who asks. */
export const SELF: Ipv6Address = 'fdaa:1:1111:1:1:1:5e1f:2' as Ipv6Address;

export interface AskOptions {
  readonly transport?: Transport;
  readonly answerer?: Answerer;
  readonly self?: { readonly address: Ipv6Address } | undefined;
}

/** Asks for `name` in `zone`. */
export function ask(
  zone: NetworkZone | undefined,
  name: string,
  options: QuestionOptions & AskOptions = {},
): Answer {
  const { transport = 'udp', answerer = makeTestAnswerer() } = options;
  const self = 'self' in options ? options.self : { address: SELF };
  return answer(makeQuestion(name, options), { zone, transport, self }, answerer);
}

/** The same, read. */
export function askAndRead(
  zone: NetworkZone | undefined,
  name: string,
  options: Parameters<typeof ask>[2] = {},
): Packet {
  const result = ask(zone, name, options);
  if (result.type !== 'reply') throw new Error(`${name}: no reply but ${result.type}`);
  return readReply(result.bytes);
}

export function makeInstance(
  number: number,
  region: string,
  group = 'app',
  overrides: Partial<InstanceName> = {},
): InstanceName {
  return {
    machineId: number.toString(16).padStart(14, '0') as MachineId,
    address: `fdaa:1:1111:1:1:1:${number.toString(16)}:2` as Ipv6Address,
    region,
    group,
    host: HOST_A,
    metadata: {},
    services: [],
    healthy: false,
    ...overrides,
  };
}

export function makeZone(
  apps: Readonly<Record<string, readonly InstanceName[]>>,
  regions: readonly string[] = [],
  stopped: Readonly<Record<string, readonly InstanceName[]>> = {},
): NetworkZone {
  const entries = Object.entries(apps).map(([name, instances]): [string, AppZone] => [
    name,
    { name, instances, stopped: stopped[name] ?? [] },
  ]);
  const server = { address: networkNameserverAddress(RED) };
  return {
    server,
    apps: new Map(entries),
    regions: new Set(regions),
    nearestHosts: [HOST_A, HOST_B],
    peers: [],
  };
}

const TCP = 'tcp' as const;

/** What `interactive-` begins is there, and not listed. */
const PEERS: readonly PeerName[] = [
  { name: 'anna', address: 'fdaa:1:1111:1:1:0:a:1' as Ipv6Address },
  { name: 'interactive-x', address: 'fdaa:1:1111:1:1:0:a:2' as Ipv6Address },
  { name: 'laptop', address: 'fdaa:1:1111:1:1:0:a:3' as Ipv6Address },
];

const RED_APPS: NetworkZone = makeZone(
  {
    web: [
      makeInstance(0xa1, 'ord', 'app', {
        metadata: { role: 'primary', Version: '1.2', empty: '' },
        services: [
          { name: 'http', port: 8080, protocol: TCP },
          { name: 'dns', port: 53, protocol: 'udp' },
        ],
        healthy: true,
      }),
      makeInstance(0xa2, 'ord', 'worker', {
        host: HOST_B,
        metadata: { role: 'Replica', role2: 'primary' },
        services: [{ name: 'http', port: 8081, protocol: TCP }],
      }),
      makeInstance(0xa3, 'nrt', 'app', { host: HOST_C, metadata: { role: 'a b' } }),
    ],
    idle: [],
  },
  ['ord', 'nrt', 'ams'],
  {
    web: [
      makeInstance(0xa0, 'lax', 'batch', {
        metadata: { role: 'spare' },
        services: [{ name: 'ftp', port: 21, protocol: TCP }],
      }),
    ],
  },
);

export const RED_ZONE: NetworkZone = { ...RED_APPS, peers: PEERS };

export const BLUE_ZONE: NetworkZone = makeZone({ secret: [makeInstance(0xb1, 'ams')] }, ['ams']);

export const ZONE: Zone = {
  networks: new Map([
    [RED, RED_ZONE],
    [BLUE, BLUE_ZONE],
  ]),
};

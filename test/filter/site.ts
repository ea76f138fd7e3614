// The site that the tests of the filter stand on, and one-line judgements: `drop(FROM_RED_1,
// tcp(RED_1, BLUE_1, 80), 'other-network')`.
//
//  host A (this one, a server, region ams)   host B (ams)   host C (fra)   host X (nobody knows it)
//    TUN 1, 2   RED_1, RED_2                   RED_B          RED_C          RED_X
//    TUN 3      BLUE_1                         BLUE_B
//    TUN 4      NEAR_1 (region-scoped)         NEAR_B         NEAR_C
//    laptops    RED_LAPTOP, RED_PHONE, NEAR_LAPTOP
//    invite     INVITE

import assert from 'node:assert/strict';
import type { HostId, InstanceId, NetworkId } from '../../src/addressing/ids.ts';
import {
  hostAddress,
  instanceAddress,
  presenceAddress,
  wireguardPeerAddress,
} from '../../src/addressing/layout.ts';
import type { Millis } from '../../src/base/clock.ts';
import type { FilterConfig } from '../../src/filter/config.ts';
import { DROP_REASONS } from '../../src/filter/drop-reason.ts';
import { PacketFilter } from '../../src/filter/filter.ts';
import {
  HOST_TUN,
  PASS_RULES,
  REJECTION_NAMES,
  Rejection,
  Verdict,
} from '../../src/filter/verdict.ts';

export const A: HostId = 0x1_0001 as HostId;
export const B: HostId = 0x1_0002 as HostId;
export const C: HostId = 0x1_0003 as HostId;
export const X: HostId = 0x1_0009 as HostId;
const ZERO = 0 as NetworkId;
export const RED: NetworkId = 0x000a_0001 as NetworkId;
export const BLUE: NetworkId = 0x000b_0001 as NetworkId;
/** The region-scoped one. */
export const NEAR: NetworkId = 0x000c_0001 as NetworkId;
/** Host A has nothing in it. */
export const GREY: NetworkId = 0x000d_0001 as NetworkId;

const FIRST = 0x1111_0001 as InstanceId;
const SECOND = 0x1111_0002 as InstanceId;
export const RED_1: string = instanceAddress(RED, A, FIRST);
export const RED_2: string = instanceAddress(RED, A, SECOND);
/** In no use on host A. */
export const RED_3: string = instanceAddress(RED, A, 0x1111_0003 as InstanceId);
/** The same instance id as RED_1's, as may be on one host in two networks. */
export const BLUE_1: string = instanceAddress(BLUE, A, FIRST);
export const NEAR_1: string = instanceAddress(NEAR, A, FIRST);
export const GREY_1: string = instanceAddress(GREY, A, FIRST);
export const RED_B: string = instanceAddress(RED, B, FIRST);
export const BLUE_B: string = instanceAddress(BLUE, B, FIRST);
export const NEAR_B: string = instanceAddress(NEAR, B, FIRST);
export const GREY_B: string = instanceAddress(GREY, B, FIRST);
export const RED_C: string = instanceAddress(RED, C, FIRST);
export const NEAR_C: string = instanceAddress(NEAR, C, FIRST);
export const RED_X: string = instanceAddress(RED, X, FIRST);
export const RED_LAPTOP: string = wireguardPeerAddress(RED, A, 7);
export const RED_PHONE: string = wireguardPeerAddress(RED, A, 8);
export const NEAR_LAPTOP: string = wireguardPeerAddress(NEAR, A, 9);
export const RED_LAPTOP_B: string = wireguardPeerAddress(RED, B, 7);
export const INVITE: string = wireguardPeerAddress(ZERO, A, 5);
export const INVITE_B: string = wireguardPeerAddress(ZERO, B, 5);
export const HOST_A: string = hostAddress(A);
export const HOST_B: string = hostAddress(B);
export const HOST_X: string = hostAddress(X);
export const RED_AT_A: string = presenceAddress(RED, A);
export const BLUE_AT_A: string = presenceAddress(BLUE, A);
export const NEAR_AT_A: string = presenceAddress(NEAR, A);
export const GREY_AT_A: string = presenceAddress(GREY, A);
export const RED_AT_B: string = presenceAddress(RED, B);
export const NAMES = 'fdaa::3';
export const RED_NAMES = 'fdaa:a:1::3';
export const BLUE_NAMES = 'fdaa:b:1::3';
export const GREY_NAMES = 'fdaa:d:1::3';
export const RED_SERVICE = 'fdaa:a:1:0:1::5';

export const CONFIG: FilterConfig = {
  hostId: A,
  region: 'ams',
  extraHostAddresses: [],
  server: true,
  hosts: [
    { id: A, region: 'ams' },
    { id: B, region: 'ams' },
    { id: C, region: 'fra' },
  ],
  networks: [
    { id: RED, regionScoped: false },
    { id: BLUE, regionScoped: false },
    { id: NEAR, regionScoped: true },
  ],
  instances: [
    { network: RED, instance: FIRST, tun: 1 },
    { network: RED, instance: SECOND, tun: 2 },
    { network: BLUE, instance: FIRST, tun: 3 },
    { network: NEAR, instance: FIRST, tun: 4 },
  ],
  wireguardPeers: [
    { network: RED, peer: 7 },
    { network: RED, peer: 8 },
    { network: NEAR, peer: 9 },
    { network: ZERO, peer: 5 },
  ],
};

/** Where a packet enters. */
export type Way = (filter: PacketFilter, packet: Uint8Array, now: Millis) => Verdict;

export const P6N0: Way = fromTun(HOST_TUN);
export const FROM_RED_1: Way = fromTun(1);
export const FROM_BLUE_1: Way = fromTun(3);
export const FROM_NEAR_1: Way = fromTun(4);
export const FROM_B: Way = fromHost(B);
export const FROM_C: Way = fromHost(C);
export const FROM_LAPTOP: Way = fromWireguardPeer(RED, 7);
export const FROM_NEAR_LAPTOP: Way = fromWireguardPeer(NEAR, 9);
export const FROM_INVITE: Way = fromWireguardPeer(ZERO, 5);

/** The verdicts of packets that pass to a host or an invite, and to a laptop. */
export const PEER = 'peer';
export const GATEWAY = 'gateway';
const VERDICTS: Readonly<Record<'peer' | 'gateway', Verdict>> = {
  peer: Verdict.ToPeer,
  gateway: Verdict.ToGatewayPeer,
};

export interface Judge {
  readonly filter: PacketFilter;
  /** Moves the clock. */
  wait(ms: number): void;
  /** Asserts that the packet passes by `rule` to `out`: a TUN number, PEER or GATEWAY. */
  pass(way: Way, packet: Uint8Array, rule: string, out: number | keyof typeof VERDICTS): void;
  /** Asserts that the packet is dropped for `reason`, and what the sender is told. */
  drop(way: Way, packet: Uint8Array, reason: string, answer?: string): void;
}

/** A filter and its clock. */
export function judgeOf(config: FilterConfig = CONFIG, flowSets = 64): Judge {
  const filter = new PacketFilter(config, { flowSets });
  let now = 1000;
  return {
    filter,
    wait: (ms) => {
      now += ms;
    },
    pass: (way, packet, rule, out) => {
      const got = outcomeOf(filter, way, packet, now as Millis);
      const isTun = typeof out === 'number';
      const verdict = isTun ? Verdict.ToTun : VERDICTS[out];
      const want = { verdict, rule, tun: isTun ? out : undefined, answer: 'none' };
      assert.deepEqual(got, want);
    },
    drop: (way, packet, reason, answer = 'none') => {
      const got = outcomeOf(filter, way, packet, now as Millis);
      assert.deepEqual(got, { verdict: Verdict.Drop, rule: reason, tun: undefined, answer });
    },
  };
}

export interface FilterOutcome {
  readonly verdict: Verdict;
  readonly rule: string;
  readonly tun: number | undefined;
  readonly answer: string;
}

/**
 * What the filter does with the packet, in words. The packet stands in the middle of other bytes,
 * which must not matter.
 */
export function outcomeOf(
  filter: PacketFilter,
  way: Way,
  packet: Uint8Array,
  now: Millis = 1000 as Millis,
): FilterOutcome {
  const verdict = way(filter, packet, now);
  const drop = verdict === Verdict.Drop;
  return {
    verdict,
    rule: drop ? DROP_REASONS[filter.dropReason].name : PASS_RULES[filter.passRule].name,
    tun: verdict === Verdict.ToTun ? filter.verdictTun : undefined,
    answer: REJECTION_NAMES[filter.rejection] ?? String(Rejection.None),
  };
}

export function fromTun(tun: number): Way {
  return (filter, packet, now) =>
    filter.judgeFromTun(tun, surrounded(packet), MARGIN, packet.length, now);
}

export function fromHost(host: number): Way {
  return (filter, packet, now) =>
    filter.judgeFromHost(host, surrounded(packet), MARGIN, packet.length, now);
}

export function fromWireguardPeer(network: number, peer: number): Way {
  return (filter, packet, now) =>
    filter.judgeFromWireguardPeer(network, peer, surrounded(packet), MARGIN, packet.length, now);
}

const MARGIN = 32;
/** Any value that is a version 6, a valid address byte and no zero. */
const NOISE = 0x66;

function surrounded(packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(packet.length + 2 * MARGIN).fill(NOISE);
  bytes.set(packet, MARGIN);
  return bytes;
}

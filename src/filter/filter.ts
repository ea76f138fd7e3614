// The door of the filter: isolation and policy for every packet between the TUNs of this host and
// WireGuard. One packet in, one verdict out, nothing allocated and nothing thrown. What is not
// known to be allowed is dropped.
//
// A packet that goes on with a run (run.ts) has the verdict of the one before. Any other meets the
// rules in this order, and the first that objects is the one reason of its drop:
//   packet.ts                   what can be wrong with a packet by itself
//   rules/source-proof.ts       what its interface proves about its source
//   rules/destination.ts        transit: what comes from a host is for this one
//   rules/network-rule.ts       networks, network 0, regions
//   rules/peer-rule.ts          what WireGuard peers reach: instances and the name server
//   rules/nameserver-source.ts  what may come from the name server's addresses
//   rules/destination.ts        the way out, and on the way to p6n0
//   door/                       what the host itself takes

import type { Millis } from '../base/clock.ts';
import type { FilterConfig } from './config.ts';
import { FLOW_SETS, FlowTable } from './door/flow-table.ts';
import { noteOutbound } from './door/host-flows.ts';
import type { DropReason } from './drop-reason.ts';
import { type FilterCounters, makeFilterCounters, Outcome } from './outcome.ts';
import { FilterPacket, Ingress } from './packet.ts';
import { AddressShape } from './packet-address.ts';
import { judgeDestination, judgeTransit } from './rules/destination.ts';
import { judgeNameserverSource } from './rules/nameserver-source.ts';
import { judgeNetworks } from './rules/network-rule.ts';
import { judgePeers } from './rules/peer-rule.ts';
import {
  proveHostPeer,
  proveInstance,
  proveThisHost,
  proveWireguardPeer,
} from './rules/source-proof.ts';
import { Run } from './run.ts';
import { compileTables, type FilterTables } from './tables.ts';
import { HOST_TUN, type PassRule, type Rejection, Verdict } from './verdict.ts';

export interface PacketFilterOptions {
  /** 32 random bits for the hash of the flow table. */
  readonly flowSeed?: number;
  /** Sets of the flow table, a power of two; FLOW_SETS by default. */
  readonly flowSets?: number;
  /** Memory for the counters, which may be shared with another thread. */
  readonly counters?: FilterCounters;
}

export class PacketFilter {
  /** Dropped packets by DropReason; with `passes`, every packet that was judged, once. */
  readonly counters: Float64Array;
  /** Passed packets by PassRule. */
  readonly passes: Float64Array;
  readonly #flows: FlowTable;
  readonly #outcome: Outcome;
  readonly #packet = new FilterPacket();
  readonly #run = new Run(this.#packet);
  #tables: FilterTables;

  /** Throws AssertionError as `compileTables` does. */
  constructor(config: FilterConfig, options: PacketFilterOptions = {}) {
    const counters = options.counters ?? makeFilterCounters();
    this.counters = counters.drops;
    this.passes = counters.passes;
    this.#flows = new FlowTable(options.flowSeed ?? 0, options.flowSets ?? FLOW_SETS);
    this.#outcome = new Outcome(counters);
    this.#tables = compileTables(config);
  }

  /**
   * Goes over to `config` between two packets; flows that this host began live on. Throws
   * AssertionError as `compileTables` does and stays with the old configuration then.
   */
  replaceConfig(config: FilterConfig): void {
    this.#tables = compileTables(config);
    this.#run.end();
  }

  /** For Verdict.ToTun: the TUN that the packet goes to. */
  get verdictTun(): number {
    return this.#outcome.verdictTun;
  }

  /** For Verdict.Drop: why. */
  get dropReason(): DropReason {
    return this.#outcome.dropReason;
  }

  /** The ICMPv6 answer that the sender is owed: None unless the verdict is Verdict.Drop. */
  get rejection(): Rejection {
    return this.#outcome.rejection;
  }

  /** For all but Verdict.Drop: the rule that let the packet pass. */
  get passRule(): PassRule {
    return this.#outcome.passRule;
  }

  /**
   * Judges the packet at `offset`, exactly `length` bytes, that was read from TUN number `tun`. Its
   * details stand in the fields until the next call. `now` never goes back.
   */
  judgeFromTun(
    tun: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): Verdict {
    if (tun !== HOST_TUN) return this.#judgeFromInstance(tun, bytes, offset, length, now);
    const packet = this.#packet;
    packet.ingress = Ingress.HostTun;
    packet.ingressTun = tun;
    const fault = packet.read(bytes, offset, length);
    if (fault !== undefined) return this.#outcome.drop(fault, packet.ingress);
    const verdict = this.#judgeOnward(proveThisHost(this.#tables, packet), now);
    const begins = verdict !== Verdict.Drop && packet.source.shape !== AddressShape.Nameserver;
    if (begins) noteOutbound(this.#flows, packet, now);
    return verdict;
  }

  /** Judges a packet that came through the tunnel to host `hostId`; the rest as above. */
  judgeFromHost(
    hostId: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): Verdict {
    if (this.#run.continues(Ingress.HostPeer, hostId, bytes, offset, length)) {
      return this.#run.repeat(this.#outcome);
    }
    const packet = this.#packet;
    packet.ingress = Ingress.HostPeer;
    const fault =
      packet.read(bytes, offset, length) ??
      proveHostPeer(this.#tables, hostId, packet) ??
      judgeTransit(this.#tables, packet);
    const verdict = this.#judgeOnward(fault, now);
    this.#run.begin(hostId, verdict, this.#outcome);
    return verdict;
  }

  /** Judges a packet that came through the tunnel to WireGuard peer `peer` of `network`. */
  judgeFromWireguardPeer(
    network: number,
    peer: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): Verdict {
    const packet = this.#packet;
    packet.ingress = Ingress.WireguardPeer;
    const fault =
      packet.read(bytes, offset, length) ?? proveWireguardPeer(this.#tables, network, peer, packet);
    return this.#judgeOnward(fault, now);
  }

  #judgeFromInstance(
    tun: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): Verdict {
    if (this.#run.continues(Ingress.InstanceTun, tun, bytes, offset, length)) {
      return this.#run.repeat(this.#outcome);
    }
    const packet = this.#packet;
    packet.ingress = Ingress.InstanceTun;
    packet.ingressTun = tun;
    const fault = packet.read(bytes, offset, length) ?? proveInstance(this.#tables, packet);
    const verdict = this.#judgeOnward(fault, now);
    this.#run.begin(tun, verdict, this.#outcome);
    return verdict;
  }

  /** What all interfaces have in common once a source is proven or `fault` says that it is not. */
  #judgeOnward(fault: DropReason | undefined, now: Millis): Verdict {
    const tables = this.#tables;
    const packet = this.#packet;
    const objection =
      fault ??
      judgeNetworks(tables, packet) ??
      judgePeers(packet) ??
      judgeNameserverSource(tables, packet);
    if (objection !== undefined) return this.#outcome.drop(objection, packet.ingress);
    return judgeDestination(tables, this.#flows, packet, this.#outcome, now);
  }
}

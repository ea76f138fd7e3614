// The policy of a host of the mesh: the filter says which way a packet goes, by what the tunnel of
// a peer proves about its source.

import type { Millis } from '../../base/clock.ts';
import type { PeerIndex } from '../../device/routes.ts';
import type { PacketFilter } from '../../filter/filter.ts';
import {
  type RejectionWriter,
  senderOfHost,
  senderOfTun,
  senderOfWireguardPeer,
} from '../../filter/rejection.ts';
import { type Rejection, Verdict } from '../../filter/verdict.ts';
import { type CaptureTap, NO_TUN } from '../capture/tap.ts';
import type { Policy } from '../path/policy.ts';
import { PeerKind, type PeerTable } from './peer-table.ts';

export class MeshPolicy implements Policy {
  readonly #filter: PacketFilter;
  readonly #rejections: RejectionWriter;
  readonly #peers: PeerTable;
  #tap: CaptureTap | undefined;

  /** Filter and rejections are those of the host, the peers those of one wire. */
  constructor(filter: PacketFilter, rejections: RejectionWriter, peers: PeerTable) {
    this.#filter = filter;
    this.#rejections = rejections;
    this.#peers = peers;
  }

  get verdictTun(): number {
    return this.#filter.verdictTun;
  }

  get rejection(): Rejection {
    return this.#filter.rejection;
  }

  /** Shows each packet with its verdict to `tap`; undefined for nobody. */
  capture(tap: CaptureTap | undefined): void {
    this.#tap = tap;
  }

  judgeFromTun(
    tun: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): Verdict {
    const verdict = this.#filter.judgeFromTun(tun, bytes, offset, length, now);
    if (this.#tap !== undefined) this.#note(tun, verdict, bytes, offset, length, now);
    return verdict;
  }

  judgeFromPeer(
    peer: PeerIndex,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): Verdict {
    const verdict = this.#judgeFromPeer(peer, bytes, offset, length, now);
    if (this.#tap !== undefined) this.#note(NO_TUN, verdict, bytes, offset, length, now);
    return verdict;
  }

  #judgeFromPeer(
    peer: PeerIndex,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): Verdict {
    const id = this.#peers.idOf(peer);
    if (this.#peers.kindOf(peer) === PeerKind.WireguardPeer) {
      const number = this.#peers.numberOf(peer);
      return this.#filter.judgeFromWireguardPeer(id, number, bytes, offset, length, now);
    }
    // A peer that was removed has host id 0, which the filter knows no host by.
    return this.#filter.judgeFromHost(id, bytes, offset, length, now);
  }

  answerTun(
    rejection: Rejection,
    tun: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    at: number,
    now: Millis,
    mtu: number,
  ): number {
    const sender = senderOfTun(tun);
    return this.#rejections.write(rejection, sender, bytes, offset, length, target, at, now, mtu);
  }

  answerPeer(
    rejection: Rejection,
    peer: PeerIndex,
    bytes: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    at: number,
    now: Millis,
    mtu: number,
  ): number {
    const id = this.#peers.idOf(peer);
    const sender =
      this.#peers.kindOf(peer) === PeerKind.WireguardPeer
        ? senderOfWireguardPeer(id, this.#peers.numberOf(peer))
        : senderOfHost(id);
    return this.#rejections.write(rejection, sender, bytes, offset, length, target, at, now, mtu);
  }

  #note(
    tun: number,
    verdict: Verdict,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): void {
    const { dropReason, passRule, verdictTun } = this.#filter;
    const isPassed = verdict !== Verdict.Drop;
    const target = verdict === Verdict.ToTun ? verdictTun : NO_TUN;
    const rule = isPassed ? passRule : dropReason;
    this.#tap?.note(tun, target, isPassed, rule, bytes, offset, length, now);
  }
}

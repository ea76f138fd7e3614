// What the packet path asks about each packet: which way it goes, and how its sender is answered
// when it goes nowhere. p6nd asks the filter (mesh-policy.ts); a stand-alone WireGuard lets all
// pass.

import type { Millis } from '../../base/clock.ts';
import type { PeerIndex } from '../../device/routes.ts';
import type { Rejection, Verdict } from '../../filter/verdict.ts';

/** The packet is the `length` bytes at `offset`; verdictTun and rejection are of the last one. */
export interface Policy {
  /** The TUN of a verdict ToTun. */
  readonly verdictTun: number;
  /** The answer that is due after a verdict Drop. */
  readonly rejection: Rejection;
  /** A packet that a program of this host sent through TUN `tun`. */
  judgeFromTun(
    tun: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): Verdict;
  /** A packet that came through the tunnel of `peer`. */
  judgeFromPeer(
    peer: PeerIndex,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: Millis,
  ): Verdict;
  /**
   * Writes the answer to a rejected packet from a TUN into `target` (REJECTION_BYTES_MAX bytes free
   * at `targetOffset`, apart from the packet) and returns its length, 0 for none. `mtu` is told
   * with PacketTooBig.
   */
  answerTun(
    rejection: Rejection,
    tun: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    targetOffset: number,
    now: Millis,
    mtu: number,
  ): number;
  /** The same for a packet that came through a tunnel. */
  answerPeer(
    rejection: Rejection,
    peer: PeerIndex,
    bytes: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    targetOffset: number,
    now: Millis,
    mtu: number,
  ): number;
}

// The policy of a stand-alone WireGuard: what a program sends goes to the peer that its destination
// belongs to, what a peer sends goes to the interface, and routing alone says no. A packet that no
// peer can take is answered by ICMP, as the kernel's WireGuard does it.

import type { Millis } from '../../base/clock.ts';
import { RateLimit } from '../../filter/rate-limit.ts';
import { Rejection, Verdict } from '../../filter/verdict.ts';
import { TransportPlace } from '../../ip/extension-headers.ts';
import { DESTINATION_OFFSET, IPV4_VERSION, readVersion } from '../../ip/header.ts';
import {
  ipv4DestinationAt,
  mayAnswerWithIpv4Error,
  writeFragmentationNeeded,
  writeHostUnreachable,
} from '../../ip/icmpv4.ts';
import {
  mayAnswerWithError,
  UnreachableCode,
  writePacketTooBig,
  writeUnreachable,
} from '../../ip/icmpv6.ts';
import { IPV6_ADDRESS_BYTES } from '../../ip/ipv6-address.ts';
import { HOST_TUN } from '../config.ts';
import type { Policy } from '../path/policy.ts';

/** Answers a second, and how many at once: programs of this host ask, no stranger does. */
export const ANSWERS_PER_SECOND = 100;
export const ANSWER_BURST = 100;

export class OpenPolicy implements Policy {
  readonly verdictTun: number = HOST_TUN;
  readonly rejection: Rejection = Rejection.None;
  readonly #limit = new RateLimit(ANSWERS_PER_SECOND, ANSWER_BURST);
  readonly #place = new TransportPlace();

  judgeFromTun(): Verdict {
    return Verdict.ToPeer;
  }

  judgeFromPeer(): Verdict {
    return Verdict.ToTun;
  }

  /**
   * The answer comes from the packet's own destination: an address of this host as its source would
   * be taken for a forged one.
   */
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
    const isTooBig = rejection === Rejection.PacketTooBig;
    const isIpv4 = readVersion(bytes, offset) === IPV4_VERSION;
    const isAllowed = isIpv4
      ? mayAnswerWithIpv4Error(bytes, offset, length)
      : mayAnswerWithError(bytes, offset, length, this.#place);
    if (!isAllowed || !this.#limit.take(tun, now)) return 0;
    if (isIpv4) {
      const source = ipv4DestinationAt(offset);
      return isTooBig
        ? writeFragmentationNeeded(mtu, bytes, source, bytes, offset, length, target, at)
        : writeHostUnreachable(bytes, source, bytes, offset, length, target, at);
    }
    const start = offset + DESTINATION_OFFSET;
    const source = bytes.subarray(start, start + IPV6_ADDRESS_BYTES);
    if (isTooBig) return writePacketTooBig(mtu, source, bytes, offset, length, target, at);
    const code = UnreachableCode.AddressUnreachable;
    return writeUnreachable(code, source, bytes, offset, length, target, at);
  }

  /** Nothing that came from a peer goes back to one. */
  answerPeer(): number {
    return 0;
  }
}

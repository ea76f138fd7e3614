// The paths to all peers: who is asked about, probes on their way out, probes and answers as they
// arrive. A peer has a path only once a packet was sent to it that may not fit.

import type { Millis } from '../../base/clock.ts';
import type { Slab } from '../../base/slab.ts';
import { AEAD_TAG_BYTES } from '../../wireguard/crypto/crypto.ts';
import { DATA_HEADER_BYTES } from '../../wireguard/messages.ts';
import { type Endpoint, isIpv4Endpoint } from '../peers/endpoint.ts';
import type { Peer } from '../peers/peer.ts';
import type { DatagramSink } from '../ports.ts';
import type { Transmitter } from '../transmitter.ts';
import { NO_PATH_LIMIT } from './path-mtu.ts';
import { PROBE_ANSWER_BYTES, ProbeKind, readProbe } from './path-probe.ts';

/** Around a packet: WireGuard's header and tag, those of UDP and IP. */
const OVERHEAD_IPV4: number = DATA_HEADER_BYTES + AEAD_TAG_BYTES + 8 + 20;
const OVERHEAD_IPV6: number = DATA_HEADER_BYTES + AEAD_TAG_BYTES + 8 + 40;

export class Paths {
  readonly #sink: DatagramSink;
  readonly #transmitter: Transmitter;

  constructor(sink: DatagramSink, transmitter: Transmitter) {
    this.#sink = sink;
    this.#transmitter = transmitter;
  }

  /** Does what is due. */
  expire(peer: Peer, now: Millis): void {
    const { path } = peer;
    if (path === undefined || now < path.deadline) return;
    const endpoint = this.#transmitter.endpointOf(peer);
    if (endpoint === undefined) {
      path.reset();
      return;
    }
    const canProbe = peer.answersProbes && this.#sink.sendWhole !== undefined;
    const lengths = path.expire(now, canProbe, () => this.#ceiling(peer, endpoint));
    for (const length of lengths) {
      const content = { kind: ProbeKind.Probe, length, number: path.number };
      this.#transmitter.sendProbe(peer, content, length, now);
    }
  }

  /** Takes what may be a probe or an answer to one; false when it is neither. */
  receive(peer: Peer, slab: Slab, offset: number, length: number, now: Millis): boolean {
    const probe = readProbe(slab.bytes, offset, length);
    if (probe === undefined) return false;
    if (probe.kind === ProbeKind.Arrived) {
      peer.path?.arrived(probe.length, probe.number, now);
      this.#transmitter.touch(peer);
    } else {
      const answer = { ...probe, kind: ProbeKind.Arrived };
      this.#transmitter.sendProbe(peer, answer, PROBE_ANSWER_BYTES, now);
    }
    return true;
  }

  /** The largest packet that the system lets through whole, and that anybody here sends. */
  #ceiling(peer: Peer, endpoint: Endpoint): number {
    const outer = this.#sink.pathMtu?.(endpoint.bytes, 0) ?? 0;
    const overhead = isIpv4Endpoint(endpoint) ? OVERHEAD_IPV4 : OVERHEAD_IPV6;
    const known = outer === 0 ? NO_PATH_LIMIT : Math.min(NO_PATH_LIMIT, outer - overhead);
    const { mtu } = this.#transmitter;
    return peer.answersProbes && mtu > 0 ? Math.min(known, mtu) : known;
  }
}

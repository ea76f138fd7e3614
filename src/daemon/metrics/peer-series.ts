// Peers under the labels of the metrics. Many peers can share a label, and come and go; what is
// counted under it never goes back, or Prometheus would take it for a start from zero.

import type { PeerStatus } from '../../dataplane/dataplane.ts';
import { PEER_LABELS_MAX } from '../../metrics/definitions.ts';

/** The label of invites and laptops, and of hosts beyond those that have one of their own. */
const OTHER = 'other';

interface Bytes {
  received: number;
  sent: number;
}

export interface PeerSample extends Readonly<Bytes> {
  /** Of the latest; 0 for none. */
  readonly handshakeAt: number;
  /** The least that is known; 0 where none is. */
  readonly pathMtu: number;
}

export class PeerSeries {
  /** By label; a host that is gone gives its own back. */
  readonly #totals = new Map<string, Bytes>();
  /** What each peer that is installed had counted, by its key. */
  #counted: ReadonlyMap<string, Readonly<Bytes>> = new Map();

  /** What stands under each label that a peer has, or had as long as its host is there. */
  read(
    peers: readonly PeerStatus[],
    hosts: ReadonlyMap<string, string>,
  ): ReadonlyMap<string, PeerSample> {
    const names = new Set(hosts.values());
    for (const label of this.#totals.keys()) {
      if (label !== OTHER && !names.has(label)) this.#totals.delete(label);
    }
    const counted = new Map<string, Readonly<Bytes>>();
    const present = new Map<string, PeerStatus[]>();
    for (const peer of peers) {
      const { publicKey, receivedBytes: received, sentBytes: sent } = peer;
      const label = this.#label(hosts.get(publicKey));
      const total = this.#totals.get(label) ?? { received: 0, sent: 0 };
      this.#totals.set(label, total);
      const before = this.#counted.get(publicKey);
      total.received += increase(received, before?.received);
      total.sent += increase(sent, before?.sent);
      counted.set(publicKey, { received, sent });
      const alike = present.get(label);
      if (alike === undefined) present.set(label, [peer]);
      else alike.push(peer);
    }
    this.#counted = counted;
    return new Map(
      [...this.#totals].map(([label, total]) => [label, sampleOf(total, present.get(label) ?? [])]),
    );
  }

  #label(name: string | undefined): string {
    if (name === undefined || name === OTHER) return OTHER;
    if (this.#totals.has(name)) return name;
    const named = this.#totals.size - Number(this.#totals.has(OTHER));
    return named < PEER_LABELS_MAX ? name : OTHER;
  }
}

/** A peer that was removed and made again counts from zero. */
function increase(now: number, before = 0): number {
  return now >= before ? now - before : now;
}

/** A host that changes its key is two peers for a while. */
function sampleOf({ received, sent }: Bytes, peers: readonly PeerStatus[]): PeerSample {
  const mtus = peers.flatMap(({ pathMtu }) => (pathMtu === undefined ? [] : [pathMtu]));
  return {
    received,
    sent,
    handshakeAt: peers.reduce((at, peer) => Math.max(at, peer.lastHandshakeAt ?? 0), 0),
    pathMtu: mtus.length === 0 ? 0 : mtus.reduce((a, b) => Math.min(a, b)),
  };
}

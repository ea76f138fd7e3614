// A peer of a device: its tunnel, and what the tunnel does not know: where the peer is, what waits
// for it, what was counted.

import { toHex } from '../../base/bytes.ts';
import type { Millis, WallMillis } from '../../base/clock.ts';
import type { PublicKey } from '../../wireguard/crypto/crypto.ts';
import type { Session } from '../../wireguard/session/session.ts';
import type { Tunnel } from '../../wireguard/tunnel.ts';
import type { PathMtu } from '../path/path-mtu.ts';
import type { PeerIndex } from '../routes.ts';
import { type Endpoint, isSamePlace, type RateBlock, rateBlock } from './endpoint.ts';
import type { Staging } from './staging.ts';

/** Peers of one device. */
export const PEERS_MAX: number = 2 ** 20;

export interface Peer {
  readonly index: PeerIndex;
  readonly tunnel: Tunnel;
  readonly staging: Staging;
  /** Where it was last heard from, or else what was configured; PeerTable.moveTo() changes it. */
  endpoint: Endpoint | undefined;
  /** Stays as it is while the peer roams: only another one in the configuration replaces both. */
  configuredEndpoint: Endpoint | undefined;
  /** Where else it may be. */
  alternatives: readonly Endpoint[];
  /** Which change of routes its local address was judged after, counted by the transmitter. */
  routesSeen: number;
  /** Bytes of UDP payload. */
  receivedBytes: number;
  sentBytes: number;
  lastHandshakeAt: WallMillis | undefined;
  answersProbes: boolean;
  /** Made when the first packet comes that may not fit. */
  path: PathMtu | undefined;
  /** What happened in the batch at hand; timers hear of it once, at its end. */
  readonly batch: PeerBatch;
}

export interface PeerBatch {
  isTouched: boolean;
  received: boolean;
  receivedData: boolean;
  sentData: boolean;
  /** There were packets that may not fit the path. */
  isPathWanted: boolean;
  /** The session of the last data message that was sent. */
  sentBy: Session | undefined;
}

/** When something is due for `peer`. */
export function deadlineOf(peer: Peer): Millis {
  const timers = peer.tunnel.timers.nextDeadline();
  return peer.path === undefined ? timers : (Math.min(timers, peer.path.deadline) as Millis);
}

/** All peers, by index and by key. Indices of removed peers are used again. */
export class PeerTable {
  readonly #byIndex: (Peer | undefined)[] = [];
  readonly #byKey = new Map<string, Peer>();
  readonly #free: PeerIndex[] = [];
  /** How many peers are where, by rateBlock(). */
  readonly #places = new Map<RateBlock, number>();

  get size(): number {
    return this.#byKey.size;
  }

  get(index: PeerIndex): Peer | undefined {
    return this.#byIndex[index];
  }

  find(key: PublicKey): Peer | undefined {
    return this.#byKey.get(toHex(key));
  }

  /** Adds the peer that `make` makes for a free index; its key must be new. */
  add(make: (index: PeerIndex) => Peer): Peer {
    const peer = make(this.#free.pop() ?? (this.#byIndex.length as PeerIndex));
    this.#byIndex[peer.index] = peer;
    this.#byKey.set(toHex(peer.tunnel.remote), peer);
    return peer;
  }

  /** The peer is at `endpoint` from here on, or nobody knows where. */
  moveTo(peer: Peer, endpoint: Endpoint | undefined): void {
    if (endpoint !== undefined) this.#countAt(endpoint, 1);
    if (peer.endpoint !== undefined) this.#countAt(peer.endpoint, -1);
    const { endpoint: before } = peer;
    peer.endpoint = endpoint;
    const isMoved =
      before === undefined || endpoint === undefined || !isSamePlace(before, endpoint);
    // What fitted the way to where it was says nothing of the way to where it is.
    if (isMoved) peer.path?.reset();
  }

  /** Whether some peer is there, by rateBlock(). */
  isPlaceOfPeer(block: RateBlock): boolean {
    return this.#places.has(block);
  }

  remove(peer: Peer): void {
    this.moveTo(peer, undefined);
    this.#byIndex[peer.index] = undefined;
    this.#byKey.delete(toHex(peer.tunnel.remote));
    this.#free.push(peer.index);
  }

  all(): Iterable<Peer> {
    return this.#byKey.values();
  }

  #countAt(endpoint: Endpoint, more: number): void {
    const block = rateBlock(endpoint);
    const count = (this.#places.get(block) ?? 0) + more;
    if (count > 0) this.#places.set(block, count);
    else this.#places.delete(block);
  }
}

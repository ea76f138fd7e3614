// Everything that a device sends of its own accord, in its scratch memory: handshake messages,
// keepalives, and packets that waited for a handshake. It also keeps the list of peers that
// something happened to, so that timers are told once in a batch and not for each packet.

import type { Millis, WallMillis } from '../base/clock.ts';
import type { Slab } from '../base/slab.ts';
import { Ecn, readEcn } from '../ip/ecn.ts';
import { PADDING_BYTES } from '../wireguard/constants.ts';
import { AEAD_TAG_BYTES } from '../wireguard/crypto/crypto.ts';
import { DATA_HEADER_BYTES, INITIATION_BYTES } from '../wireguard/messages.ts';
import type { Session } from '../wireguard/session/session.ts';
import { DeviceCounter } from './counters.ts';
import { NO_PATH_LIMIT, PathMtu } from './path/path-mtu.ts';
import { type ProbeContent, ProbeKind, writeProbe } from './path/path-probe.ts';
import type { Deadlines } from './peers/deadlines.ts';
import { type Endpoint, hasSource, isSamePlace, withoutSource } from './peers/endpoint.ts';
import { deadlineOf, type Peer } from './peers/peer.ts';
import { StageOutcome } from './peers/staging.ts';
import { DATA_TRAFFIC_CLASS, type DatagramSink, HANDSHAKE_TRAFFIC_CLASS } from './ports.ts';

export interface TransmitterDependencies {
  readonly sink: DatagramSink;
  readonly scratch: Slab;
  readonly counters: Float64Array;
  readonly deadlines: Deadlines;
  readonly wallNow: () => WallMillis;
}

export class Transmitter {
  readonly #sink: DatagramSink;
  readonly #scratch: Slab;
  readonly #counters: Float64Array;
  readonly #deadlines: Deadlines;
  readonly #wallNow: () => WallMillis;
  #mtu: number;
  #isRunning = true;
  /** Changes of routes so far. */
  #routeChanges = 0;
  #scratchUsed = 0;
  /** The first #touchedCount are peers of the batch at hand. */
  readonly #touched: Peer[] = [];
  #touchedCount = 0;

  constructor(dependencies: TransmitterDependencies, mtu: number) {
    this.#sink = dependencies.sink;
    this.#scratch = dependencies.scratch;
    this.#counters = dependencies.counters;
    this.#deadlines = dependencies.deadlines;
    this.#wallNow = dependencies.wallNow;
    this.#mtu = mtu;
  }

  /** 0 when unknown. */
  get mtu(): number {
    return this.#mtu;
  }

  setMtu(mtu: number): void {
    this.#mtu = mtu;
  }

  /** While it does not run, nothing is sent of the device's own accord. */
  setRunning(isRunning: boolean): void {
    this.#isRunning = isRunning;
  }

  /** A method of the device begins: what the sink took before has gone. */
  begin(): void {
    this.#scratchUsed = 0;
  }

  /** The method ends: timers hear what happened, and handshakes that are due begin. */
  settle(now: Millis): void {
    for (let i = 0; i < this.#touchedCount; i++) this.#settlePeer(this.#touched[i]!, now);
    this.#touchedCount = 0;
  }

  /** Something happened to `peer` that may bring its deadline nearer. */
  touch(peer: Peer): void {
    if (peer.batch.isTouched) return;
    peer.batch.isTouched = true;
    this.#touched[this.#touchedCount++] = peer;
  }

  /**
   * Seals the packet of `length` bytes at `offset` in place and passes it on. The caller has made
   * sure that `session` may send.
   */
  sendPacket(
    peer: Peer,
    endpoint: Endpoint,
    session: Session,
    slab: Slab,
    offset: number,
    length: number,
  ): void {
    const mark = readEcn(slab.bytes, offset);
    const sealed = session.seal(slab, offset, length, this.#paddedLength(peer, length));
    peer.batch.sentData = true;
    peer.batch.sentBy = session;
    this.#pushData(peer, endpoint, slab, offset - DATA_HEADER_BYTES, sealed, mark);
  }

  /** The longest packet that is to be sent to `peer`; asked for those that may be longer. */
  limitFor(peer: Peer): number {
    if (this.#sink.pathMtu === undefined) return NO_PATH_LIMIT;
    peer.path ??= new PathMtu();
    peer.batch.isPathWanted = true;
    this.touch(peer);
    return peer.path.limit;
  }

  /** Sends a probe of `length` bytes, which no router may cut, or the short answer to one. */
  sendProbe(peer: Peer, content: ProbeContent, length: number, now: Millis): void {
    const endpoint = this.endpointOf(peer);
    const session = peer.tunnel.sendingSession(now);
    if (endpoint === undefined || session === undefined || !this.#isRunning) return;
    const start = this.reserve(DATA_HEADER_BYTES + length + AEAD_TAG_BYTES);
    const offset = start + DATA_HEADER_BYTES;
    const written = writeProbe(this.#scratch.bytes, offset, content);
    const sealed = session.seal(this.#scratch, offset, written, length);
    peer.batch.sentBy = session;
    this.#counters[DeviceCounter.SentProbe]! += 1;
    if (content.kind === ProbeKind.Arrived) {
      this.#pushData(peer, endpoint, this.#scratch, start, sealed, Ecn.NotCapable);
      return;
    }
    this.#countData(peer, sealed);
    this.#sink.flush();
    this.#sink.sendWhole?.(this.#scratch, start, sealed, endpoint.bytes, 0);
  }

  /** Keeps a packet for later and sees to a handshake. False when there is no memory for it. */
  stagePacket(peer: Peer, slab: Slab, offset: number, length: number, now: Millis): boolean {
    const outcome = peer.staging.push(slab.bytes, offset, length);
    if (outcome === StageOutcome.NoMemory) {
      this.#counters[DeviceCounter.DropStagingMemory]! += 1;
    } else {
      this.#counters[DeviceCounter.Staged]! += 1;
    }
    if (outcome === StageOutcome.StagedForOldest) {
      this.#counters[DeviceCounter.DropStagingFull]! += 1;
    }
    this.sendInitiation(peer, now, false);
    return outcome !== StageOutcome.NoMemory;
  }

  /** Sends what waits for `peer`, as far as its session allows. */
  sendStaged(peer: Peer, now: Millis): void {
    const endpoint = this.endpointOf(peer);
    if (endpoint === undefined) return;
    while (peer.staging.length > 0) {
      const session = peer.tunnel.sendingSession(now);
      if (session === undefined) return;
      const packet = peer.staging.shift();
      if (packet === undefined) return;
      const room = DATA_HEADER_BYTES + packet.length + PADDING_BYTES + AEAD_TAG_BYTES;
      const offset = this.reserve(room) + DATA_HEADER_BYTES;
      this.#scratch.bytes.set(packet, offset);
      this.sendPacket(peer, endpoint, session, this.#scratch, offset, packet.length);
      this.#counters[DeviceCounter.SentStaged]! += 1;
    }
  }

  /** Sends a keepalive, or begins a handshake where there is no session to send it with. */
  sendKeepalive(peer: Peer, now: Millis): void {
    const endpoint = this.endpointOf(peer);
    if (endpoint === undefined || !this.#isRunning) return;
    const session = peer.tunnel.sendingSession(now);
    if (session === undefined) {
      this.sendInitiation(peer, now, false);
      return;
    }
    const start = this.reserve(DATA_HEADER_BYTES + AEAD_TAG_BYTES);
    const sealed = session.seal(this.#scratch, start + DATA_HEADER_BYTES, 0, 0);
    peer.batch.sentBy = session;
    this.#counters[DeviceCounter.SentKeepalive]! += 1;
    this.#pushData(peer, endpoint, this.#scratch, start, sealed, Ecn.NotCapable);
  }

  /**
   * Sends an initiation, unless one or a response was sent a moment ago: to where the peer was
   * last, and while nothing is heard from there to wherever else it may be. The peer answers the
   * first that it gets, so the quickest way is the one that is used.
   */
  sendInitiation(
    peer: Peer,
    now: Millis,
    isRetransmission: boolean,
    isSilent: boolean = isRetransmission || !peer.tunnel.hasSession,
  ): void {
    const { tunnel, alternatives } = peer;
    const endpoint = this.endpointOf(peer);
    if (endpoint === undefined || !this.#isRunning) return;
    this.touch(peer);
    if (!tunnel.mayInitiate(now, isRetransmission)) return;
    const start = this.reserve(INITIATION_BYTES);
    const message = this.#scratch.bytes.subarray(start, start + INITIATION_BYTES);
    if (!tunnel.initiate(message, this.#wallNow(), now)) return;
    peer.sentBytes += INITIATION_BYTES;
    this.pushHandshake(start, INITIATION_BYTES, endpoint, DeviceCounter.SentInitiation);
    if (!isSilent) return;
    for (const other of alternatives) {
      if (isSamePlace(other, endpoint)) continue;
      peer.sentBytes += INITIATION_BYTES;
      this.pushHandshake(start, INITIATION_BYTES, other, DeviceCounter.SentInitiation);
    }
  }

  /** Routes or addresses have changed: local addresses are judged as their peers are sent to. */
  routesChanged(): void {
    this.#routeChanges += 1;
  }

  /** Where `peer` is, with a local address that the last change of routes has left right. */
  endpointOf(peer: Peer): Endpoint | undefined {
    if (peer.routesSeen !== this.#routeChanges) this.#judgeSource(peer);
    return peer.endpoint;
  }

  #judgeSource(peer: Peer): void {
    peer.routesSeen = this.#routeChanges;
    peer.path?.doubt();
    const { endpoint } = peer;
    if (endpoint === undefined || !hasSource(endpoint)) return;
    if (this.#sink.isSourceRight?.(endpoint.bytes, 0) !== true) this.forgetSource(peer);
  }

  /** The next messages go out by whatever local address the system chooses. */
  forgetSource(peer: Peer): void {
    if (peer.endpoint !== undefined) peer.endpoint = withoutSource(peer.endpoint);
  }

  /** Room for `length` bytes of scratch memory. */
  reserve(length: number): number {
    if (this.#scratchUsed + length > this.#scratch.bytes.length) {
      this.#sink.flush();
      this.#scratchUsed = 0;
    }
    const start = this.#scratchUsed;
    this.#scratchUsed += length;
    return start;
  }

  /** The scratch memory that was reserved at `start`. */
  reserved(start: number, length: number): Uint8Array {
    return this.#scratch.bytes.subarray(start, start + length);
  }

  /** Passes on a handshake message or cookie reply that stands in scratch memory. */
  pushHandshake(start: number, length: number, endpoint: Endpoint, counter: DeviceCounter): void {
    this.#counters[counter]! += 1;
    this.#counters[DeviceCounter.SentBytes]! += length;
    this.#sink.push(this.#scratch, start, length, endpoint.bytes, 0, HANDSHAKE_TRAFFIC_CLASS);
  }

  /** The packet's congestion mark goes on the datagram (RFC 6040, section 4.1). */
  #pushData(
    peer: Peer,
    endpoint: Endpoint,
    slab: Slab,
    start: number,
    length: number,
    mark: Ecn,
  ): void {
    this.#countData(peer, length);
    this.#sink.push(slab, start, length, endpoint.bytes, 0, DATA_TRAFFIC_CLASS | mark);
  }

  #countData(peer: Peer, length: number): void {
    peer.sentBytes += length;
    this.#counters[DeviceCounter.SentBytes]! += length;
    this.touch(peer);
  }

  /**
   * Padding to a multiple of 16, but never beyond the MTU, or the path's where that is less: the
   * datagram must not grow past it. A packet larger than the MTU is padded as its last unit is, and
   * by no more than 15 bytes.
   */
  #paddedLength(peer: Peer, length: number): number {
    const limit = peer.path?.limit ?? NO_PATH_LIMIT;
    const mtu = length <= limit && (this.#mtu === 0 || limit < this.#mtu) ? limit : this.#mtu;
    const inLastUnit = mtu > 0 && length > mtu ? length % mtu : length;
    const aligned = (inLastUnit + PADDING_BYTES - 1) & -PADDING_BYTES;
    const padded = mtu > 0 ? Math.min(mtu, aligned) : aligned;
    return Math.min(length + padded - inLastUnit, (length + PADDING_BYTES - 1) & -PADDING_BYTES);
  }

  #settlePeer(peer: Peer, now: Millis): void {
    const { batch, tunnel } = peer;
    const { sentBy } = batch;
    let isRekeyDue = false;
    if (batch.received) isRekeyDue = tunnel.messagesReceived(batch.receivedData, now);
    if (sentBy !== undefined && tunnel.messagesSent(sentBy, batch.sentData, now)) isRekeyDue = true;
    batch.received = false;
    batch.receivedData = false;
    batch.sentData = false;
    batch.sentBy = undefined;
    if (batch.isPathWanted) peer.path?.wanted(now);
    batch.isPathWanted = false;
    if (isRekeyDue) this.sendInitiation(peer, now, false);
    batch.isTouched = false;
    this.#deadlines.advance(peer.index, deadlineOf(peer));
  }
}

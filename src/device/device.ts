// A WireGuard device without I/O: packets in, datagrams out, and the other way round, for any
// number of peers. The door of this folder.
//
//  packets   -> outbound -> session.seal -> sink        handshakes <-> tunnel (one for each peer)
//  datagrams -> inbound  -> session.open -> packets     deadlines   -> tick() -> tunnel.timers

import { assert } from '../base/assert.ts';
import { equalConstantTime } from '../base/bytes.ts';
import { after, type Millis, NEVER, type WallMillis } from '../base/clock.ts';
import type { DatagramBatch, PacketBatch } from '../base/packet-batch.ts';
import type { Random } from '../base/random.ts';
import type { Slab } from '../base/slab.ts';
import type { Crypto, PrivateKey, PublicKey } from '../wireguard/crypto/crypto.ts';
import { type KeyPair, keyPair, wipeKeyPair } from '../wireguard/identity.ts';
import { TimerAction } from '../wireguard/timers.ts';
import type { EndpointAddress, PeerSettings, PeerStatus } from './config.ts';
import { DeviceCounter, deviceCounters } from './counters.ts';
import { Handshakes } from './handshakes.ts';
import { Inbound } from './inbound.ts';
import { Outbound } from './outbound.ts';
import { Paths } from './path/paths.ts';
import { Deadlines } from './peers/deadlines.ts';
import { type Endpoint, isSameEndpoint, isSamePlace } from './peers/endpoint.ts';
import { IndexTable } from './peers/index-table.ts';
import { deadlineOf, type Peer, PeerTable } from './peers/peer.ts';
import { Roster } from './peers/roster.ts';
import type { DatagramSink, DeviceEvents } from './ports.ts';
import { NO_PEER, type PeerIndex, type Routes } from './routes.ts';
import { Transmitter } from './transmitter.ts';

export interface DeviceDependencies {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly wallNow: () => WallMillis;
  /** The wall clock of initiations, which does not go back; wallNow when absent. */
  readonly timestampNow?: (() => WallMillis) | undefined;
  readonly routes: Routes;
  readonly sink: DatagramSink;
  readonly events: DeviceEvents;
  /**
   * Memory for handshake messages and staged packets on their way out, at least SCRATCH_BYTES_MIN.
   */
  readonly scratch: Slab;
  /** DEVICE_COUNTERS numbers, perhaps in shared memory; the device's own when absent. */
  readonly counters?: Float64Array;
  /** A clock that measures the work of handshakes; a fixed cost is assumed when absent. */
  readonly workNow?: () => Millis;
}

export interface DeviceOptions {
  readonly privateKey: PrivateKey;
  /** MTU of the inner packets: padding does not go beyond it. 0 when unknown. */
  readonly mtu: number;
  /** Sessions are renewed sooner than the paper says: for those who want keys to live shorter. */
  readonly rekeyAfterMs?: number | undefined;
}

/** The least scratch memory: a handshake message and a staged packet of any size. */
export const SCRATCH_BYTES_MIN: number = 2 * 65_536;
/** Handshakes that begin after a sleep: a burst would put this device and others under load. */
export const RESTARTS_PER_SECOND = 64;
/** Peers whose timers one tick() serves, so that packets never wait for many handshakes. */
export const PEERS_PER_TICK_MAX = 32;

export class Device {
  readonly counters: Float64Array;
  readonly #dependencies: DeviceDependencies;
  readonly #peers = new PeerTable();
  readonly #indices: IndexTable<Peer>;
  readonly #deadlines = new Deadlines();
  readonly #transmitter: Transmitter;
  readonly #handshakes: Handshakes;
  readonly #paths: Paths;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  readonly #roster: Roster;
  #local: KeyPair;

  constructor(dependencies: DeviceDependencies, options: DeviceOptions) {
    const { crypto, random, routes, sink, scratch, wallNow, workNow } = dependencies;
    assert(scratch.bytes.length >= SCRATCH_BYTES_MIN, 'Device: the scratch memory is too small');
    this.counters = dependencies.counters ?? deviceCounters();
    this.#dependencies = dependencies;
    this.#local = keyPair(crypto, options.privateKey);
    this.#indices = new IndexTable(random);
    const { counters } = this;
    const peers = this.#peers;
    const indices = this.#indices;
    const deadlines = this.#deadlines;
    const heardFrom = (peer: Peer, endpoint: Endpoint) => this.#heardFrom(peer, endpoint);
    const handshakeCompleted = (peer: Peer) => this.#handshakeCompleted(peer);
    const transmitter = new Transmitter(
      { sink, scratch, counters, deadlines, wallNow: dependencies.timestampNow ?? wallNow },
      options.mtu,
    );
    this.#transmitter = transmitter;
    this.#handshakes = new Handshakes(
      { crypto, random, peers, indices, transmitter, workNow, heardFrom, handshakeCompleted },
      this.#local,
    );
    const handshakes = this.#handshakes;
    const takeUnknownKey = (key: PublicKey, now: Millis) => handshakes.takeUnknownKey(key, now);
    this.#roster = new Roster(
      { crypto, random, peers, indices, deadlines, transmitter, counters, takeUnknownKey },
      { local: this.#local, rekeyAfterMs: options.rekeyAfterMs },
    );
    this.#outbound = new Outbound({ routes, peers, counters, transmitter });
    this.#paths = new Paths(sink, transmitter);
    this.#inbound = new Inbound({
      paths: this.#paths,
      routes,
      indices,
      counters,
      transmitter,
      handshakes,
      heardFrom,
      handshakeCompleted,
    });
  }

  /**
   * Changes the device's own key: sessions are kept for receiving only, and handshakes begin anew.
   * The key that it has already changes nothing: wg(8) tells it with every `syncconf`.
   * A peer with this very key is removed and returned; NO_PEER otherwise.
   */
  setPrivateKey(privateKey: PrivateKey): PeerIndex {
    const old = this.#local;
    const next = keyPair(this.#dependencies.crypto, privateKey);
    if (equalConstantTime(next.privateKey, old.privateKey)) {
      wipeKeyPair(next);
      return NO_PEER;
    }
    this.#local = next;
    this.#handshakes.setLocal(this.#local);
    const self = this.#roster.setLocal(this.#local);
    wipeKeyPair(old);
    return self;
  }

  /** Asks every peer that it has a session with for another one, a few at a time. */
  renewSessions(now: Millis): void {
    this.#transmitter.begin();
    let begun = 0;
    for (const peer of this.#peers.all()) {
      if (!peer.tunnel.hasSession) continue;
      peer.tunnel.timers.initiationPlanned(after(now, (begun * 1000) / RESTARTS_PER_SECOND));
      this.#transmitter.touch(peer);
      begun += 1;
    }
    this.#transmitter.settle(now);
  }

  /** The MTU may change while the device runs. */
  setMtu(mtu: number): void {
    this.#transmitter.setMtu(mtu);
  }

  /**
   * Adds a peer and returns its index; the caller then tells its Routes. NO_PEER when the key is
   * the device's own; the index of the existing peer, updated, when the key is known. Initiates a
   * handshake at `initiateAt`, or at once when the peer itself tried within the last 30 s; else
   * when there is a packet for the peer. Throws VALUE_INVALID for an endpoint that is none, and
   * LIMIT_REACHED.
   */
  installPeer(settings: PeerSettings, now: Millis, initiateAt: Millis = NEVER): PeerIndex {
    this.#transmitter.begin();
    const index = this.#roster.install(settings, now, initiateAt);
    this.#transmitter.settle(now);
    return index;
  }

  /**
   * Takes over preshared key, keepalive interval and, when it is another one than was configured
   * before, the endpoint; the public key is the peer's, and its sessions go on. Throws
   * VALUE_INVALID for an endpoint that is none.
   */
  updatePeer(index: PeerIndex, settings: PeerSettings, now: Millis): void {
    this.#transmitter.begin();
    this.#roster.update(index, settings, now);
    this.#transmitter.settle(now);
  }

  /** Sends to `endpoint` from here on, wherever the peer was last; throws VALUE_INVALID. */
  setEndpoint(index: PeerIndex, endpoint: EndpointAddress): void {
    this.#roster.setEndpoint(index, endpoint);
  }

  /** Routes have changed: what leaves by another interface goes out as the system chooses. */
  routesChanged(): void {
    this.#transmitter.routesChanged();
  }

  /** Our own sockets have changed: the next datagrams go out as the system chooses. */
  forgetSources(): void {
    for (const peer of this.#peers.all()) this.#transmitter.forgetSource(peer);
  }

  /**
   * Forgets all sessions, handshakes and packets that wait. For a machine that slept or was cloned,
   * whose keys may have been used elsewhere since. Peers that had a session are asked for another
   * one, a few at a time: they would go on with the old one for a while.
   */
  forgetSessions(now: Millis): void {
    this.#transmitter.begin();
    let begun = 0;
    for (const peer of this.#peers.all()) {
      const { tunnel } = peer;
      const isInUse = tunnel.hasSession || tunnel.timers.persistentKeepaliveMs > 0;
      this.#restart(peer);
      tunnel.timers.restarted(now);
      if (isInUse) {
        tunnel.timers.initiationPlanned(after(now, (begun * 1000) / RESTARTS_PER_SECOND));
        begun += 1;
      }
      this.#transmitter.touch(peer);
    }
    this.#transmitter.settle(now);
  }

  /**
   * Begins to send of its own accord, as a new device does, or ceases to and forgets its sessions.
   */
  setRunning(isRunning: boolean, now: Millis): void {
    this.#transmitter.setRunning(isRunning);
    this.#transmitter.begin();
    for (const peer of this.#peers.all()) {
      this.#restart(peer);
      const { timers } = peer.tunnel;
      if (!isRunning || timers.persistentKeepaliveMs === 0) continue;
      timers.restarted(now);
      this.#transmitter.sendKeepalive(peer, now);
      this.#transmitter.touch(peer);
    }
    this.#transmitter.settle(now);
  }

  /** Forgets a peer and its keys. Its index may be given out again. */
  removePeer(index: PeerIndex): void {
    this.#roster.remove(index);
  }

  /**
   * Seals `packets` in place (PACKET_HEADROOM before and PACKET_TAILROOM behind each must be free)
   * and gives the datagrams to the sink. `outcomes[i]` says what became of packet i (SendOutcome).
   * Origins are ignored.
   */
  sendPackets(packets: PacketBatch, outcomes: Uint8Array, now: Millis): void {
    this.#transmitter.begin();
    this.#outbound.sendPackets(packets, outcomes, now);
    this.#transmitter.settle(now);
  }

  /**
   * The longest packet that goes whole to where the one at `offset` does: what the sender of one
   * that was TooBig is told.
   */
  limitFor(bytes: Uint8Array, offset: number): number {
    return this.#outbound.limitFor(bytes, offset);
  }

  /**
   * Opens `datagrams` in place and adds the inner packets, which stand in the same slab, to
   * `packets`, whose slab must be the same and which has room for one a datagram. Origins are
   * PeerIndex.
   */
  receiveDatagrams(datagrams: DatagramBatch, packets: PacketBatch, now: Millis): void {
    this.#transmitter.begin();
    this.#inbound.receiveDatagrams(datagrams, packets, now);
    this.#transmitter.settle(now);
  }

  /**
   * Does what is due, at most for PEERS_PER_TICK_MAX peers: nextDeadline() is in the past while
   * more is due.
   */
  tick(now: Millis): void {
    this.#transmitter.begin();
    let served = 0;
    for (let due = this.#deadlines.due(now); due !== undefined; due = this.#deadlines.due(now)) {
      if (served === PEERS_PER_TICK_MAX) break;
      const peer = this.#peers.get(due as PeerIndex);
      assert(peer !== undefined, 'Device.tick: a removed peer has a deadline');
      const actions = peer.tunnel.timers.expire(now);
      const isPathDue = peer.path !== undefined && peer.path.deadline <= now;
      if (actions !== 0 || isPathDue) {
        served += 1;
        this.#act(peer, actions, now);
        if (isPathDue) this.#paths.expire(peer, now);
        this.#transmitter.settle(now);
      }
      this.#deadlines.set(due, deadlineOf(peer));
    }
  }

  /** Forgets all peers and zeroes all keys. The device is not used afterwards. */
  close(): void {
    this.#roster.clear();
    this.#handshakes.wipe();
    wipeKeyPair(this.#local);
  }

  /** When tick() is due; NEVER when it is not. */
  nextDeadline(): Millis {
    return this.#deadlines.next;
  }

  /** What the device knows about a peer, or undefined when there is none of that index. */
  peerStatus(index: PeerIndex): PeerStatus | undefined {
    return this.#roster.status(index);
  }

  #act(peer: Peer, actions: number, now: Millis): void {
    const transmitter = this.#transmitter;
    if ((actions & TimerAction.ZeroKeyMaterial) !== 0) peer.tunnel.clear();
    if ((actions & TimerAction.TellSilence) !== 0) {
      this.#dependencies.events.peerSilent(peer.index);
    }
    if ((actions & TimerAction.GiveUpHandshake) !== 0) {
      this.counters[DeviceCounter.DropHandshakeGivenUp]! += peer.staging.clear();
    }
    const isRetransmission = (actions & TimerAction.RetransmitHandshake) !== 0;
    const isNew = (actions & TimerAction.NewHandshake) !== 0;
    if (isRetransmission || isNew) {
      // Silence may mean that our address or our route has changed.
      transmitter.forgetSource(peer);
      transmitter.sendInitiation(peer, now, !isNew, true);
    }
    if ((actions & TimerAction.SendKeepalive) !== 0) transmitter.sendKeepalive(peer, now);
  }

  #restart(peer: Peer): void {
    this.counters[DeviceCounter.DropHandshakeGivenUp]! += peer.staging.clear();
    peer.tunnel.restart();
    this.#deadlines.forget(peer.index);
  }

  #heardFrom(peer: Peer, endpoint: Endpoint): void {
    const before = peer.endpoint;
    if (before !== undefined && isSameEndpoint(before, endpoint.words, 0)) return;
    this.#peers.moveTo(peer, endpoint);
    if (before !== undefined && isSamePlace(before, endpoint)) return;
    this.counters[DeviceCounter.EndpointsRoamed]! += 1;
    this.#dependencies.events.endpointRoamed(peer.index);
  }

  #handshakeCompleted(peer: Peer): void {
    peer.lastHandshakeAt = this.#dependencies.wallNow();
    this.counters[DeviceCounter.HandshakesCompleted]! += 1;
    this.#dependencies.routes.handshakeCompleted(peer.index);
    this.#dependencies.events.handshakeCompleted(peer.index);
  }
}

// Which peers a device has and what was set for each: they are installed, changed and removed here.

import { assert } from '../../base/assert.ts';
import { type Millis, NEVER } from '../../base/clock.ts';
import { P6nError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import type { Crypto, PublicKey } from '../../wireguard/crypto/crypto.ts';
import type { KeyPair } from '../../wireguard/identity.ts';
import { ReplayWindows } from '../../wireguard/session/replay-window.ts';
import { Tunnel } from '../../wireguard/tunnel.ts';
import type { EndpointAddress, PeerSettings, PeerStatus } from '../config.ts';
import { DeviceCounter } from '../counters.ts';
import { NO_PATH_LIMIT } from '../path/path-mtu.ts';
import { NO_PEER, type PeerIndex } from '../routes.ts';
import type { Transmitter } from '../transmitter.ts';
import type { Deadlines } from './deadlines.ts';
import { type Endpoint, formatEndpoint, isSamePlace, parseEndpoint } from './endpoint.ts';
import type { IndexTable } from './index-table.ts';
import { PEERS_MAX, type Peer, type PeerTable } from './peer.ts';
import { Staging, StagingBudget } from './staging.ts';

export interface RosterDependencies {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly peers: PeerTable;
  readonly indices: IndexTable<Peer>;
  readonly deadlines: Deadlines;
  readonly transmitter: Transmitter;
  readonly counters: Float64Array;
  /** Where a key that no peer had tried to reach us from in the last seconds. */
  readonly takeUnknownKey: (key: PublicKey, now: Millis) => Endpoint | undefined;
}

export class Roster {
  readonly #dependencies: RosterDependencies;
  readonly #peers: PeerTable;
  readonly #transmitter: Transmitter;
  readonly #stagingBudget = new StagingBudget();
  readonly #windows = new ReplayWindows();
  readonly #rekeyAfterMs: number | undefined;
  #local: KeyPair;

  constructor(
    dependencies: RosterDependencies,
    options: { readonly local: KeyPair; readonly rekeyAfterMs: number | undefined },
  ) {
    this.#dependencies = dependencies;
    this.#peers = dependencies.peers;
    this.#transmitter = dependencies.transmitter;
    this.#rekeyAfterMs = options.rekeyAfterMs;
    this.#local = options.local;
  }

  /** As Device.setPrivateKey(). */
  setLocal(local: KeyPair): PeerIndex {
    this.#local = local;
    const self = this.#peers.find(local.publicKey);
    if (self !== undefined) this.remove(self.index);
    for (const peer of this.#peers.all()) peer.tunnel.setLocal(local);
    return self?.index ?? NO_PEER;
  }

  /** As Device.installPeer(). */
  install(settings: PeerSettings, now: Millis, initiateAt: Millis): PeerIndex {
    const known = this.#peers.find(settings.publicKey);
    if (known !== undefined) {
      this.update(known.index, settings, now);
      return known.index;
    }
    if (this.#isOwnKey(settings)) return NO_PEER;
    if (this.#peers.size >= PEERS_MAX) {
      throw new P6nError('LIMIT_REACHED', `Cannot add a peer: a device has at most ${PEERS_MAX}`);
    }
    const configured = configuredEndpoint(settings);
    const alternatives = settings.alternatives?.map(parsedEndpoint) ?? [];
    const seenAt = this.#dependencies.takeUnknownKey(settings.publicKey, now);
    const peer = this.#peers.add((index) => this.#makePeer(index, settings));
    peer.alternatives = alternatives;
    this.#peers.moveTo(peer, seenAt);
    this.#setConfiguredEndpoint(peer, configured);
    const { lastEndpoint } = settings;
    if (lastEndpoint !== undefined) this.#peers.moveTo(peer, parseEndpoint(lastEndpoint));
    this.#setKeepalive(peer, settings, now);
    if (initiateAt <= now || seenAt !== undefined) {
      this.#transmitter.sendInitiation(peer, now, false);
    } else if (initiateAt !== NEVER) {
      peer.tunnel.timers.initiationPlanned(initiateAt);
    }
    this.#transmitter.touch(peer);
    return peer.index;
  }

  /** As Device.updatePeer(). */
  update(index: PeerIndex, settings: PeerSettings, now: Millis): void {
    const peer = this.#require(index);
    const endpoint = configuredEndpoint(settings);
    const alternatives = settings.alternatives?.map(parsedEndpoint) ?? [];
    peer.alternatives = alternatives;
    peer.answersProbes = settings.answersProbes ?? false;
    peer.tunnel.setPresharedKey(settings.presharedKey);
    this.#setConfiguredEndpoint(peer, endpoint);
    this.#setKeepalive(peer, settings, now);
    this.#transmitter.touch(peer);
  }

  /** As Device.setEndpoint(). */
  setEndpoint(index: PeerIndex, endpoint: EndpointAddress): void {
    const peer = this.#require(index);
    this.#peers.moveTo(peer, parsedEndpoint(endpoint));
    peer.configuredEndpoint = peer.endpoint;
  }

  /** As Device.removePeer(). */
  remove(index: PeerIndex): void {
    const peer = this.#peers.get(index);
    if (peer === undefined) return;
    this.#dependencies.counters[DeviceCounter.DropPeerRemoved]! += peer.staging.clear();
    peer.tunnel.dispose();
    this.#dependencies.deadlines.forget(index);
    this.#peers.remove(peer);
  }

  clear(): void {
    for (const peer of [...this.#peers.all()]) this.remove(peer.index);
  }

  /** As Device.peerStatus(). */
  status(index: PeerIndex): PeerStatus | undefined {
    const peer = this.#peers.get(index);
    if (peer === undefined) return undefined;
    const { endpoint, lastHandshakeAt, receivedBytes, sentBytes, path } = peer;
    return {
      endpoint: endpoint === undefined ? undefined : formatEndpoint(endpoint),
      lastHandshakeAt,
      receivedBytes,
      sentBytes,
      pathMtu: path === undefined || path.limit === NO_PATH_LIMIT ? undefined : path.limit,
    };
  }

  #require(index: PeerIndex): Peer {
    const peer = this.#peers.get(index);
    assert(peer !== undefined, 'Device: there is no such peer');
    return peer;
  }

  #makePeer(index: PeerIndex, settings: PeerSettings): Peer {
    const { crypto, random, indices } = this.#dependencies;
    const peer: Peer = {
      index,
      staging: new Staging(this.#stagingBudget),
      tunnel: new Tunnel(
        { crypto, random, indices: indices.spaceOf(() => peer), windows: this.#windows },
        {
          local: this.#local,
          remote: settings.publicKey,
          presharedKey: settings.presharedKey,
          rekeyAfterMs: this.#rekeyAfterMs,
        },
      ),
      endpoint: undefined,
      configuredEndpoint: undefined,
      alternatives: [],
      routesSeen: 0,
      receivedBytes: 0,
      sentBytes: 0,
      lastHandshakeAt: undefined,
      answersProbes: settings.answersProbes ?? false,
      path: undefined,
      batch: {
        isTouched: false,
        received: false,
        receivedData: false,
        sentData: false,
        isPathWanted: false,
        sentBy: undefined,
      },
    };
    return peer;
  }

  #setKeepalive(peer: Peer, settings: PeerSettings, now: Millis): void {
    const { timers } = peer.tunnel;
    const intervalMs = 1000 * (settings.persistentKeepaliveSeconds ?? 0);
    if (intervalMs === timers.persistentKeepaliveMs) return;
    const wasOff = timers.persistentKeepaliveMs === 0;
    timers.setPersistentKeepalive(intervalMs, now);
    if (wasOff) this.#transmitter.sendKeepalive(peer, now);
  }

  /** A roamed endpoint gives way only to one that is new in the configuration. */
  #setConfiguredEndpoint(peer: Peer, endpoint: Endpoint | undefined): void {
    const before = peer.configuredEndpoint;
    peer.configuredEndpoint = endpoint;
    if (endpoint === undefined) return;
    if (before === undefined || !isSamePlace(before, endpoint)) this.#peers.moveTo(peer, endpoint);
  }

  #isOwnKey(settings: PeerSettings): boolean {
    return settings.publicKey.every((byte, i) => byte === this.#local.publicKey[i]);
  }
}

function configuredEndpoint(settings: PeerSettings): Endpoint | undefined {
  return settings.endpoint === undefined ? undefined : parsedEndpoint(settings.endpoint);
}

function parsedEndpoint(text: EndpointAddress): Endpoint {
  const endpoint = parseEndpoint(text);
  if (endpoint !== undefined) return endpoint;
  const { address, port } = text;
  throw new P6nError(
    'VALUE_INVALID',
    `Cannot use endpoint "${address}" port ${port}: it is not an IP address with a port`,
  );
}

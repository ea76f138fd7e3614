// The data plane of one stand-alone WireGuard interface without its loop: the packet path of a host
// of the mesh with allowed IPs for its routes and without a filter.
//
//   interface is up and has a key    sockets are open, the device runs
//   interface is up and has none     sockets are open, nothing is sent
//   interface is down                no sockets, no sessions, nothing is sent

import { isAllZero, wipe } from '../../base/bytes.ts';
import type { Millis } from '../../base/clock.ts';
import { randomBytes } from '../../base/random.ts';
import { TrieRoutes } from '../../device/trie-routes.ts';
import type { Offloads } from '../../os/offloads.ts';
import { KEY_BYTES, type PrivateKey } from '../../wireguard/crypto/crypto.ts';
import { HOST_TUN } from '../config.ts';
import { type EngineDependencies, makeGround, makeWire } from '../path/parts.ts';
import type { Pipeline } from '../path/pipeline.ts';
import { makePlaces } from '../path/places.ts';
import type { InterfaceChange, InterfaceState } from './config.ts';
import { OpenPolicy } from './open-policy.ts';
import { PeerBook } from './peer-book.ts';
import { PortUdp } from './port-udp.ts';

/** Of a new interface: Ethernet's 1500 less WireGuard's headers over IPv6. */
export const MTU_DEFAULT = 1420;
/** The longest IP packet; an interface may have any MTU. */
const PACKET_BYTES_MAX = 65_536;
/** Nobody is told of what happens to peers. */
const NO_EVENTS = {
  handshakeCompleted: () => undefined,
  peerSilent: () => undefined,
  endpointRoamed: () => undefined,
};

export interface StandaloneOptions {
  /** Of the interface. */
  readonly name: string;
  /** When sessions are renewed, if sooner than the paper says. */
  readonly rekeyAfterMs: number | undefined;
  readonly offloads: Offloads;
}

export class StandaloneEngine {
  readonly pipeline: Pipeline;
  readonly #dependencies: EngineDependencies;
  readonly #udp: PortUdp;
  readonly #book: PeerBook;
  #privateKey: PrivateKey | undefined;
  #listenPort = 0;
  #mark = 0;
  #isUp = false;

  /** Makes the interface, which is down; throws as OpenTun does. */
  constructor(dependencies: EngineDependencies, options: StandaloneOptions) {
    const { name, rekeyAfterMs } = options;
    this.#dependencies = dependencies;
    const { clock, openUdp, poller } = dependencies;
    const routes = new TrieRoutes();
    const common = { places: makePlaces(PACKET_BYTES_MAX), offloads: options.offloads };
    const ground = makeGround(dependencies, common);
    const parts = makeWire(dependencies, ground, {
      ...common,
      openSockets: (udpOptions) => new PortUdp({ openUdp, poller }, udpOptions),
      routes,
      events: NO_EVENTS,
      device: { privateKey: this.#placeholderKey(), mtu: MTU_DEFAULT, rekeyAfterMs },
    });
    parts.device.setRunning(false, clock.now());
    this.#udp = parts.udp;
    this.#book = new PeerBook(parts.device, routes);
    const policy = new OpenPolicy();
    this.pipeline = { ...ground, policy, wire: { ...parts, policy } };
    this.pipeline.tuns.open({ tun: HOST_TUN, name, namespace: undefined, mtu: MTU_DEFAULT });
  }

  /** Whether the interface is up and has its sockets. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /**
   * Carries out a change in its order up to where it fails: PORT_TAKEN, VALUE_INVALID,
   * LIMIT_REACHED or SYSTEM. The keys in it are taken over.
   */
  apply(change: InterfaceChange): void {
    const now = this.#dependencies.clock.now();
    const { privateKey, listenPort, mark } = change;
    try {
      if (privateKey !== undefined) this.#setPrivateKey(privateKey, now);
      if (listenPort !== undefined) this.#setListenPort(listenPort);
      if (mark !== undefined) this.#setMark(mark);
      if (change.replacePeers) this.#book.clear();
      for (const peer of change.peers) {
        this.#book.apply(peer, now);
        this.#udp.flush();
      }
    } finally {
      // Handshakes that began before a part failed.
      this.#udp.flush();
    }
  }

  state(): InterfaceState {
    return {
      privateKey: this.#privateKey,
      listenPort: this.#udp.isOpen ? this.#udp.port : this.#listenPort,
      mark: this.#mark,
      peers: this.#book.states(),
    };
  }

  /** The interface is up: opens the sockets. Throws PORT_TAKEN, and is not up then. */
  up(): void {
    if (this.#isUp) return;
    this.#openSockets(this.#listenPort);
    this.#isUp = true;
    this.#run();
  }

  /** The interface is down: forgets sessions, and closes the sockets. */
  down(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#run();
    this.#udp.close();
  }

  setMtu(mtu: number): void {
    this.pipeline.wire.device.setMtu(mtu);
  }

  tick(now: Millis): void {
    this.pipeline.wire.device.tick(now);
    this.#udp.flush();
  }

  /** The machine has slept: no session is used again, and those that were begin anew. */
  forgetSessions(): void {
    this.pipeline.wire.device.forgetSessions(this.#dependencies.clock.now());
    this.#udp.flush();
  }

  nextDeadline(): Millis {
    return this.pipeline.wire.device.nextDeadline();
  }

  /** Routes of the machine have changed. */
  routesChanged(): void {
    this.pipeline.wire.device.routesChanged();
  }

  /** Zeroes all keys and closes all descriptors. */
  close(): void {
    this.pipeline.wire.device.close();
    this.#book.clear();
    if (this.#privateKey !== undefined) wipe(this.#privateKey);
    this.#udp.close();
    this.pipeline.tuns.closeAll();
  }

  #setPrivateKey(privateKey: PrivateKey, now: Millis): void {
    const hadKey = this.#privateKey !== undefined;
    const hasKey = !isAllZero(privateKey);
    if (this.#privateKey !== undefined) wipe(this.#privateKey);
    this.#privateKey = hasKey ? privateKey : undefined;
    this.#book.setPrivateKey(hasKey ? privateKey : this.#placeholderKey());
    if (hadKey !== hasKey && this.#isUp) this.#run(now);
  }

  /** Nobody knows its public key, and it is only there while nothing is sent. */
  #placeholderKey(): PrivateKey {
    return randomBytes(this.#dependencies.random, KEY_BYTES) as PrivateKey;
  }

  /** Where it fails, the old port stays. */
  #setListenPort(port: number): void {
    if (this.#isUp && port !== this.#udp.port) this.#openSockets(port);
    else this.#listenPort = port;
    this.pipeline.wire.device.forgetSources();
  }

  #setMark(mark: number): void {
    this.#mark = mark;
    this.#udp.setMark(mark);
    this.pipeline.wire.device.forgetSources();
  }

  #run(now: Millis = this.#dependencies.clock.now()): void {
    this.pipeline.wire.device.setRunning(this.#isUp && this.#privateKey !== undefined, now);
    this.#udp.flush();
  }

  /** A port that was chosen freely is kept from then on. */
  #openSockets(port: number): void {
    this.#udp.open(port);
    this.#listenPort = this.#udp.port;
  }
}

// A whole host's data plane without its loop: the parts of the packet path, put together over ports
// and told what shall be. The worker runs it on the machine, tests run many in one process.

import type { Millis } from '../../base/clock.ts';
import { P6nError } from '../../base/errors.ts';
import { randomUint32 } from '../../base/random.ts';
import type { FilterConfig } from '../../filter/config.ts';
import { PacketFilter } from '../../filter/filter.ts';
import { RejectionWriter } from '../../filter/rejection.ts';
import type { Offloads } from '../../os/offloads.ts';
import type { PrivateKey } from '../../wireguard/crypto/crypto.ts';
import { type CaptureSpec, CaptureTap } from '../capture/tap.ts';
import type { ConfigChange, GatewayChange } from '../config-diff.ts';
import { type EngineDependencies, type Ground, makeGround } from '../path/parts.ts';
import type { Pipeline } from '../path/pipeline.ts';
import { MESH_PLACES } from '../path/places.ts';
import { GATEWAY_SOCKETS } from '../path/tokens.ts';
import type { RecentPeer } from '../session-book.ts';
import { attempt, type ChangeFailure } from './change-failure.ts';
import { MeshPolicy } from './mesh-policy.ts';
import { MeshWire, type MeshWireOptions } from './mesh-wire.ts';
import type { PeerTable } from './peer-table.ts';

export interface EngineOptions {
  /** 0 for any free one. */
  readonly listenPort: number;
  readonly privateKey: PrivateKey;
  readonly mtu: number;
  readonly offloads: Offloads;
  /** Peers that had a session with this host before its start, the latest first; maybe none. */
  readonly recentPeers?: readonly RecentPeer[];
}

/** What the filter knows before it is told: nothing, so that nothing passes. */
const CLOSED_FILTER: FilterConfig = {
  hostId: undefined,
  region: '',
  extraHostAddresses: [],
  server: false,
  hosts: [],
  networks: [],
  instances: [],
  wireguardPeers: [],
};

export class Engine {
  readonly pipeline: Pipeline;
  readonly #wire: MeshWire;
  #gateway: MeshWire | undefined;
  readonly #filter: PacketFilter;
  readonly #rejections = new RejectionWriter(CLOSED_FILTER);
  readonly #dependencies: EngineDependencies;
  readonly #options: EngineOptions;
  #mtu: number;
  #tap: CaptureTap | undefined;

  /** Opens the UDP sockets of the mesh; throws PORT_TAKEN or SYSTEM. */
  constructor(dependencies: EngineDependencies, options: EngineOptions) {
    const { random, counters } = dependencies;
    const { mtu, offloads } = options;
    this.#dependencies = dependencies;
    this.#options = options;
    this.#mtu = mtu;
    this.#filter = new PacketFilter(CLOSED_FILTER, {
      flowSeed: randomUint32(random),
      counters: { drops: counters.filterDrops, passes: counters.filterPasses },
    });
    const ground = makeGround(dependencies, { places: MESH_PLACES, offloads });
    this.#wire = this.#openWire(ground, { ...options, firstSocket: 0 });
    this.pipeline = { ...ground, policy: this.#wire.policy, wire: this.#wire };
  }

  /** That of the mesh, and that of WireGuard peers while there is one. */
  get wires(): readonly MeshWire[] {
    return this.#gateway === undefined ? [this.#wire] : [this.#wire, this.#gateway];
  }

  /**
   * Carries out a change and returns what failed. What comes is there before the filter lets
   * anything to it, and what goes is closed by the filter first.
   */
  apply(change: ConfigChange): ChangeFailure[] {
    const { tuns } = this.pipeline;
    const { filter } = change;
    const now = this.#dependencies.clock.now();
    const failures: ChangeFailure[] = [];
    if (change.privateKey !== undefined) this.#wire.peers.setPrivateKey(change.privateKey, now);
    if (change.mtu !== undefined) this.#setMtu(change.mtu);
    this.#wire.install(change.peers, now, failures);
    this.#extendGateway(change.gateway, now, failures);
    for (const tun of change.replacedTuns) tuns.remove(tun);
    for (const tun of change.newTuns) {
      attempt(failures, { kind: 'tun', tun: tun.tun }, () => tuns.open(tun));
    }
    if (filter !== undefined) {
      attempt(failures, { kind: 'filter' }, () => {
        this.#filter.replaceConfig(filter);
        this.#rejections.replaceConfig(filter);
      });
    }
    for (const tun of change.goneTuns) tuns.remove(tun);
    this.#wire.remove(change.gonePeers);
    if (change.gateway?.type === 'change') this.#gateway?.remove(change.gateway.gonePeers);
    if (change.gateway?.type === 'close') this.#closeGateway();
    return failures;
  }

  /** Shows packets to who captures; undefined ends that. */
  capture(spec: CaptureSpec | undefined): void {
    const { clock } = this.#dependencies;
    this.#tap = spec === undefined ? undefined : new CaptureTap(spec, clock);
    for (const { policy } of this.wires) policy.capture(this.#tap);
  }

  /** Runs the timers that are due. */
  tick(now: Millis): void {
    this.#wire.tick(now);
    this.#gateway?.tick(now);
  }

  /** The machine has slept: no session is used again, and those that were begin anew. */
  forgetSessions(): void {
    const now = this.#dependencies.clock.now();
    for (const wire of this.wires) wire.forgetSessions(now);
  }

  /** Routes of the machine have changed. */
  routesChanged(): void {
    for (const { device } of this.wires) device.routesChanged();
  }

  nextDeadline(): Millis {
    const deadline = this.#wire.device.nextDeadline();
    if (this.#gateway === undefined) return deadline;
    return Math.min(deadline, this.#gateway.device.nextDeadline()) as Millis;
  }

  /** Zeroes all keys and closes all descriptors. */
  close(): void {
    for (const wire of this.wires) wire.close();
    this.pipeline.tuns.closeAll();
  }

  #openWire(ground: Ground, options: Omit<MeshWireOptions, 'policyFor'>): MeshWire {
    const policyFor = (peers: PeerTable): MeshPolicy =>
      new MeshPolicy(this.#filter, this.#rejections, peers);
    return new MeshWire(this.#dependencies, ground, { ...options, policyFor });
  }

  #setMtu(mtu: number): void {
    this.#mtu = mtu;
    for (const { device } of this.wires) device.setMtu(mtu);
  }

  /** Opens the gateway where it shall be opened, and installs what comes. */
  #extendGateway(change: GatewayChange | undefined, now: Millis, failures: ChangeFailure[]): void {
    if (change === undefined || change.type === 'close') return;
    if (change.type === 'open') {
      attempt(failures, { kind: 'gateway' }, () => this.#openGateway(change));
    }
    this.#gateway?.install(change.peers, now, failures);
  }

  #openGateway({ listenPort, privateKey }: Extract<GatewayChange, { type: 'open' }>): void {
    this.#closeGateway();
    try {
      this.#gateway = this.#openWire(this.pipeline, {
        ...this.#options,
        ...{ listenPort, privateKey, mtu: this.#mtu, firstSocket: GATEWAY_SOCKETS },
      });
    } catch (error) {
      throw gatewayError(error, listenPort);
    }
    this.#gateway.policy.capture(this.#tap);
    this.pipeline.gateway = this.#gateway;
  }

  #closeGateway(): void {
    this.#gateway?.close();
    this.#gateway = undefined;
    this.pipeline.gateway = undefined;
  }
}

/** A port that somebody else has costs this host its laptops, and nothing else. */
function gatewayError(error: unknown, port: number): unknown {
  if (!(error instanceof P6nError) || error.code !== 'PORT_TAKEN') return error;
  return new P6nError('PORT_TAKEN', `Cannot serve WireGuard peers: UDP port ${port} is taken`, {
    hint: 'See which program has it with `ss -lupn`, or choose another --gateway-port.',
    cause: error,
  });
}

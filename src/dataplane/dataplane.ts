// The data plane as the main thread sees it: told what shall be, asked how it is. The packets
// themselves are moved by a worker with a loop of its own, so nothing here delays them. The door of
// this folder.

import { toBase64 } from '../base/bytes.ts';
import { asP6nError, P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type {
  PeerStatus as DevicePeerStatus,
  EndpointAddress,
  PeerConfig,
} from '../device/config.ts';
import { ALL_OFFLOADS, type Offloads } from '../os/offloads.ts';
import type { CaptureSpec } from './capture/tap.ts';
import { type DataplaneConfig, type GatewayConfig, HOST_TUN } from './config.ts';
import { diffConfig, hostMtu } from './config-diff.ts';
import type { ChangeFailure } from './mesh/change-failure.ts';
import type { EngineOptions } from './mesh/engine.ts';
import type { Answer, Event, FailureText, Request } from './mesh/messages.ts';
import type { RecentPeer } from './session-book.ts';
import { errorFromText } from './worker/error-text.ts';
import type { TimestampStore } from './worker/handshake-clock.ts';
import { startWorker, type WorkerLink } from './worker/worker-link.ts';

export type DataplaneEvent =
  /** A handshake with this peer (base64) ended with a session that both sides have proved. */
  | { readonly type: 'handshake'; readonly publicKey: string }
  /** No initiation to this peer was answered for as long as one handshake is tried. */
  | { readonly type: 'silent'; readonly publicKey: string }
  | {
      readonly type: 'roamed';
      readonly publicKey: string;
      readonly endpoint: EndpointAddress | undefined;
    }
  /** The interface is gone; the next applyConfig() that names it makes it again. */
  | { readonly type: 'tun-failed'; readonly tun: number; readonly error: P6nError }
  /** The worker has ended without being told to: no packet moves any more. */
  | { readonly type: 'failed'; readonly error: P6nError };

export interface DataplaneOptions {
  readonly config: DataplaneConfig;
  readonly logger: Logger;
  readonly onEvent: (event: DataplaneEvent) => void;
  /** Where the time of initiations outlives the process. */
  readonly timestamps?: TimestampStore;
  /** Peers that had a session with this host before, the latest first. */
  readonly recentPeers?: readonly RecentPeer[];
  /** All when absent. */
  readonly offloads?: Offloads;
}

export interface PeerStatus extends DevicePeerStatus {
  /** Base64. */
  readonly publicKey: string;
}

type Link = WorkerLink<Request, Answer, Event>;

const MTU_DEFAULT = 1420;

export class Dataplane {
  /** The UDP port that the worker listens on. */
  readonly port: number;
  /**
   * Which implementation of the crypto the worker uses: `openssl`, or `noble` where there is none.
   */
  readonly crypto: string;
  readonly #link: Link;
  readonly #options: DataplaneOptions;
  /** What the worker has carried out, less what failed. */
  #applied: DataplaneConfig | undefined;
  /** TUNs that failed while a change was on its way. */
  readonly #failedMeanwhile = new Set<number>();
  /** Changes are made one after the other. */
  #turn: Promise<void> = Promise.resolve();

  /**
   * Starts the worker and applies the configuration. Rejects with PORT_TAKEN, NO_TUN, NOT_ROOT and
   * others when the sockets or the host's own TUN cannot be made; an instance's TUN that cannot is
   * a `tun-failed` event, and is tried again with the next configuration.
   */
  static async start(options: DataplaneOptions): Promise<Dataplane> {
    const { listenPort, device } = options.config;
    const { logger, timestamps, offloads = ALL_OFFLOADS, recentPeers = [] } = options;
    const mtu = hostMtu(options.config) ?? MTU_DEFAULT;
    const { privateKey } = device;
    const forWorker: EngineOptions = { listenPort, privateKey, mtu, offloads, recentPeers };
    let dataplane: Dataplane | undefined;
    const { link, port, crypto } = await startWorker<Request, Answer, Event>({
      file: new URL('./mesh/worker.js', import.meta.url),
      name: 'p6n-dataplane',
      options: forWorker,
      logger,
      timestamps,
      // The worker is told of TUNs and peers when the handle is there.
      onEvent: (event) => {
        if (dataplane !== undefined) dataplane.#take(event);
      },
      onFailed: (error) => options.onEvent({ type: 'failed', error }),
    });
    logger.info('data plane started', { port, crypto });
    dataplane = new Dataplane({ link, port, crypto }, options);
    try {
      await dataplane.#applyFirst(options.config);
      return dataplane;
    } catch (error) {
      await link.stop();
      throw asP6nError(error, 'Cannot start the data plane');
    }
  }

  private constructor(
    parts: { readonly link: Link; readonly port: number; readonly crypto: string },
    options: DataplaneOptions,
  ) {
    this.#link = parts.link;
    this.port = parts.port;
    this.crypto = parts.crypto;
    this.#options = options;
  }

  /**
   * Brings the worker to `config`; resolves when all of it holds. Rejects with a P6nError that
   * names what failed: all else holds, and the next call tries the rest again.
   */
  applyConfig(config: DataplaneConfig): Promise<void> {
    const applied = this.#turn.then(async () => {
      const failures = await this.#apply(config);
      if (failures.length > 0) throw changeError(failures);
    });
    this.#turn = applied.catch(() => undefined);
    return applied;
  }

  /** The UDP port for WireGuard peers; undefined while none is open. */
  get gatewayPort(): number | undefined {
    return this.#applied?.gateway?.listenPort;
  }

  /** All counters by name, from the start of this data plane. */
  counters(): Readonly<Record<string, number>> {
    return this.#link.counters();
  }

  /** How each installed peer is. */
  async peers(): Promise<PeerStatus[]> {
    const report = await this.#link.ask((id) => ({ type: 'peers', id }));
    if (report.type !== 'peers') return [];
    return report.peers.map(({ publicKey, status }) => ({ publicKey, ...status }));
  }

  /** Captures until ended; one at a time: another one takes its place. */
  async capture(spec: CaptureSpec | undefined): Promise<void> {
    await this.#link.ask((id) => ({ type: 'capture', id, spec }));
  }

  /** Ends the worker; sockets and TUNs are closed when it resolves. */
  stop(): Promise<void> {
    return this.#link.stop();
  }

  async #applyFirst(config: DataplaneConfig): Promise<void> {
    const failures = await this.#apply(config);
    for (const failure of failures) {
      const { part, error } = failure;
      if (part.kind === 'tun' && part.tun === HOST_TUN) throw errorFromText(error);
      if (part.kind === 'filter') throw errorFromText(error);
      this.#reportFailure(failure);
    }
  }

  async #apply(config: DataplaneConfig): Promise<readonly FailureText[]> {
    this.#link.requireRunning();
    const change = diffConfig(this.#applied, config);
    if (change === undefined) return [];
    this.#failedMeanwhile.clear();
    const report = await this.#link.ask((id) => ({ type: 'apply', id, change }));
    const failures = report.type === 'applied' ? report.failures : [];
    const gone = [...this.#failedMeanwhile].map((tun) => ({ kind: 'tun', tun }) as const);
    const parts = [...failures.map((failure) => failure.part), ...gone];
    this.#applied = without(config, parts, this.#applied);
    return failures;
  }

  #reportFailure({ part, error }: FailureText): void {
    if (part.kind === 'tun') {
      this.#options.onEvent({ type: 'tun-failed', tun: part.tun, error: errorFromText(error) });
    } else {
      this.#options.logger.warn('part of the data plane failed', { error: error.message });
    }
  }

  #take(event: Event): void {
    const { onEvent } = this.#options;
    if (event.type !== 'tun-failed') {
      onEvent(event);
      return;
    }
    const applied = this.#applied;
    const part = { kind: 'tun', tun: event.tun } as const;
    this.#failedMeanwhile.add(event.tun);
    if (applied !== undefined) this.#applied = without(applied, [part], applied);
    onEvent({ ...event, error: errorFromText(event.error) });
  }
}

/**
 * What the worker has when `failed` parts of `config` failed: no such TUN, and for a peer or the
 * filter what was there before. The next difference tries them again.
 */
function without(
  config: DataplaneConfig,
  failed: readonly ChangeFailure['part'][],
  before: DataplaneConfig | undefined,
): DataplaneConfig {
  const tuns = new Set(failed.flatMap((part) => (part.kind === 'tun' ? [part.tun] : [])));
  const keys = new Set(failed.flatMap((part) => (part.kind === 'peer' ? [part.publicKey] : [])));
  const hasFailed = (peer: PeerConfig): boolean => keys.has(toBase64(peer.publicKey));
  const gateway = withoutPeers(config.gateway, failed, hasFailed);
  const filterFailed = failed.some((part) => part.kind === 'filter');
  const { device, gateway: _, ...rest } = config;
  return {
    ...rest,
    ...(gateway === undefined ? {} : { gateway }),
    filter: filterFailed && before !== undefined ? before.filter : config.filter,
    tuns: config.tuns.filter((tun) => !tuns.has(tun.tun)),
    device: {
      ...device,
      peers: [
        ...device.peers.filter((peer) => !hasFailed(peer)),
        ...(before?.device.peers.filter(hasFailed) ?? []),
      ],
    },
  };
}

/** Of a gateway that could not be opened, nothing holds. */
function withoutPeers(
  gateway: GatewayConfig | undefined,
  failed: readonly ChangeFailure['part'][],
  hasFailed: (peer: PeerConfig) => boolean,
): GatewayConfig | undefined {
  if (gateway === undefined || failed.some(({ kind }) => kind === 'gateway')) return undefined;
  const { listenPort, device } = gateway;
  const peers = device.peers.filter((peer) => !hasFailed(peer));
  return { listenPort, device: { ...device, peers } };
}

function changeError(failures: readonly FailureText[]): P6nError {
  // What keeps laptops out alone is told last.
  const [first, ...others] = failures.toSorted(
    (a, b) => Number(a.part.kind === 'gateway') - Number(b.part.kind === 'gateway'),
  );
  if (first === undefined) return new P6nError('INTERNAL', 'Cannot change the data plane');
  const { code, message, hint } = first.error;
  const rest = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return errorFromText({ code, message: `${message}${rest}`, hint });
}

// The data plane as the main thread sees it: told what shall be, asked how it is. The packets
// themselves are moved by a worker with a loop of its own, so nothing here delays them. The door of
// this folder.

import { Worker } from 'node:worker_threads';
import { toBase64 } from '../base/bytes.ts';
import { asP6nError, P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type {
  PeerStatus as DevicePeerStatus,
  EndpointAddress,
  PeerConfig,
} from '../device/config.ts';
import { LinuxWake } from '../os/linux/wake.ts';
import { ALL_OFFLOADS, type Offloads } from '../os/offloads.ts';
import { type DataplaneConfig, HOST_TUN } from './config.ts';
import { diffConfig, hostMtu } from './config-diff.ts';
import { counterMemory, readCounters } from './counters.ts';
import { reportCrypto } from './crypto-report.ts';
import type { ChangeFailure } from './engine.ts';
import { HandshakeClockKeeper, type TimestampStore } from './handshake-clock.ts';
import {
  errorFromText,
  type FailureText,
  type Report,
  type Request,
  type WorkerStart,
} from './messages.ts';
import type { RecentPeer } from './session-book.ts';

export type DataplaneEvent =
  /** A handshake with this peer (base64) ended with a session that both sides have proved. */
  | { readonly type: 'handshake'; readonly publicKey: string }
  /** No handshake with this peer came about, for as long as one is tried. */
  | { readonly type: 'given-up'; readonly publicKey: string }
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

interface Waiting {
  readonly resolve: (report: Report) => void;
  readonly reject: (error: P6nError) => void;
}

const MTU_DEFAULT = 1420;

export class Dataplane {
  /** The UDP port that the worker listens on. */
  readonly port: number;
  /**
   * Which implementation of the crypto the worker uses: `openssl`, or `noble` where there is none.
   */
  readonly crypto: string;
  readonly #worker: Worker;
  readonly #wake: LinuxWake;
  readonly #counters: SharedArrayBuffer;
  readonly #keeper: HandshakeClockKeeper;
  readonly #options: DataplaneOptions;
  readonly #waiting = new Map<number, Waiting>();
  /** What the worker has carried out, less what failed. */
  #applied: DataplaneConfig | undefined;
  /** TUNs that failed while a change was on its way. */
  readonly #failedMeanwhile = new Set<number>();
  /** Changes are made one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #nextId = 1;
  #isStopping = false;

  /**
   * Starts the worker and applies the configuration. Rejects with PORT_TAKEN, NO_TUN, NOT_ROOT and
   * others when the sockets or the host's own TUN cannot be made; an instance's TUN that cannot is
   * a `tun-failed` event, and is tried again with the next configuration.
   */
  static async start(options: DataplaneOptions): Promise<Dataplane> {
    const keeper = await startKeeper(options);
    const wake = new LinuxWake();
    const counters = counterMemory();
    const { listenPort, device } = options.config;
    const mtu = hostMtu(options.config) ?? MTU_DEFAULT;
    const { offloads = ALL_OFFLOADS, recentPeers = [] } = options;
    const start: WorkerStart = {
      options: { listenPort, privateKey: device.privateKey, mtu, offloads, recentPeers },
      counters,
      timestamps: keeper.memory,
      wakeDescriptor: wake.descriptor,
    };
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: start,
      name: 'p6n-dataplane',
    });
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    let dataplane: Dataplane | undefined;
    try {
      const { port, crypto } = await started(worker);
      options.logger.info('data plane started', { port, crypto });
      reportCrypto(options.logger, crypto);
      dataplane = new Dataplane({ worker, wake, counters, keeper, port, crypto }, options);
      await dataplane.#applyFirst(options.config);
      return dataplane;
    } catch (error) {
      // The caller learns of this end by the rejection, not by an event.
      if (dataplane !== undefined) dataplane.#isStopping = true;
      const stop: Request = { type: 'stop' };
      worker.postMessage(stop);
      wake.signal();
      await exited;
      await keeper.stop();
      wake.close();
      throw asP6nError(error, 'Cannot start the data plane');
    }
  }

  private constructor(
    parts: {
      readonly worker: Worker;
      readonly wake: LinuxWake;
      readonly counters: SharedArrayBuffer;
      readonly keeper: HandshakeClockKeeper;
      readonly port: number;
      readonly crypto: string;
    },
    options: DataplaneOptions,
  ) {
    this.#worker = parts.worker;
    this.#wake = parts.wake;
    this.#counters = parts.counters;
    this.#keeper = parts.keeper;
    this.port = parts.port;
    this.crypto = parts.crypto;
    this.#options = options;
    this.#worker.on('message', (report: Report) => this.#take(report));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('the worker has ended')));
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

  /** All counters by name, from the start of this data plane. */
  counters(): Readonly<Record<string, number>> {
    return readCounters(this.#counters);
  }

  /** How each installed peer is. */
  async peers(): Promise<PeerStatus[]> {
    const report = await this.#ask((id) => ({ type: 'peers', id }));
    if (report.type !== 'peers') return [];
    return report.peers.map(({ publicKey, status }) => ({ publicKey, ...status }));
  }

  /** Ends the worker; sockets and TUNs are closed when it resolves. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#send({ type: 'stop' });
    await exited;
    await this.#keeper.stop();
    this.#rejectWaiting(stoppedError());
    this.#wake.close();
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
    if (this.#isStopping) throw stoppedError();
    const change = diffConfig(this.#applied, config);
    if (change === undefined) return [];
    this.#failedMeanwhile.clear();
    const report = await this.#ask((id) => ({ type: 'apply', id, change }));
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

  #ask(makeRequest: (id: number) => Request): Promise<Report> {
    return new Promise((resolve, reject) => {
      if (this.#isStopping) {
        reject(stoppedError());
        return;
      }
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#send(makeRequest(id));
    });
  }

  #send(request: Request): void {
    this.#worker.postMessage(request);
    this.#wake.signal();
  }

  #take(report: Report): void {
    const { onEvent } = this.#options;
    switch (report.type) {
      case 'applied':
      case 'peers':
        this.#waiting.get(report.id)?.resolve(report);
        this.#waiting.delete(report.id);
        break;
      case 'tun-failed': {
        const applied = this.#applied;
        const part = { kind: 'tun', tun: report.tun } as const;
        this.#failedMeanwhile.add(report.tun);
        if (applied !== undefined) this.#applied = without(applied, [part], applied);
        onEvent({ ...report, error: errorFromText(report.error) });
        break;
      }
      case 'handshake':
      case 'given-up':
      case 'roamed':
        onEvent(report);
        break;
      case 'offload-refused':
        this.#options.logger.warn('offload refused by the kernel', { ...report.refused });
        break;
      case 'started':
      case 'not-started':
        break;
    }
  }

  #fail(cause: Error): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const error = asP6nError(cause, 'Cannot go on moving packets');
    this.#rejectWaiting(error);
    this.#options.onEvent({ type: 'failed', error });
  }

  #rejectWaiting(error: P6nError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function startKeeper({ timestamps, logger }: DataplaneOptions): Promise<HandshakeClockKeeper> {
  return HandshakeClockKeeper.start(timestamps, (error) => {
    const { message } = asP6nError(error, 'Cannot keep the time of handshakes');
    logger.warn('time of handshakes not kept', { error: message });
  });
}

/** Resolves once the worker has its sockets. */
function started(worker: Worker): Promise<Extract<Report, { type: 'started' }>> {
  return new Promise((resolve, reject) => {
    worker.on('message', (report: Report) => {
      if (report.type === 'started') resolve(report);
      else if (report.type === 'not-started') reject(errorFromText(report.error));
    });
    worker.once('error', reject);
  });
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
  const filterFailed = failed.some((part) => part.kind === 'filter');
  const { device } = config;
  return {
    ...config,
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

function stoppedError(): P6nError {
  return new P6nError('INTERNAL', 'Cannot ask the data plane: its worker has ended');
}

function changeError(failures: readonly FailureText[]): P6nError {
  const [first, ...others] = failures;
  if (first === undefined) return new P6nError('INTERNAL', 'Cannot change the data plane');
  const { code, message, hint } = first.error;
  const rest = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return errorFromText({ code, message: `${message}${rest}`, hint });
}

// A stand-alone WireGuard interface as the main thread sees it: made, told what shall be, asked how
// it is. Packets are moved by a worker with a loop of its own. The door of this folder.

import { Worker } from 'node:worker_threads';
import { asP6nError, P6nError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { LinuxWake } from '../../os/linux/wake.ts';
import { counterMemory, readCounters } from '../counters.ts';
import { reportCrypto } from '../crypto-report.ts';
import { HandshakeClockKeeper, type TimestampStore } from '../handshake-clock.ts';
import { errorFromText } from '../messages.ts';
import type { InterfaceChange, InterfaceState } from './config.ts';
import type { StandaloneOptions } from './engine.ts';
import type { StandaloneReport, StandaloneRequest, StandaloneStart } from './messages.ts';

export interface StandaloneInterfaceOptions extends StandaloneOptions {
  readonly logger: Logger;
  /** Where the time of initiations outlives the process. */
  readonly timestamps: TimestampStore;
}

interface Parts {
  readonly worker: Worker;
  readonly wake: LinuxWake;
  readonly counters: SharedArrayBuffer;
  readonly keeper: HandshakeClockKeeper;
}

type Answer = Extract<StandaloneReport, { readonly id: number }>;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class StandaloneInterface {
  /** Resolves when the interface was deleted, and rejects when its worker has failed. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #wake: LinuxWake;
  readonly #counters: SharedArrayBuffer;
  readonly #keeper: HandshakeClockKeeper;
  readonly #logger: Logger;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #isStopping = false;

  /**
   * Makes the interface, which is down and has no key. Rejects with NO_TUN, NOT_ROOT,
   * ALREADY_RUNNING and others.
   */
  static async start(options: StandaloneInterfaceOptions): Promise<StandaloneInterface> {
    const { name, rekeyAfterMs, offloads, logger, timestamps } = options;
    const keeper = await HandshakeClockKeeper.start(timestamps, (error) => {
      const { message } = asP6nError(error, 'Cannot keep the time of handshakes');
      logger.info('time of handshakes not kept', { error: message });
    });
    const wake = new LinuxWake();
    const counters = counterMemory();
    const start: StandaloneStart = {
      options: { name, rekeyAfterMs, offloads },
      counters,
      timestamps: keeper.memory,
      wakeDescriptor: wake.descriptor,
    };
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: start,
      name: 'p6n-wireguard',
    });
    // Listens before the first message, so that no later one is lost.
    const made = new StandaloneInterface({ worker, wake, counters, keeper }, logger);
    try {
      const crypto = await started(worker);
      logger.debug('interface made', { interface: name, crypto });
      reportCrypto(logger, crypto);
      return made;
    } catch (error) {
      await worker.terminate();
      await keeper.stop();
      wake.close();
      throw error;
    }
  }

  private constructor(parts: Parts, logger: Logger) {
    const { worker } = parts;
    this.#worker = worker;
    this.#wake = parts.wake;
    this.#counters = parts.counters;
    this.#keeper = parts.keeper;
    this.#logger = logger;
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => resolve());
    });
    this.ended = new Promise((resolve, reject) => {
      worker.on('message', (report: StandaloneReport) => {
        if (report.type === 'gone') resolve();
        else this.#take(report);
      });
      worker.once('error', reject);
      worker.once('exit', () => reject(stoppedError()));
    });
    this.ended.catch(() => undefined);
  }

  /** Rejects with a P6nError when a part failed: those before it hold. */
  async change(change: InterfaceChange): Promise<void> {
    const answer = await this.#ask((id) => ({ type: 'change', id, change }));
    if (answer.type === 'changed' && answer.error !== undefined) throw errorFromText(answer.error);
  }

  async state(): Promise<InterfaceState> {
    const answer = await this.#ask((id) => ({ type: 'state', id }));
    if (answer.type !== 'state') throw stoppedError();
    return answer.state;
  }

  /** All counters by name, from the start of the interface. */
  counters(): Readonly<Record<string, number>> {
    return readCounters(this.#counters);
  }

  /** Ends the worker; the interface is gone when it resolves. */
  async stop(): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      this.#send({ type: 'stop' });
    }
    await this.#exited;
    await this.#keeper.stop();
    for (const { reject } of this.#waiting.values()) reject(stoppedError());
    this.#waiting.clear();
    this.#wake.close();
  }

  #ask(makeRequest: (id: number) => StandaloneRequest): Promise<Answer> {
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

  #send(request: StandaloneRequest): void {
    this.#worker.postMessage(request);
    this.#wake.signal();
  }

  #take(report: StandaloneReport): void {
    switch (report.type) {
      case 'changed':
      case 'state':
        this.#waiting.get(report.id)?.resolve(report);
        this.#waiting.delete(report.id);
        break;
      case 'link': {
        const { isUp, error } = report;
        if (error === undefined) this.#logger.info('interface changed', { up: isUp });
        else this.#logger.error('interface cannot go up', { error: error.message });
        break;
      }
      case 'offload-refused':
        this.#logger.warn('offload refused by the kernel', { ...report.refused });
        break;
      case 'started':
      case 'not-started':
      case 'gone':
        break;
    }
  }
}

/** Resolves with the name of the crypto once the worker has its interface. */
function started(worker: Worker): Promise<string> {
  return new Promise((resolve, reject) => {
    worker.on('message', (report: StandaloneReport) => {
      if (report.type === 'started') resolve(report.crypto);
      else if (report.type === 'not-started') reject(errorFromText(report.error));
    });
    worker.once('error', reject);
  });
}

function stoppedError(): P6nError {
  return new P6nError('INTERNAL', 'Cannot ask the interface: its worker has ended');
}

// A worker with a synchronous loop as the main thread sees it: started with its counters and the
// time of handshakes, asked by numbered requests and woken for each, told to stop.

import { type ResourceLimits, Worker } from 'node:worker_threads';
import { asP6nError, P6nError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { LinuxWake } from '../../os/linux/wake.ts';
import type { RefusedOffload } from '../../os/offloads.ts';
import { counterMemory, readCounters } from '../counters.ts';
import { reportCrypto } from './crypto-report.ts';
import { type ErrorText, errorFromText } from './error-text.ts';
import { HandshakeClockKeeper, type TimestampStore } from './handshake-clock.ts';

/**
 * Packets leave next to nothing behind, and what handshakes leave is collected often, for a
 * short time each. With less room than this, large configurations are kept with their garbage.
 */
export const WORKER_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 4 };

/** What a worker is given when it is made. */
export interface WorkerData<Options> {
  readonly options: Options;
  readonly counters: SharedArrayBuffer;
  /** Of a HandshakeClock. */
  readonly timestamps: SharedArrayBuffer;
  /** An eventfd that the worker waits for besides packets. */
  readonly wakeDescriptor: number;
}

/** What every worker says, besides its answers and events. */
export type CommonReport =
  | { readonly type: 'started'; readonly port: number; readonly crypto: string }
  | { readonly type: 'not-started'; readonly error: ErrorText }
  | { readonly type: 'offload-refused'; readonly refused: RefusedOffload };
type Started = Extract<CommonReport, { type: 'started' }>;

interface Numbered {
  readonly type: string;
  readonly id: number;
}

export interface WorkerLinkOptions<Event> {
  readonly file: URL;
  readonly name: string;
  /** For the worker. */
  readonly options: unknown;
  readonly logger: Logger;
  readonly timestamps: TimestampStore | undefined;
  /** From the first one on. */
  readonly onEvent: (event: Event) => void;
  /** The worker has ended without being told to. */
  readonly onFailed: (error: P6nError) => void;
}

interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: P6nError) => void;
}

export class WorkerLink<Request, Answer extends Numbered, Event extends { readonly type: string }> {
  /** Rejects with why the worker has not started. */
  readonly started: Promise<Started>;
  readonly #worker: Worker;
  readonly #wake = new LinuxWake();
  readonly #counters = counterMemory();
  readonly #keeper: HandshakeClockKeeper;
  readonly #options: WorkerLinkOptions<Event>;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, Waiting<Answer>>();
  #nextId = 1;
  #isStopping = false;

  /** Starts the worker; its `keeper` is stopped with it. */
  constructor(options: WorkerLinkOptions<Event>, keeper: HandshakeClockKeeper) {
    this.#options = options;
    this.#keeper = keeper;
    const workerData: WorkerData<unknown> = {
      options: options.options,
      counters: this.#counters,
      timestamps: keeper.memory,
      wakeDescriptor: this.#wake.descriptor,
    };
    const worker = new Worker(options.file, {
      workerData,
      name: options.name,
      resourceLimits: WORKER_LIMITS,
    });
    this.#worker = worker;
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => resolve());
    });
    this.started = new Promise((resolve, reject) => {
      worker.on('message', (report: Answer | Event | CommonReport) => {
        if (isAnswer<Answer>(report)) this.#answer(report);
        else if (!isCommon(report)) options.onEvent(report as Event);
        else if (report.type === 'started') resolve(report);
        else if (report.type === 'not-started') reject(errorFromText(report.error));
        else options.logger.warn('offload refused by the kernel', { ...report.refused });
      });
      worker.once('error', reject);
    });
    worker.once('error', (error) => this.#fail(error));
    worker.once('exit', () => this.#fail(new Error('the worker has ended')));
  }

  /** Throws when the worker has ended, or is about to. */
  requireRunning(): void {
    if (this.#isStopping) throw endedError();
  }

  /** All counters by name, from the start of the worker. */
  counters(): Readonly<Record<string, number>> {
    return readCounters(this.#counters);
  }

  /** Asks with a number of its own; rejects when the worker has ended. */
  ask(makeRequest: (id: number) => Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#isStopping) {
        reject(endedError());
        return;
      }
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#send(makeRequest(id));
    });
  }

  /** Ends the worker; all that it held is closed when it resolves. A second call waits too. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#send({ type: 'stop' });
    await this.#exited;
    await this.#keeper.stop();
    this.#rejectWaiting(endedError());
    this.#wake.close();
  }

  #answer(answer: Answer): void {
    this.#waiting.get(answer.id)?.resolve(answer);
    this.#waiting.delete(answer.id);
  }

  #fail(cause: Error): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const error = asP6nError(cause, 'Cannot go on moving packets');
    this.#rejectWaiting(error);
    this.#options.onFailed(error);
  }

  #send(request: Request | { readonly type: 'stop' }): void {
    this.#worker.postMessage(request);
    this.#wake.signal();
  }

  #rejectWaiting(error: P6nError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

export interface StartedWorker<Link> {
  readonly link: Link;
  readonly port: number;
  readonly crypto: string;
}

/** Starts a worker, and resolves when it has started. */
export async function startWorker<
  Request,
  Answer extends Numbered,
  Event extends { readonly type: string },
>(options: WorkerLinkOptions<Event>): Promise<StartedWorker<WorkerLink<Request, Answer, Event>>> {
  const { logger, timestamps } = options;
  const keeper = await HandshakeClockKeeper.start(timestamps, (error) => {
    const { message } = asP6nError(error, 'Cannot keep the time of handshakes');
    logger.warn('time of handshakes not kept', { error: message });
  });
  const link = new WorkerLink<Request, Answer, Event>(options, keeper);
  try {
    const { port, crypto } = await link.started;
    reportCrypto(logger, crypto);
    return { link, port, crypto };
  } catch (error) {
    await link.stop();
    throw asP6nError(error, 'Cannot start the data plane');
  }
}

function isAnswer<Answer extends Numbered>(report: object): report is Answer {
  return 'id' in report;
}

function isCommon(report: { readonly type: string }): report is CommonReport {
  return ['started', 'not-started', 'offload-refused'].includes(report.type);
}

function endedError(): P6nError {
  return new P6nError('INTERNAL', 'Cannot ask the data plane: its worker has ended');
}

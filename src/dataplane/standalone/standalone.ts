// A stand-alone WireGuard interface as the main thread sees it: made, told what shall be, asked how
// it is. Packets are moved by a worker with a loop of its own. The door of this folder.

import { P6nError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { errorFromText } from '../worker/error-text.ts';
import type { TimestampStore } from '../worker/handshake-clock.ts';
import { startWorker, type WorkerLink } from '../worker/worker-link.ts';
import type { InterfaceChange, InterfaceState } from './config.ts';
import type { StandaloneOptions } from './engine.ts';
import type { StandaloneAnswer, StandaloneEvent, StandaloneRequest } from './messages.ts';

/** Their installation takes the worker some milliseconds. */
const PEERS_AT_ONCE = 256;

export interface StandaloneInterfaceOptions extends StandaloneOptions {
  readonly logger: Logger;
  /** Where the time of initiations outlives the process. */
  readonly timestamps: TimestampStore;
}

type Link = WorkerLink<StandaloneRequest, StandaloneAnswer, StandaloneEvent>;

export class StandaloneInterface {
  /** Resolves when the interface was deleted, and rejects when its worker has failed. */
  readonly ended: Promise<void>;
  readonly #link: Link;
  #changing: Promise<void> = Promise.resolve();

  /**
   * Makes the interface, which is down and has no key. Rejects with NO_TUN, NOT_ROOT,
   * ALREADY_RUNNING and others.
   */
  static async start(options: StandaloneInterfaceOptions): Promise<StandaloneInterface> {
    const { name, rekeyAfterMs, offloads, logger, timestamps } = options;
    const forWorker: StandaloneOptions = { name, rekeyAfterMs, offloads };
    let made: Promise<Link> | undefined;
    const ended = new Promise<void>((resolve, reject) => {
      made = startWorker<StandaloneRequest, StandaloneAnswer, StandaloneEvent>({
        file: new URL('./worker.js', import.meta.url),
        name: 'p6n-wireguard',
        options: forWorker,
        logger,
        timestamps,
        onEvent: (event) => {
          if (event.type === 'gone') resolve();
          else logLink(logger, event);
        },
        onFailed: reject,
      }).then(({ link }) => link);
    });
    ended.catch(() => undefined);
    const link = await (made as Promise<Link>);
    logger.debug('interface made', { interface: name });
    return new StandaloneInterface(link, ended);
  }

  private constructor(link: Link, ended: Promise<void>) {
    this.#link = link;
    this.ended = ended;
  }

  /** Rejects with a P6nError when a part failed: those before it hold. One change at a time. */
  change(change: InterfaceChange): Promise<void> {
    const done = this.#changing.then(() => this.#change(change));
    this.#changing = done.catch(() => undefined);
    return done;
  }

  async #change(change: InterfaceChange): Promise<void> {
    for (const part of partsOf(change)) {
      const answer = await this.#link.ask((id) => ({ type: 'change', id, change: part }));
      if (answer.type !== 'changed' || answer.error === undefined) continue;
      throw errorFromText(answer.error);
    }
  }

  async state(): Promise<InterfaceState> {
    const answer = await this.#link.ask((id) => ({ type: 'state', id }));
    if (answer.type === 'state') return answer.state;
    throw new P6nError('INTERNAL', 'Cannot show the interface: its worker answers something else');
  }

  /** All counters by name, from the start of the interface. */
  counters(): Readonly<Record<string, number>> {
    return this.#link.counters();
  }

  /** Ends the worker; the interface is gone when it resolves. */
  stop(): Promise<void> {
    return this.#link.stop();
  }
}

/** A few peers at a time: packets go on meanwhile, and no part of a long list is there twice. */
function* partsOf(change: InterfaceChange): Generator<InterfaceChange> {
  const { peers } = change;
  yield { ...change, peers: peers.slice(0, PEERS_AT_ONCE) };
  for (let at = PEERS_AT_ONCE; at < peers.length; at += PEERS_AT_ONCE) {
    yield { replacePeers: false, peers: peers.slice(at, at + PEERS_AT_ONCE) };
  }
}

function logLink(logger: Logger, event: Extract<StandaloneEvent, { type: 'link' }>): void {
  const { isUp, error } = event;
  if (error === undefined) logger.info('interface changed', { up: isUp });
  else logger.error('interface cannot go up', { error: error.message });
}

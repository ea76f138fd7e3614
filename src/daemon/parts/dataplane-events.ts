// What the data plane tells, brought to those whom it concerns. What it has said before they run is
// kept for them.

import { P6nError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { DataplaneEvent } from '../../dataplane/dataplane.ts';
import type { HostLife } from '../host-life.ts';
import type { Server } from '../server.ts';
import type { MovingParts } from './moving-parts.ts';

/** More than the peers that can complete a handshake while the agent starts. */
const EARLY_EVENTS_MAX = 65_536;

interface Listeners extends Pick<MovingParts, 'agent' | 'follower' | 'ledger' | 'sessions'> {
  readonly server: Server | undefined;
  readonly life: HostLife;
}

interface DataplaneEventsDependencies {
  readonly logger: Logger;
  /** Hears of the end of the data plane. */
  readonly fail: (error: P6nError) => void;
}

export class DataplaneEvents {
  readonly #logger: Logger;
  readonly #fail: (error: P6nError) => void;
  readonly #early: DataplaneEvent[] = [];
  #listeners: Listeners | undefined;

  constructor({ logger, fail }: DataplaneEventsDependencies) {
    this.#logger = logger;
    this.#fail = fail;
  }

  /** Tells `listeners` what has happened so far, and from now on. */
  open(listeners: Listeners): void {
    this.#listeners = listeners;
    for (const event of this.#early.splice(0)) this.tell(event);
  }

  tell(event: DataplaneEvent): void {
    if (event.type === 'failed') {
      const { error } = event;
      const message = `Cannot go on: the data plane failed: ${error.message}`;
      this.#fail(new P6nError('INTERNAL', message, { cause: error }));
      return;
    }
    if (this.#listeners === undefined) {
      if (this.#early.length < EARLY_EVENTS_MAX) this.#early.push(event);
      return;
    }
    const { agent, follower, life, sessions } = this.#listeners;
    if (event.type !== 'tun-failed') sessions.note();
    agent.notice(event);
    if (event.type === 'handshake' || event.type === 'roamed') life.peerMoved();
    if (event.type !== 'handshake') return;
    if (this.#isServer(event.publicKey)) follower.hurry();
    void this.#finishInvite(event.publicKey);
  }

  #isServer(publicKey: string): boolean {
    const hosts = this.#listeners?.ledger.current().hosts ?? [];
    return hosts.some((host) => host.role === 'server' && host.publicKey === publicKey);
  }

  async #finishInvite(publicKey: string): Promise<void> {
    try {
      await this.#listeners?.server?.invites.handshakeCompleted(publicKey);
    } catch (error) {
      this.#logger.warn('used invite is not removed yet', { error: String(error) });
    }
  }
}

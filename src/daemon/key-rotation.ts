// How this host changes its own WireGuard key. Each step is durable before the next, and a start
// goes on where a crash ended:
//
//   next key on disk -> published -> all others are ready -> it is the key, on disk and in the
//                           |    data plane -> handshakes by it -> the registry drops the last one
//                           |
//                           +-> one is not ready for long -> withdrawn, then gone from disk

import { setTimeout as delay } from 'node:timers/promises';
import type { HostId } from '../addressing/ids.ts';
import { Backoff, type BackoffOptions } from '../base/backoff.ts';
import { fromBase64, toBase64 } from '../base/bytes.ts';
import { after, type Clock, type Millis, type WallMillis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Random, randomBytes } from '../base/random.ts';
import type { PeerStatus } from '../dataplane/dataplane.ts';
import type { Host } from '../registry/model.ts';
import { type Crypto, KEY_BYTES } from '../wireguard/crypto/crypto.ts';
import { keyPair, wipeKeyPair } from '../wireguard/identity.ts';
import type { IdentityKeeper } from './identity-keeper.ts';
import type { HostSelf } from './site-access.ts';
import { publishStep } from './steps.ts';

/**
 * Between two questions whether all others are ready, and two tries of what fails, milliseconds:
 * soon at first, as all are ready in a moment mostly, and ever more rarely.
 */
const QUESTIONS: BackoffOptions = { minMs: 100, maxMs: 5_000 };
const RETRY: BackoffOptions = { minMs: 1_000, maxMs: 60_000 };
/**
 * How long the others get to be ready: twenty times as long as one that is well needs. Who is not
 * heard of is not waited for at all.
 */
const READY_TIMEOUT_MS = 60_000;
/** Between two looks at the sessions of this host. */
const POLL_MS = 100;
/** A peer whose last handshake is older has no session. */
const SESSION_MS = 180_000;
/** How long peers with a session get for a handshake by the new key. */
const SETTLE_MS = 5_000;

export interface KeyRotationDependencies {
  readonly keeper: IdentityKeeper;
  readonly self: HostSelf;
  /** This host's record as it is believed here. */
  readonly record: () => Host | undefined;
  readonly nameOf: (host: HostId) => string;
  /** Resolves when the data plane has the key of the identity. */
  readonly useKey: () => Promise<void>;
  readonly peers: () => Promise<readonly PeerStatus[]>;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Hosts that a change of the key waits for. */
export interface KeyWait {
  readonly since: WallMillis;
  /** The first of them by their names. */
  readonly missing: readonly string[];
}

export class KeyRotation {
  readonly #dependencies: KeyRotationDependencies;
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  /** Whether hosts that are not ready are waited for no further. */
  #isForced = false;
  #waiting: KeyWait | undefined;

  constructor(dependencies: KeyRotationDependencies) {
    this.#dependencies = dependencies;
  }

  /** Whom a change that is under way waits for. */
  get waiting(): KeyWait | undefined {
    return this.#waiting;
  }

  /** Goes on with a change that was begun, in the background. */
  look(): void {
    const { keeper, record } = this.#dependencies;
    const { nextPrivateKey, privateKey } = keeper.current;
    const next = record()?.next?.publicKey;
    const isSwitched = next !== undefined && next === this.#publicKeyOf(privateKey);
    if (nextPrivateKey === undefined && !isSwitched) return;
    this.#run().catch((error: unknown) => {
      this.#dependencies.logger.warn('host key is not changed yet', { error: String(error) });
    });
  }

  /**
   * Changes the key; resolves when the last one is nobody's. Joins a change that is under way. By
   * force it waits for no host: one that is not ready loses packets until it hears of the change.
   * Rejects with HOSTS_NOT_READY when it has waited for long, and has then changed nothing.
   */
  async rotate({ force }: { readonly force: boolean }): Promise<void> {
    const { keeper, random } = this.#dependencies;
    if (this.#running === undefined && keeper.current.nextPrivateKey === undefined) {
      await keeper.change({ nextPrivateKey: toBase64(randomBytes(random, KEY_BYTES)) });
      publishStep('host-key-drafted');
    }
    if (force) this.#isForced = true;
    await this.#run();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running?.catch(() => undefined);
  }

  #run(): Promise<void> {
    this.#running ??= this.#change().finally(() => {
      this.#running = undefined;
      this.#isForced = false;
      this.#waiting = undefined;
    });
    return this.#running;
  }

  async #change(): Promise<void> {
    const { keeper, self, useKey, peers, clock, logger } = this.#dependencies;
    const { nextPrivateKey } = keeper.current;
    if (nextPrivateKey !== undefined) {
      const key = { public_key: this.#publicKeyOf(nextPrivateKey) };
      await this.#insist(async () => {
        await self.publishNextKey(key);
        return true;
      });
      await this.#untilReady();
      if (this.#isForced) logger.warn('host key is changed by force');
      publishStep('host-key-acknowledged');
      const inUse = (await peers()).filter((peer) => hasSession(peer, clock.wallNow()));
      const switchedAt = clock.wallNow();
      await keeper.change({ privateKey: nextPrivateKey, nextPrivateKey: undefined });
      publishStep('host-key-switched');
      await useKey();
      await this.#settle(new Set(inUse.map(({ publicKey }) => publicKey)), switchedAt);
    }
    const publicKey = this.#publicKeyOf(keeper.current.privateKey);
    await this.#insist(async () => {
      await self.switchKey({ public_key: publicKey });
      return true;
    });
    logger.info('host key changed', { publicKey });
  }

  /** Until all others are ready. Throws HOSTS_NOT_READY, without a next key, where that lasts. */
  async #untilReady(): Promise<void> {
    const { keeper, self, nameOf, clock } = this.#dependencies;
    let deadline: Millis | undefined;
    await this.#insist(async () => {
      if (this.#isForced) return true;
      const { ready, missing } = await self.nextKeyState();
      if (ready) return true;
      deadline ??= after(clock.now(), READY_TIMEOUT_MS);
      const { since = clock.wallNow() } = this.#waiting ?? {};
      this.#waiting = { since, missing: missing.map((id) => nameOf(id as HostId)) };
      if (clock.now() < deadline) return false;
      await self.withdrawNextKey();
      await keeper.change({ nextPrivateKey: undefined });
      throw notReady(this.#waiting.missing);
    });
  }

  /** Until `step` is true; what the environment refuses is tried again. */
  async #insist(step: () => Promise<boolean>): Promise<void> {
    const { random } = this.#dependencies;
    const questions = new Backoff(random, QUESTIONS);
    const retries = new Backoff(random, RETRY);
    for (;;) {
      let pauses = questions;
      try {
        if (await step()) return;
        retries.reset();
      } catch (error) {
        if (!(error instanceof P6nError) || error.fault !== 'environment') throw error;
        pauses = retries;
      }
      await delay(pauses.next(), undefined, { signal: this.#ending.signal });
    }
  }

  /** Peers with a session have one by the new key before the last one goes. */
  async #settle(inUse: ReadonlySet<string>, switchedAt: WallMillis): Promise<void> {
    const { peers, clock } = this.#dependencies;
    const deadline = after(clock.now(), SETTLE_MS);
    while (clock.now() < deadline) {
      const late = (await peers()).filter(
        ({ publicKey, lastHandshakeAt = 0 }) =>
          inUse.has(publicKey) && lastHandshakeAt < switchedAt,
      );
      if (late.length === 0) return;
      await delay(POLL_MS, undefined, { signal: this.#ending.signal });
    }
  }

  #publicKeyOf(privateKey: string): string {
    const pair = keyPair(this.#dependencies.crypto, fromBase64(privateKey) as Uint8Array);
    const publicKey = toBase64(pair.publicKey);
    wipeKeyPair(pair);
    return publicKey;
  }
}

function notReady(missing: readonly string[]): P6nError {
  const names = missing.map((name) => `"${name}"`).join(', ');
  return new P6nError('HOSTS_NOT_READY', `Cannot change the key: not ready for it: ${names}`, {
    hint: 'See the log and `p6nctl status` there; `--force` waits for nobody.',
  });
}

function hasSession({ lastHandshakeAt }: PeerStatus, now: WallMillis): boolean {
  return lastHandshakeAt !== undefined && now - lastHandshakeAt < SESSION_MS;
}

// The object graph of p6nd and the order in which its parts start: packets first, then names, then
// who may ask. Stopping is the reverse. Instances, and what they run, stay.

import type { WallMillis } from '../base/clock.ts';
import type { P6nError } from '../base/errors.ts';
import { Lifecycle } from '../base/lifecycle.ts';
import { SiteSigner } from '../registry/site-signer.ts';
import { type DaemonConfig, ENDPOINTS_MAX } from './config.ts';
import { detectEndpoints } from './endpoints.ts';
import { GatewayKey } from './gateway-key.ts';
import { withPort } from './gateway-life.ts';
import { obtainIdentity } from './host-identity.ts';
import { HostKeyRing } from './host-key-ring.ts';
import type { HostLife } from './host-life.ts';
import { IdentityFiles } from './identity.ts';
import { IdentityKeeper } from './identity-keeper.ts';
import type { DaemonLogger } from './log.ts';
import { linuxMachine } from './machine.ts';
import { DataplaneEvents } from './parts/dataplane-events.ts';
import type { Ground, Self } from './parts/ground.ts';
import { peerInstalled } from './parts/installed-peer.ts';
import type { MovingParts } from './parts/moving-parts.ts';
import { startPackets } from './parts/packets.ts';
import { openServer } from './parts/server-parts.ts';
import {
  lockNetworkNamespace,
  lockStateFolder,
  requireFreePort,
  requireFreeRoutes,
  requireMachine,
  requireSocketFolder,
  requireStateFolder,
} from './preflight.ts';
import type { Server } from './server.ts';
import { ServerChoice } from './server-choice.ts';
import type { ServiceLife } from './service-life.ts';
import type { SiteAccess } from './site-access.ts';
import { knownServers, regionInForce } from './start-state.ts';
import type { StatusFacts } from './status-service.ts';
import { VERSION } from './version.ts';

/** Who has started p6nd, hears of it and ends it. */
export interface DaemonSurroundings {
  readonly logger: DaemonLogger;
  readonly service: ServiceLife;
  readonly signal: AbortSignal;
}

/**
 * Runs p6nd until `signal` aborts. Throws what keeps it from starting, and what ends its data plane
 * later.
 */
export async function runDaemon(
  config: DaemonConfig,
  { logger, service, signal }: DaemonSurroundings,
): Promise<void> {
  const lifecycle = new Lifecycle(logger);
  const daemon = new Daemon(config, logger, lifecycle);
  try {
    await daemon.run(signal, service);
  } finally {
    service.stopping();
    await lifecycle.stop();
  }
  if (daemon.isReset) await (await import('./reset.ts')).resetHost(config, logger);
}

/** What a host is made of, once it knows who it is. */
export interface Parts extends MovingParts {
  readonly server: Server | undefined;
  readonly access: SiteAccess;
}

class Daemon {
  readonly #ground: Ground;
  readonly #signer = new SiteSigner();
  readonly #events: DataplaneEvents;
  /** Aborted by a signal, and by what keeps the host from going on. */
  readonly #ending = new AbortController();
  #server: Server | undefined;
  #failure: P6nError | undefined;
  /** Whether somebody has asked for an end that leaves nothing on the machine. */
  isReset = false;

  constructor(config: DaemonConfig, logger: DaemonLogger, lifecycle: Lifecycle) {
    const found = config.endpoints.length > 0 ? config.endpoints : undefined;
    const endpoints = found ?? detectEndpoints(config.listenPort, ENDPOINTS_MAX);
    this.#ground = { config, logger, lifecycle, machine: linuxMachine(), endpoints };
    this.#events = new DataplaneEvents({ logger, fail: (error) => this.#fail(error) });
  }

  /**
   * Resolves when `signal` has aborted. A start that is under way is waited for up to its next
   * step, so that no part starts behind the back of those that are being stopped.
   */
  async run(signal: AbortSignal, service: ServiceLife): Promise<void> {
    const { logger } = this.#ground;
    const ending = this.#ending.signal;
    const end = (): void => this.#ending.abort();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      const { dataplane } = await this.#start(ending);
      logger.info('p6nd is ready');
      // Main thread and data plane both live when the one has an answer of the other.
      service.ready(() => dataplane.peers());
      if (!ending.aborted) {
        await new Promise((resolve) => ending.addEventListener('abort', resolve, { once: true }));
      }
    } catch (error) {
      // A start that was told to end has not failed.
      if (!ending.aborted) throw error;
    }
    if (this.#failure !== undefined) throw this.#failure;
    logger.info('p6nd ends');
  }

  async #start(ending: AbortSignal): Promise<Parts> {
    const { config, lifecycle, logger, machine } = this.#ground;
    const { clock, links, locks } = machine;
    const startedAt = clock.wallNow();
    requireMachine();
    await requireStateFolder(config.stateDir);
    await requireSocketFolder(config.socket);
    lifecycle.started('state lock', lockStateFolder(locks, config.stateDir));
    lifecycle.started('lock', await lockNetworkNamespace(links, logger));
    await requireFreeRoutes(links);
    await requireFreePort(config.listenPort);
    ending.throwIfAborted();
    const self = await this.#identify(ending);
    ending.throwIfAborted();
    // What the other parts are made of is loaded while the data plane's thread starts.
    const [packets, { startMoving }] = await Promise.all([
      startPackets(this.#ground, self, (event) => this.#events.tell(event)),
      import('./parts/moving-parts.ts'),
    ]);
    ending.throwIfAborted();
    const invites = { invites: () => this.#server?.invites.invites() ?? [] };
    const moving = await startMoving(this.#ground, self, { packets, invites });
    ending.throwIfAborted();
    const parts = await this.#startAccess(moving);
    ending.throwIfAborted();
    const life = await this.#follow(parts);
    await parts.server?.serve((publicKey) => peerInstalled(parts, publicKey), lifecycle);
    ending.throwIfAborted();
    await this.#serveOperator(parts, life, startedAt);
    return parts;
  }

  async #identify(ending: AbortSignal): Promise<Self> {
    const { config, lifecycle, logger, machine, endpoints } = this.#ground;
    const dependencies = { machine, logger, signer: this.#signer, signal: ending };
    const identity = await obtainIdentity(config, endpoints, dependencies);
    const key = new HostKeyRing(identity, machine.crypto);
    lifecycle.started('host key', key);
    const keeper = new IdentityKeeper(new IdentityFiles(config.stateDir), identity);
    lifecycle.started('identity', keeper);
    const { crypto, random } = machine;
    const gateway = new GatewayKey({ keeper, crypto, random });
    lifecycle.started('key of the gateway', gateway);
    return { keeper, key, gateway };
  }

  /** Gives the parts their way to the servers of the site, or to this server's registry. */
  async #startAccess(moving: MovingParts): Promise<Parts> {
    const { localAccess, remoteAccess } = await import('./site-access.ts');
    const { identity, opening, follower, ledger, agent } = moving;
    let access: SiteAccess;
    if (identity.role === 'server') {
      const server = await openServer(this.#ground, moving, this.#signer);
      this.#server = server;
      access = localAccess(server.registry, server.service, identity.hostId);
      server.invites.onChange(async () => {
        agent.changed();
        await agent.applied();
      });
      agent.changed();
    } else {
      const servers = () => knownServers(identity, ledger.current());
      const choice = new ServerChoice(identity.hostId, servers);
      access = remoteAccess(identity.hostId, identity.secret, choice);
    }
    opening.open(access);
    follower.start();
    return { ...moving, server: this.#server, access };
  }

  /** Lets the parts hear of each other, and the site of what has changed about this host. */
  async #follow(parts: Parts): Promise<HostLife> {
    const { HostLife } = await import('./host-life.ts');
    const { config, lifecycle, logger, machine, endpoints } = this.#ground;
    const { identity, follower, agent } = parts;
    const announcement = {
      ...{ region: regionInForce(config, identity), endpoints },
      gatewayEndpoints: withPort(endpoints, config.gatewayPort),
    };
    const life = new HostLife({ ...parts, machine, logger }, announcement);
    this.#events.open({ ...parts, life });
    life.start(lifecycle);
    const look = (): void => {
      agent.changed();
      life.look();
    };
    follower.onChange(look);
    // What no server has taken yet does not wait for its next turn.
    follower.onFollowing(() => agent.changed());
    // What has changed while the parts were starting has told nobody.
    look();
    return life;
  }

  async #serveOperator(parts: Parts, life: HostLife, startedAt: WallMillis): Promise<void> {
    const { serveOperator } = await import('./operator.ts');
    const { config, lifecycle, logger, machine, endpoints } = this.#ground;
    const { identity, key } = parts;
    const facts: StatusFacts = {
      version: VERSION,
      startedAt,
      identity,
      region: regionInForce(config, identity),
      publicKey: () => key.publicKey,
      listenPort: config.listenPort,
      endpoints,
      stateDir: config.stateDir,
    };
    const reset = (): void => {
      this.isReset = true;
      this.#ending.abort();
    };
    const dependencies = { parts, life, echo: machine.echo, clock: machine.clock, logger, reset };
    await serveOperator(dependencies, facts, config, lifecycle);
  }

  #fail(error: P6nError): void {
    this.#failure ??= error;
    this.#ending.abort();
  }
}

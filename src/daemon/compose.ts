// The object graph of p6nd and the order in which its parts start: packets first, then names, then
// who may ask. Stopping is the reverse. Instances, and what they run, stay.

import { join as joinPath } from 'node:path';
import { Agent, PROCESS_TIMERS } from '../agent/agent.ts';
import { HostLedger } from '../agent/host-ledger.ts';
import { assert } from '../base/assert.ts';
import type { WallMillis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import { Lifecycle } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import { Dataplane, type DataplaneEvent } from '../dataplane/dataplane.ts';
import { readRecentPeers, SessionBook } from '../dataplane/session-book.ts';
import { CopyFile } from '../follower/copy-file.ts';
import { Follower } from '../follower/follower.ts';
import { NAMESERVER_OPTIONS, Nameserver } from '../nameserver/nameserver.ts';
import { followResolvConf } from '../nameserver/resolv-conf-follower.ts';
import { TimestampFile } from '../os/timestamp-file.ts';
import { SiteSigner } from '../registry/site-signer.ts';
import type { Crypto } from '../wireguard/crypto/crypto.ts';
import { AppliedConfig } from './applied-config.ts';
import { type DaemonConfig, ENDPOINTS_MAX } from './config.ts';
import { detectEndpoints, resolveHostName } from './endpoints.ts';
import { obtainIdentity } from './host-identity.ts';
import { HostKeyRing } from './host-key-ring.ts';
import { HostLife } from './host-life.ts';
import { type Identity, IdentityFiles } from './identity.ts';
import { IdentityKeeper } from './identity-keeper.ts';
import { linuxMachine, type Machine } from './machine.ts';
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
import { localAccess, OpeningAccess, remoteAccess, type SiteAccess } from './site-access.ts';
import { agentIdentity, initialDataplane, knownServers, regionInForce } from './start-state.ts';
import type { StatusFacts } from './status-service.ts';
import { VERSION } from './version.ts';

const COPY_FILE = 'copy.json';
const LEDGER_FILE = 'hosts.json';
const SESSIONS_FILE = 'sessions.json';
const CLOCK_FILE = 'handshake-clock';
/** How long the answer to an enrolment waits for the new peer, milliseconds. */
const PEER_TIMEOUT_MS = 10_000;
/** More than the peers that can complete a handshake while the agent starts. */
const EARLY_EVENTS_MAX = 65_536;

/**
 * Runs p6nd until `signal` aborts. Throws what keeps it from starting, and what ends its data plane
 * later.
 */
export async function runDaemon(
  config: DaemonConfig,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const lifecycle = new Lifecycle(logger);
  const daemon = new Daemon(config, logger, lifecycle);
  try {
    await daemon.run(signal);
  } finally {
    await lifecycle.stop();
  }
  if (daemon.isReset) await (await import('./reset.ts')).resetHost(config, logger);
}

/** What a host is made of, once it knows who it is. */
export interface Parts extends MovingParts {
  readonly server: Server | undefined;
  readonly access: SiteAccess;
}

/** What moves packets and answers names. */
interface MovingParts {
  readonly identity: Identity;
  readonly keeper: IdentityKeeper;
  readonly key: HostKeyRing;
  readonly opening: OpeningAccess;
  readonly dataplane: Dataplane;
  readonly applied: AppliedConfig;
  readonly follower: Follower;
  /** What of the copy is believed. */
  readonly ledger: HostLedger;
  readonly agent: Agent;
  readonly names: Nameserver;
}

class Daemon {
  readonly #config: DaemonConfig;
  readonly #logger: Logger;
  readonly #lifecycle: Lifecycle;
  readonly #machine: Machine = linuxMachine();
  readonly #signer = new SiteSigner();
  readonly #endpoints: readonly string[];
  /** Aborted by a signal, and by what keeps the host from going on. */
  readonly #ending = new AbortController();
  #server: Server | undefined;
  #sessions: SessionBook | undefined;
  /** Set once all of them run. */
  #parts: Parts | undefined;
  #life: HostLife | undefined;
  /** What the data plane has said before that; the parts hear of it when they run. */
  readonly #early: DataplaneEvent[] = [];
  #failure: P6nError | undefined;
  /** Whether somebody has asked for an end that leaves nothing on the machine. */
  isReset = false;

  constructor(config: DaemonConfig, logger: Logger, lifecycle: Lifecycle) {
    this.#config = config;
    this.#logger = logger;
    this.#lifecycle = lifecycle;
    const { endpoints, listenPort } = config;
    this.#endpoints = endpoints.length > 0 ? endpoints : detectEndpoints(listenPort, ENDPOINTS_MAX);
  }

  /**
   * Resolves when `signal` has aborted. A start that is under way is waited for up to its next
   * step, so that no part starts behind the back of those that are being stopped.
   */
  async run(signal: AbortSignal): Promise<void> {
    const ending = this.#ending.signal;
    const end = (): void => this.#ending.abort();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      await this.#start(ending);
      this.#logger.info('p6nd is ready');
      if (!ending.aborted) {
        await new Promise((resolve) => ending.addEventListener('abort', resolve, { once: true }));
      }
    } catch (error) {
      // A start that was told to end has not failed.
      if (!ending.aborted) throw error;
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#logger.info('p6nd ends');
  }

  async #start(ending: AbortSignal): Promise<void> {
    const { stateDir, socket, listenPort } = this.#config;
    const { clock, crypto, links, locks } = this.#machine;
    const startedAt = clock.wallNow();
    requireMachine();
    await requireStateFolder(stateDir);
    await requireSocketFolder(socket);
    this.#lifecycle.started('state lock', lockStateFolder(locks, stateDir));
    this.#lifecycle.started('lock', await lockNetworkNamespace(links, this.#logger));
    await requireFreeRoutes(links);
    await requireFreePort(listenPort);
    ending.throwIfAborted();
    const { keeper, key } = await this.#identify(crypto, ending);
    ending.throwIfAborted();
    const moving = await this.#startMoving(keeper, key);
    ending.throwIfAborted();
    const parts = await this.#startAccess(moving);
    ending.throwIfAborted();
    const life = this.#follow(parts);
    const { server } = parts;
    await server?.serve((publicKey) => this.#peerInstalled(publicKey), this.#lifecycle);
    ending.throwIfAborted();
    await this.#serveOperator(parts, life, startedAt);
  }

  async #identify(crypto: Crypto, ending: AbortSignal): Promise<Pick<Parts, 'keeper' | 'key'>> {
    const endpoints = this.#endpoints;
    const signer = this.#signer;
    const dependencies = { machine: this.#machine, logger: this.#logger, signer, signal: ending };
    const identity = await obtainIdentity(this.#config, endpoints, dependencies);
    const key = new HostKeyRing(identity, crypto);
    this.#lifecycle.started('host key', key);
    const keeper = new IdentityKeeper(new IdentityFiles(this.#config.stateDir), identity);
    this.#lifecycle.started('identity', keeper);
    return { keeper, key };
  }

  async #openServer({ keeper, key }: Pick<Parts, 'keeper' | 'key'>): Promise<Server> {
    const { openRegistry } = await import('./registry-opener.ts');
    const { Server } = await import('./server.ts');
    const { SiteKeyDesk } = await import('./site-key.ts');
    const { stateDir } = this.#config;
    const machine = this.#machine;
    const signer = this.#signer;
    this.#lifecycle.started('site key', signer);
    const logger = this.#logger;
    const place = this.#config.registry;
    const registry = await openRegistry(
      { machine, logger, lifecycle: this.#lifecycle, signer },
      { place, stateDir, writer: keeper.current.hostId.toString(16) },
    );
    const { random } = machine;
    const siteKey = new SiteKeyDesk({ registry, signer, keeper, random, logger });
    await siteKey.start();
    const publicKey = (): string => key.publicKey;
    const identity = keeper.current;
    const isShared = place.kind === 'etcd';
    const endpoints = this.#endpoints;
    const facts = { identity, endpoints, publicKey, signer, siteKey, stateDir, isShared };
    const server = new Server(registry, machine, logger, facts);
    server.keepInvites(this.#lifecycle);
    return server;
  }

  /**
   * Starts all that moves packets and answers names, from what this host has on disk: no server and
   * no registry is asked, so that the connections of instances wait as short as they can.
   */
  async #startMoving(keeper: IdentityKeeper, key: HostKeyRing): Promise<MovingParts> {
    const identity = keeper.current;
    const { clock, random, links, echo } = this.#machine;
    const { stateDir, offloads } = this.#config;
    const logger = this.#logger;
    const config = initialDataplane(this.#config, identity, key.current);
    const onEvent = (event: DataplaneEvent): void => this.#onEvent(event);
    const timestamps = new TimestampFile(joinPath(stateDir, CLOCK_FILE));
    const sessions = joinPath(stateDir, SESSIONS_FILE);
    const recentPeers = await readRecentPeers(sessions);
    const dataplane = await Dataplane.start({
      ...{ config, logger, onEvent, timestamps, recentPeers, offloads },
    });
    this.#lifecycle.started('data plane', dataplane);
    const wallNow = () => clock.wallNow();
    const book = new SessionBook(sessions, { peers: () => dataplane.peers(), wallNow, logger });
    this.#sessions = this.#lifecycle.started('sessions', book);
    const applied = new AppliedConfig(dataplane, config);
    const opening = new OpeningAccess();
    const file = new CopyFile({ logger }, { path: joinPath(stateDir, COPY_FILE) });
    const { transport, apps, writer } = opening;
    const follower = new Follower({ transport, clock, random, logger, file });
    this.#lifecycle.started('follower', follower);
    await follower.load();
    const ledger = await this.#openLedger(follower, identity);
    const names = await this.#startNameserver();
    const agent = await Agent.start(
      {
        identity: () => agentIdentity(this.#config, identity, key.current, this.#endpoints),
        copy: ledger,
        invites: { invites: () => this.#server?.invites.invites() ?? [] },
        ...{ apps, writer, links, names, echo, clock, random, logger },
        dataplane: applied,
        resolver: { resolve: resolveHostName },
      },
      { stateFolder: stateDir },
    );
    this.#lifecycle.started('agent', agent);
    // It ends first: the agent's own end waits for what it has asked.
    this.#lifecycle.started('access to the site', opening);
    const known = { follower, ledger, agent, names };
    return { identity, keeper, key, opening, dataplane, applied, ...known };
  }

  /** Gives the parts their way to the servers of the site, or to this server's registry. */
  async #startAccess(moving: MovingParts): Promise<Parts> {
    const { identity, opening, follower, ledger, agent } = moving;
    let access: SiteAccess;
    if (identity.role === 'server') {
      const server = await this.#openServer(moving);
      this.#server = server;
      access = localAccess(server.registry, server.service, identity.hostId);
      server.invites.onChange(async () => {
        agent.changed();
        await agent.applied();
      });
      agent.changed();
    } else {
      const servers = () => knownServers(identity, ledger.current().hosts);
      const choice = new ServerChoice(identity.hostId, servers);
      access = remoteAccess(identity.hostId, identity.secret, choice);
    }
    opening.open(access);
    follower.start();
    return { ...moving, server: this.#server, access };
  }

  async #openLedger(follower: Follower, { siteKey }: Identity): Promise<HostLedger> {
    const path = joinPath(this.#config.stateDir, LEDGER_FILE);
    const dependencies = { copy: follower, timers: PROCESS_TIMERS, logger: this.#logger };
    const ledger = await HostLedger.open(dependencies, { path, siteKey });
    this.#lifecycle.started('ledger of hosts', ledger);
    return ledger;
  }

  async #startNameserver(): Promise<Nameserver> {
    const { clock, random, sockets } = this.#machine;
    const nameserver = new Nameserver({ sockets, clock, random, logger: this.#logger });
    this.#lifecycle.started('name server', nameserver);
    const { upstreams } = this.#config;
    if (upstreams.length > 0) {
      nameserver.setUpstreams(
        upstreams.map((address) => ({ address, port: NAMESERVER_OPTIONS.port })),
      );
      return nameserver;
    }
    const resolvConf = await followResolvConf(this.#logger, (found) =>
      nameserver.setUpstreams(found),
    );
    this.#lifecycle.started('resolv.conf', resolvConf);
    return nameserver;
  }

  /** Lets the parts hear of each other, and the site of what has changed about this host. */
  #follow(parts: Parts): HostLife {
    const { identity, follower, agent } = parts;
    this.#parts = parts;
    for (const event of this.#early.splice(0)) this.#onEvent(event);
    const announcement = {
      region: regionInForce(this.#config, identity),
      endpoints: this.#endpoints,
    };
    const dependencies = { ...parts, machine: this.#machine, logger: this.#logger };
    const life = new HostLife(dependencies, announcement);
    life.start(this.#lifecycle);
    this.#life = life;
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
    const { identity, key } = parts;
    const facts: StatusFacts = {
      version: VERSION,
      startedAt,
      identity,
      region: regionInForce(this.#config, identity),
      publicKey: () => key.publicKey,
      listenPort: this.#config.listenPort,
      endpoints: this.#endpoints,
    };
    const dependencies = {
      parts,
      life,
      echo: this.#machine.echo,
      logger: this.#logger,
      reset: () => this.#endReset(),
    };
    await serveOperator(dependencies, facts, this.#config, this.#lifecycle);
  }

  /** Resolves once the data plane has been told of the host with this public key (base64). */
  async #peerInstalled(publicKey: string): Promise<void> {
    const { follower, ledger, agent } = this.#requireParts();
    const known = (): boolean =>
      ledger.current().hosts.some((host) => host.publicKey === publicKey);
    if (!known()) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          end();
          reject(new P6nError('REGISTRY_UNAVAILABLE', 'Cannot install the new host yet'));
        }, PEER_TIMEOUT_MS);
        timer.unref();
        const end = follower.onChange(() => {
          if (!known()) return;
          clearTimeout(timer);
          end();
          resolve();
        });
      });
    }
    agent.changed();
    await agent.applied();
  }

  #endReset(): void {
    this.isReset = true;
    this.#ending.abort();
  }

  #requireParts(): Parts {
    assert(this.#parts !== undefined, 'the parts run before anybody is served');
    return this.#parts;
  }

  #onEvent(event: DataplaneEvent): void {
    if (event.type === 'failed') {
      const facts = event.error.message;
      this.#failure ??= new P6nError('INTERNAL', `Cannot go on: the data plane failed: ${facts}`, {
        cause: event.error,
      });
      this.#ending.abort();
      return;
    }
    if (event.type !== 'tun-failed') this.#sessions?.note();
    if (this.#parts === undefined) {
      if (this.#early.length < EARLY_EVENTS_MAX) this.#early.push(event);
      return;
    }
    const { agent, follower, server } = this.#parts;
    agent.notice(event);
    if (event.type === 'handshake' || event.type === 'roamed') this.#life?.peerMoved();
    if (event.type === 'handshake' && this.#isServer(event.publicKey)) follower.hurry();
    if (event.type === 'handshake') void this.#finishInvite(server, event.publicKey);
  }

  #isServer(publicKey: string): boolean {
    const hosts = this.#parts?.ledger.current().hosts ?? [];
    return hosts.some((host) => host.role === 'server' && host.publicKey === publicKey);
  }

  async #finishInvite(server: Server | undefined, publicKey: string): Promise<void> {
    try {
      await server?.invites.handshakeCompleted(publicKey);
    } catch (error) {
      this.#logger.warn('used invite is not removed yet', { error: String(error) });
    }
  }
}

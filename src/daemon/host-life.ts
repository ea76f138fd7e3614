// What a host does towards its servers for as long as it runs: it says what it is, that it is
// there, keeps in mind where its servers are, and changes its key when it is told to.

import { isDeepStrictEqual } from 'node:util';
import type { HostId } from '../addressing/ids.ts';
import type { Agent } from '../agent/agent.ts';
import type { HostLedger } from '../agent/host-ledger.ts';
import type { HostUpdate } from '../api/contract/hosts.ts';
import type { P6nError } from '../base/errors.ts';
import type { Lifecycle } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { acknowledgement } from '../registry/host-keys.ts';
import { ACKNOWLEDGED_MAX, type Host } from '../registry/model.ts';
import { Announcer } from './announcer.ts';
import type { GatewayKey } from './gateway-key.ts';
import { GatewayLife } from './gateway-life.ts';
import { Heartbeat } from './heartbeat.ts';
import type { HostKeyRing } from './host-key-ring.ts';
import type { IdentityKeeper } from './identity-keeper.ts';
import { IdsReporter } from './ids-reporter.ts';
import { KeyRotation } from './key-rotation.ts';
import type { Machine } from './machine.ts';
import { Observer } from './observer.ts';
import type { Server } from './server.ts';
import { ServerKeeper } from './server-keeper.ts';
import type { SiteAccess } from './site-access.ts';

export interface HostLifeDependencies {
  readonly keeper: IdentityKeeper;
  readonly key: HostKeyRing;
  readonly gateway: GatewayKey;
  readonly access: SiteAccess;
  readonly ledger: HostLedger;
  readonly agent: Agent;
  readonly dataplane: Dataplane;
  readonly machine: Machine;
  readonly logger: Logger;
  /** On a server. */
  readonly server: Pick<Server, 'registry'> | undefined;
}

/** What this host says of itself. */
export interface Announcement {
  readonly region: string;
  readonly endpoints: readonly string[];
  /** Where it serves WireGuard peers. */
  readonly gatewayEndpoints: readonly string[];
}

export class HostLife {
  readonly rotation: KeyRotation;
  readonly #dependencies: HostLifeDependencies;
  readonly #announcer: Announcer<HostUpdate>;
  readonly #gateway: GatewayLife;
  readonly #servers: ServerKeeper;
  readonly #heartbeat: Heartbeat;
  readonly #ids: IdsReporter;
  readonly #observer: Observer | undefined;

  constructor(dependencies: HostLifeDependencies, announcement: Announcement) {
    this.#dependencies = dependencies;
    const { keeper, access, ledger, agent, dataplane, machine, logger } = dependencies;
    const { crypto, clock, random } = machine;
    const record = (): Host | undefined => this.#record();
    const { region, endpoints, gatewayEndpoints } = announcement;
    this.#announcer = new Announcer<HostUpdate>({
      due: () => {
        const known = record();
        const isSaid = known?.region === region && isDeepStrictEqual(known.endpoints, endpoints);
        return known === undefined || isSaid ? undefined : { region, endpoints };
      },
      announce: (update) => access.announce(update),
      ...{ random, logger },
    });
    this.#gateway = new GatewayLife(
      {
        ...{ keeper, ledger, random, logger, key: dependencies.gateway },
        announce: (update) => access.announceGateway(update),
        onKey: () => agent.changed(),
      },
      gatewayEndpoints,
    );
    this.#servers = new ServerKeeper({ keeper, logger });
    this.#heartbeat = new Heartbeat({
      beat: (body) => access.self.heartbeat(body),
      nextKeys: () => this.#nextKeys(),
      applied: async () => isReadyForKeys((await agent.applied()).failures.get('dataplane')),
      logger,
    });
    this.#ids = new IdsReporter({
      incarnation: () => ledger.current().revision?.incarnation,
      known: () => ({
        networks: [...new Set(agent.instances.list().map(({ instance }) => instance.network))],
        highestHost: ledger.highestHost,
        peers: ledger.peers,
      }),
      report: (known) => access.self.reportIds(known),
      random,
      logger,
    });
    const { server } = dependencies;
    const { hostId } = keeper.current;
    if (server !== undefined) {
      const { registry } = server;
      const observed = { registry, ledger, peers: () => dataplane.peers(), logger };
      this.#observer = new Observer({ ...observed, wallNow: () => clock.wallNow() }, hostId);
    }
    this.rotation = new KeyRotation({
      keeper,
      self: access.self,
      record,
      nameOf: (id) => nameOf(ledger, id),
      useKey: () => this.#useKey(),
      peers: () => dataplane.peers(),
      crypto,
      clock,
      random,
      logger,
    });
  }

  start(lifecycle: Lifecycle): void {
    lifecycle.started('announcer', this.#announcer);
    lifecycle.started('gateway', this.#gateway);
    lifecycle.started('server keeper', this.#servers);
    lifecycle.started('change of the host key', this.rotation);
    lifecycle.started('reporter of ids', this.#ids);
    lifecycle.started('heartbeat', this.#heartbeat);
    if (this.#observer !== undefined) lifecycle.started('observer', this.#observer);
    this.#heartbeat.start();
  }

  /** What is known of hosts may have changed. */
  look(): void {
    const { keeper, ledger } = this.#dependencies;
    void this.#announcer.look();
    this.#gateway.look();
    void this.#ids.look();
    this.#heartbeat.look();
    this.rotation.look();
    const { hosts, revision } = ledger.current();
    // What was believed before there is a copy may be older than where the host was led since.
    if (keeper.current.role === 'agent' && revision !== undefined) this.#servers.look(hosts);
  }

  /** A peer has completed a handshake, or moved. */
  peerMoved(): void {
    this.#observer?.look();
  }

  #record(): Host | undefined {
    const { keeper, ledger } = this.#dependencies;
    const { hostId } = keeper.current;
    return ledger.current().hosts.find(({ id }) => id === hostId);
  }

  #nextKeys(): readonly string[] {
    return this.#dependencies.ledger
      .current()
      .hosts.flatMap(({ id, next }) => (next === undefined ? [] : [acknowledgement(id, next)]))
      .slice(0, ACKNOWLEDGED_MAX);
  }

  async #useKey(): Promise<void> {
    const { keeper, key, agent } = this.#dependencies;
    const forget = key.replace(keeper.current);
    agent.changed();
    await agent.applied();
    forget();
  }
}

/** The name of a host, or its id where it is not known. */
function nameOf(ledger: HostLedger, id: HostId): string {
  return ledger.current().hosts.find((host) => host.id === id)?.name ?? String(id);
}

/** All that the data plane lacks may be the port of the gateway, which no host needs. */
function isReadyForKeys(problem: P6nError | undefined): boolean {
  return problem === undefined || problem.code === 'PORT_TAKEN';
}

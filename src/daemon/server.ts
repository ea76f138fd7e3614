// What makes a p6nd a server: the registry in its state folder, the invites, and the two doors
// inside the mesh, for hosts and for machines that join.

import { hostAddress } from '../addressing/layout.ts';
import { ENROLMENT_PORT, SERVER_PORT } from '../addressing/ports.ts';
import { enrolmentApi, meshApi } from '../api/api.ts';
import type { ApiServer } from '../api/http-server.ts';
import { fromBase64, wipe } from '../base/bytes.ts';
import type { Lifecycle } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import { deriveEnrolmentKey } from '../registry/enrolment.ts';
import type { Registry } from '../registry/registry.ts';
import type { SiteSigner } from '../registry/site-signer.ts';
import { AuditLog } from './audit-log.ts';
import { EnrolmentDesk } from './enrolment-desk.ts';
import type { Identity } from './identity.ts';
import { InviteDesk } from './invite-desk.ts';
import { HOST_DEVICE, type Machine } from './machine.ts';
import { RegistryPulse } from './registry-pulse.ts';
import { LocalRegistryService } from './registry-service.ts';
import type { SiteKeyDesk } from './site-key.ts';
import { SiteServices } from './site-services.ts';

/** How often invites whose time is over are removed, and how soon again when that fails. */
const EXPIRY_INTERVAL_MS = 60_000;
const EXPIRY_RETRY_MS = 1_000;
/** How often hosts are looked at that no server hears of. */
const ABSENCE_INTERVAL_MS = 2_000;

export interface ServerFacts {
  readonly identity: Identity;
  /** Where machines that join reach this server, best first. */
  readonly endpoints: readonly string[];
  /** WireGuard public key of this server, base64, which may change. */
  readonly publicKey: () => string;
  readonly signer: SiteSigner;
  readonly stateDir: string;
  readonly siteKey: SiteKeyDesk;
  /** Whether other servers can have the same registry. */
  readonly isShared: boolean;
}

/** The parts of a server between its registry and those who ask. */
export class Server {
  readonly registry: Registry;
  readonly invites: InviteDesk;
  readonly audit: AuditLog;
  readonly service: LocalRegistryService;
  readonly pulse: RegistryPulse;
  readonly #machine: Machine;
  readonly #logger: Logger;
  readonly #facts: ServerFacts;
  readonly #doors = new Map<string, ApiServer>();

  constructor(registry: Registry, machine: Machine, logger: Logger, facts: ServerFacts) {
    const { identity, endpoints, publicKey, signer, siteKey, isShared } = facts;
    this.registry = registry;
    this.#machine = machine;
    this.#logger = logger;
    this.#facts = facts;
    this.invites = new InviteDesk(
      { registry, signer, crypto: machine.crypto, random: machine.random, logger },
      { server: identity.hostId, serverKey: publicKey, endpoints, isShared },
    );
    this.pulse = new RegistryPulse(machine.clock);
    this.audit = new AuditLog({ registry, logger }, facts.stateDir);
    this.service = new LocalRegistryService({
      registry,
      host: identity.hostId,
      invites: this.invites,
      audit: this.audit,
      siteKey,
      clock: machine.clock,
    });
  }

  /** The doors for hosts and for invites, by name. */
  get doors(): ReadonlyMap<string, ApiServer> {
    return this.#doors;
  }

  /**
   * Serves hosts and machines that join, on the addresses that `p6n0` has by now. `peerInstalled`
   * resolves once the data plane has a peer of a public key (base64).
   */
  async serve(
    peerInstalled: (publicKey: string) => Promise<void>,
    lifecycle: Lifecycle,
  ): Promise<void> {
    const { identity } = this.#facts;
    const { clock, sockets } = this.#machine;
    const site = new SiteServices(this.registry, identity.hostId, this.#facts.siteKey);
    const mesh = meshApi(
      { registry: this.service, follow: site, hostWrites: site, authenticator: site },
      this.#logger,
    );
    const key = enrolmentKey(identity);
    lifecycle.started('enrolment key', { stop: () => wipe(key) });
    const desk = new EnrolmentDesk(
      { registry: this.registry, signer: this.#facts.signer, invites: this.invites, peerInstalled },
      { server: identity.hostId, enrolmentKey: key },
    );
    const enrolment = enrolmentApi(
      { enrolment: desk, clock, logger: this.#logger },
      identity.hostId,
    );
    for (const [name, server, port] of [
      ['mesh', mesh, SERVER_PORT],
      ['enrolment', enrolment, ENROLMENT_PORT],
    ] as const) {
      const address = hostAddress(identity.hostId);
      await server.listen({ fd: sockets.listenTcp({ device: HOST_DEVICE, address, port }) });
      lifecycle.started(name, server);
      this.#doors.set(name, server);
    }
    this.audit.start();
    lifecycle.started('audit', this.audit);
    this.#noteAbsences(lifecycle);
  }

  #noteAbsences(lifecycle: Lifecycle): void {
    const look = async (): Promise<void> => {
      for (const host of await this.pulse.feel(this.registry.absences.look())) {
        this.#logger.warn('host is absent', { host });
      }
    };
    let isLooking = false;
    const timer = setInterval(() => {
      // A registry that is away answers later than the next look is due.
      if (isLooking) return;
      isLooking = true;
      look()
        .catch((error: unknown) => {
          this.#logger.warn('absences of hosts are not noted', { error: String(error) });
        })
        .finally(() => {
          isLooking = false;
        });
    }, ABSENCE_INTERVAL_MS);
    lifecycle.started('absences', { stop: () => clearInterval(timer) });
  }

  /** Reads the invites and removes those that have expired, now and from now on. */
  keepInvites(lifecycle: Lifecycle): void {
    let timer: NodeJS.Timeout | undefined;
    let stopped = false;
    const refresh = async (): Promise<void> => {
      let delayMs = EXPIRY_INTERVAL_MS;
      try {
        await this.invites.refresh();
      } catch (error) {
        delayMs = EXPIRY_RETRY_MS;
        this.#logger.warn('invites are not read', { error: String(error) });
      }
      if (!stopped) timer = setTimeout(() => void refresh(), delayMs);
    };
    const stop = (): void => {
      stopped = true;
      clearTimeout(timer);
    };
    lifecycle.started('invites', { stop });
    // Nobody waits for a registry that is away: packets come first.
    void refresh();
  }
}

function enrolmentKey(identity: Identity): Uint8Array {
  const privateKey = fromBase64(identity.privateKey) as Uint8Array;
  const key = deriveEnrolmentKey(privateKey);
  wipe(privateKey);
  return key;
}

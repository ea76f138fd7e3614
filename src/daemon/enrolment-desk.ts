// The server's side of joining: the registry decides, the new peer is installed, and only then the
// machine gets its answer, so that its first handshake by its own key finds a server that knows it.

import type { HostId } from '../addressing/ids.ts';
import type { Enrolled, EnrolRequest } from '../api/contract/enrolment.ts';
import type { EnrolmentService } from '../api/services.ts';
import type { Principal } from '../registry/authority.ts';
import type { Host } from '../registry/model.ts';
import type { Registry } from '../registry/registry.ts';
import type { SiteSigner } from '../registry/site-signer.ts';
import type { InviteDesk } from './invite-desk.ts';
import { publishStep } from './steps.ts';

export interface EnrolmentDeskDependencies {
  readonly registry: Registry;
  /** Has the site's key, which the registry may not be asked for. */
  readonly signer: Pick<SiteSigner, 'publicKey' | 'secretKey'>;
  readonly invites: InviteDesk;
  /** Resolves once the data plane has a peer of this public key (base64). */
  readonly peerInstalled: (publicKey: string) => Promise<void>;
}

export interface EnrolmentDeskOptions {
  /** This server. */
  readonly server: HostId;
  /** A secret of this server, from which hosts' secrets are derived. */
  readonly enrolmentKey: Uint8Array;
}

export class EnrolmentDesk implements EnrolmentService {
  readonly #dependencies: EnrolmentDeskDependencies;
  readonly #options: EnrolmentDeskOptions;

  constructor(dependencies: EnrolmentDeskDependencies, options: EnrolmentDeskOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
  }

  async enrol(
    principal: Extract<Principal, { kind: 'invite' }>,
    request: EnrolRequest,
  ): Promise<Enrolled> {
    const { registry, signer, invites, peerInstalled } = this.#dependencies;
    const { server, enrolmentKey } = this.#options;
    const enrolment = await registry.as(principal).enrol(
      {
        invite: { server, number: principal.number },
        publicKey: request.public_key,
        name: request.name,
        region: request.region,
        endpoints: request.endpoints,
      },
      enrolmentKey,
    );
    publishStep('enrolment-recorded');
    await invites.refresh();
    await peerInstalled(enrolment.host.publicKey);
    publishStep('enrolment-installed');
    return {
      host_id: enrolment.host.id,
      name: enrolment.host.name,
      region: enrolment.host.region,
      secret: enrolment.secret,
      site_key: signer.publicKey,
      ...siteSecretFor(enrolment.host, signer),
      servers: enrolment.servers.map((one) => ({
        id: one.id,
        name: one.name,
        region: one.region,
        public_key: one.publicKey,
        endpoints: one.endpoints,
      })),
    };
  }
}

/** Only a host that an invite of the site's own made a server gets the key that signs hosts. */
function siteSecretFor(
  { role }: Host,
  { secretKey }: Pick<SiteSigner, 'secretKey'>,
): Pick<Enrolled, 'site_secret_key'> {
  return role === 'server' && secretKey !== undefined ? { site_secret_key: secretKey } : {};
}

// Enrolment: one transaction that turns an open invite and a fresh host key into a host.

import type { InviteReference } from './invites.ts';
import type { Host, Site } from './model.ts';

export interface EnrolmentRequest {
  /** By the source address of the request, which proves it. */
  readonly invite: InviteReference;
  /** WireGuard public key of the host, base64. */
  readonly publicKey: string;
  readonly name: string;
  /** The invite's where absent, else `local`. */
  readonly region?: string | undefined;
  readonly endpoints: readonly string[];
}

export interface Enrolment {
  readonly host: Host;
  /** What proves the host's p6nd from now on, hexadecimal. A secret: never logged. */
  readonly secret: string;
  readonly site: Site;
  readonly servers: readonly Host[];
}

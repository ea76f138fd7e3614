// Who asks, found out before a request's body is read, and what each kind of caller may ask: a
// route names the kinds that it is for, and one that names none is for nobody.

import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type HostId, INFRASTRUCTURE_NETWORK } from '../addressing/ids.ts';
import { classifyAddress } from '../addressing/layout.ts';
import { P6nError } from '../base/errors.ts';
import type { Principal } from '../registry/authority.ts';
import { OPERATOR_HEADER } from './contract/protocol.ts';
import type { HostAuthenticator } from './services.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The kinds of callers that the route is for. */
    readonly allow?: readonly Principal['kind'][];
  }
  interface FastifyRequest {
    principal: Principal;
  }
}

/** Longest authorization header that is looked at, characters. */
const AUTHORIZATION_LENGTH_MAX = 512;
const BEARER_PATTERN = /^Bearer ([\x21-\x7e]+)$/;

/**
 * Sets `request.principal` to what `identify` finds, and refuses callers that a route is not for.
 */
export function guardRoutes(
  app: FastifyInstance,
  identify: (request: FastifyRequest) => Principal | Promise<Principal>,
): void {
  app.decorateRequest('principal');
  app.addHook('onRequest', async (request) => {
    request.principal = await identify(request);
    if (request.is404) return;
    const allow = request.routeOptions.config.allow ?? [];
    if (allow.includes(request.principal.kind)) return;
    const route = `${request.method} ${request.routeOptions.url}`;
    throw new P6nError(
      'NOT_PERMITTED',
      `Cannot ${route}: it is not for ${whoAsks(request.principal)}`,
      { hint: 'Use p6nctl on a server, as root.' },
    );
  });
}

/** Of a request through the mesh: the host at its source address, if its secret is right. */
export async function identifyHost(
  authenticator: HostAuthenticator,
  remoteAddress: string | undefined,
  headers: IncomingHttpHeaders,
): Promise<Principal> {
  const source = classifyAddress(remoteAddress ?? '');
  if (source?.kind !== 'host' || source.network !== INFRASTRUCTURE_NETWORK) {
    throw refused('the source address is not a host');
  }
  const secret = bearerToken(headers.authorization);
  if (secret === undefined || !(await authenticator.isHostSecret(source.host, secret))) {
    throw refused("the host's secret is missing or wrong");
  }
  const operator = headers[OPERATOR_HEADER] === '1';
  return { kind: operator ? 'host-operator' : 'host', host: source.host };
}

/** Of a request for enrolment at `server`: the invite at its source address. */
export function identifyInvite(server: HostId, remoteAddress: string | undefined): Principal {
  const source = classifyAddress(remoteAddress ?? '');
  const invite =
    source?.kind === 'wireguard-peer' &&
    source.network === INFRASTRUCTURE_NETWORK &&
    source.host === server;
  if (!invite) throw refused('the source address is not an invite of this server');
  return { kind: 'invite', number: source.peer };
}

function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined || header.length > AUTHORIZATION_LENGTH_MAX) return undefined;
  return BEARER_PATTERN.exec(header)?.[1];
}

function whoAsks(principal: Principal): string {
  switch (principal.kind) {
    case 'operator':
      return 'the unix socket';
    case 'host':
      return 'hosts';
    case 'host-operator':
      return "a host's p6nctl";
    case 'invite':
      return 'invites';
    case 'token':
      return 'tokens';
  }
}

function refused(reason: string): P6nError {
  return new P6nError('NOT_PERMITTED', `Cannot accept the request: ${reason}`, {
    hint: 'Servers serve hosts that joined with an invite, through the mesh.',
  });
}

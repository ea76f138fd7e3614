// The doors for whoever has a token: on loopback, on addresses with TLS, and inside the networks.
// They serve what the unix socket serves, as far as the token goes. All of them are open to
// strangers, so each is bounded in connections, headers and time.

import type { FastifyRequest } from 'fastify';
import { INFRASTRUCTURE_NETWORK, type NetworkId } from '../addressing/ids.ts';
import { classifyAddress } from '../addressing/layout.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { TokenCheck } from './access/token-check.ts';
import { guardByTokens } from './access/token-guard.ts';
import { type OperatorServices, operatorRoutes } from './api.ts';
import { ApiServer, type TlsFiles } from './http-server.ts';

const CONNECTIONS_MAX = 1_024;
/** A few streams and what a program asks beside them. */
const CONNECTIONS_PER_SOURCE_MAX = 64;
/** A token and some more. */
const HEADER_BYTES_MAX = 24_576;
/** Longer than the longest wait for a machine, and than the heartbeats of a feed are apart. */
const IDLE_TIMEOUT_MS = 75_000;

export interface TokenDoor {
  readonly check: Pick<TokenCheck, 'require'>;
  readonly logger: Logger;
  readonly tls?: TlsFiles;
}

/** Outside of all networks; who comes from inside of one all the same sees no more than that. */
export function tokenApi(services: OperatorServices, door: TokenDoor): ApiServer {
  return doorOf(services, door, networkOf);
}

/** For instances and WireGuard peers, each of which sees its own network and nothing else. */
export function networkApi(services: OperatorServices, door: TokenDoor): ApiServer {
  return doorOf(services, door, requireNetwork);
}

function doorOf(
  services: OperatorServices,
  { check, logger, tls }: TokenDoor,
  of: (request: FastifyRequest) => NetworkId | undefined,
): ApiServer {
  const server = new ApiServer({
    logger,
    connectionsMax: CONNECTIONS_MAX,
    connectionsPerSourceMax: CONNECTIONS_PER_SOURCE_MAX,
    headerBytesMax: HEADER_BYTES_MAX,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    tls,
  });
  const { instances, registry } = services;
  guardByTokens(server.app, { check, instances, registry, networkOf: of });
  operatorRoutes(server.app, services);
  return server;
}

function requireNetwork(request: FastifyRequest): NetworkId {
  const network = networkOf(request);
  if (network !== undefined) return network;
  throw new P6nError(
    'NOT_PERMITTED',
    'Cannot accept the request: its source is neither an instance nor a WireGuard peer',
    { hint: 'Use p6nctl on this host, as root.' },
  );
}

/** What the source address proves, as WireGuard and the filter have let it through. */
function networkOf({ socket }: FastifyRequest): NetworkId | undefined {
  const source = classifyAddress(socket.remoteAddress ?? '');
  const isTenant = source?.kind === 'instance' || source?.kind === 'wireguard-peer';
  return isTenant && source.network !== INFRASTRUCTURE_NETWORK ? source.network : undefined;
}

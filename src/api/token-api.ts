// The doors for whoever has a token: on loopback, on addresses with TLS, and inside the networks.
// They serve what the unix socket serves, as far as the token goes. All of them are open to
// strangers, so each is bounded in connections, headers and time.

import type { FastifyRequest } from 'fastify';
import { INFRASTRUCTURE_NETWORK, type NetworkId } from '../addressing/ids.ts';
import { classifyAddress } from '../addressing/layout.ts';
import type { Millis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { TokenCheck } from './access/token-check.ts';
import { guardByTokens } from './access/token-guard.ts';
import { type OperatorServices, operatorRoutes } from './api.ts';
import { ApiServer, type TlsFiles } from './http-server.ts';
import { RateLimit, type RateLimitOptions } from './rate-limit.ts';
import { SourceRates } from './source-limits.ts';

const CONNECTIONS_MAX = 1_024;
/** A few streams and what a program asks beside them. */
const CONNECTIONS_PER_SOURCE_MAX = 64;
/** A token and some more. */
const HEADER_BYTES_MAX = 24_576;
/** Longer than the longest wait for a machine, and than the heartbeats of a feed are apart. */
const IDLE_TIMEOUT_MS = 75_000;

/**
 * Of one network, or of one token outside of all, and of all together. On a host that is no server
 * an answer may cost several questions to one, which answers a host 256 times a second.
 */
const DOOR_RATES: DoorRates = {
  asker: { burst: 256, perSecond: 16 },
  all: { burst: 512, perSecond: 32 },
};

export interface DoorRates {
  readonly asker: RateLimitOptions;
  readonly all: RateLimitOptions;
}

export interface TokenDoor {
  readonly check: Pick<TokenCheck, 'require'>;
  readonly logger: Logger;
  /** DOOR_RATES where absent. */
  readonly rates?: DoorRates;
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
  { check, logger, rates = DOOR_RATES, tls }: TokenDoor,
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
  const admits = admission(rates);
  guardByTokens(server.app, { check, instances, registry, networkOf: of, admits });
  operatorRoutes(server.app, services);
  return server;
}

function admission({ asker, all }: DoorRates): (asker: NetworkId | string) => boolean {
  const askers = new SourceRates(asker);
  const together = new RateLimit(all, performance.now() as Millis);
  return (one) => {
    const now = performance.now() as Millis;
    return askers.take(String(one), now) && together.take(now);
  };
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

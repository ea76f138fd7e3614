// The door of the API's servers: one for the operator of this host on a unix socket, one for hosts
// inside the mesh, one for invites that are enrolling. They share routes; what differs is how a
// caller is known and what is served at all.

import type { FastifyInstance } from 'fastify';
import type { HostId } from '../addressing/ids.ts';
import type { Clock, Millis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { CallerGate } from './caller-gate.ts';
import { errorBody } from './error-body.ts';
import { ApiServer } from './http-server.ts';
import { openApiRoute } from './openapi.ts';
import { guardRoutes, identifyHost, identifyInvite } from './principals.ts';
import { RateLimit } from './rate-limit.ts';
import { appRoutes } from './routes/apps.ts';
import { captureRoute } from './routes/capture.ts';
import { debugRoute } from './routes/debug.ts';
import { diagnosisRoutes } from './routes/diagnosis.ts';
import { enrolmentRoute } from './routes/enrolment.ts';
import { auditRoute, eventRoutes } from './routes/events.ts';
import { followRoutes } from './routes/follow.ts';
import { hostWriteRoutes } from './routes/host-writes.ts';
import { hostRoutes, inviteRoutes } from './routes/hosts.ts';
import { instanceListRoute, instanceRoutes } from './routes/instances.ts';
import { machineRoutes } from './routes/machines.ts';
import { metricsRoute } from './routes/metrics.ts';
import { nameRoutes } from './routes/names.ts';
import { networkRoutes } from './routes/networks.ts';
import { organizationRoutes } from './routes/organizations.ts';
import { registryRoutes } from './routes/registry.ts';
import { siteRoutes } from './routes/site.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { visitRoutes } from './routes/visits.ts';
import { wireguardRoutes } from './routes/wireguard.ts';
import type {
  CaptureService,
  DebugService,
  EnrolmentService,
  ExplainService,
  FollowService,
  GatewayService,
  HostAuthenticator,
  HostService,
  HostWriteService,
  InstanceService,
  MembershipService,
  MetricsService,
  NameService,
  RegistryKeeper,
  RegistryService,
  StatusService,
  TokenService,
  VisitService,
} from './services.ts';
import { SourceRates } from './source-limits.ts';

/** Foreground commands hold a connection each. */
const OPERATOR_CONNECTIONS_MAX = 1_024;
/** Each host holds a feed and now and then a second connection. */
const MESH_CONNECTIONS_MAX = 16_384;
const ENROLMENT_CONNECTIONS_MAX = 1_024;
const METRICS_CONNECTIONS_MAX = 16;
const METRICS_IDLE_TIMEOUT_MS = 120_000;
/** Longer than several heartbeats of a feed, milliseconds. */
const MESH_IDLE_TIMEOUT_MS = 60_000;
const ENROLMENT_IDLE_TIMEOUT_MS = 15_000;
/** A feed, heartbeats, and what p6nctl of the host asks; and whoever else is on the host. */
const MESH_CONNECTIONS_PER_HOST = { provedMax: 64, unprovedMax: 64 };
/** Of one host: room for one that tells of thousands of instances after a restart. */
const MESH_RATE = { burst: 4_096, perSecond: 256 };
const ENROLMENT_CONNECTIONS_PER_INVITE_MAX = 4;
/** Of one invite, and of all together. */
const INVITE_RATE = { burst: 8, perSecond: 1 };
const ENROLMENT_RATE = { burst: 128, perSecond: 32 };

export interface OperatorServices {
  readonly registry: RegistryService;
  readonly registryKeeper: RegistryKeeper;
  readonly tokens: TokenService;
  readonly instances: InstanceService;
  readonly membership: MembershipService;
  readonly gateway: GatewayService;
  readonly visits: VisitService;
  readonly status: StatusService;
  readonly explain: ExplainService;
  readonly names: NameService;
  readonly metrics: MetricsService;
  readonly capture: CaptureService;
  readonly debug: DebugService;
  readonly host: HostService;
}

export interface MeshServices {
  readonly registry: RegistryService;
  readonly follow: FollowService;
  readonly hostWrites: HostWriteService;
  readonly authenticator: HostAuthenticator;
}

/** For p6nctl of this host: who may open the socket may do everything. */
export function operatorApi(services: OperatorServices, logger: Logger): ApiServer {
  const server = new ApiServer({
    logger,
    connectionsMax: OPERATOR_CONNECTIONS_MAX,
    idleTimeoutMs: 0,
  });
  guardRoutes(server.app, () => ({ kind: 'operator' }));
  operatorRoutes(server.app, services);
  return server;
}

/** All that an operator can ask, behind whatever guard stands before it. */
export function operatorRoutes(app: FastifyInstance, services: OperatorServices): void {
  openApiRoute(app);
  organizationRoutes(app, services.registry);
  networkRoutes(app, services.registry);
  appRoutes(app, services.registry);
  siteRoutes(app, services.registry);
  hostRoutes(app, services.registry, services.membership);
  wireguardRoutes(app, services.registry, services.gateway);
  inviteRoutes(app, services.registry);
  registryRoutes(app, services.registryKeeper);
  tokenRoutes(app, services.tokens);
  instanceRoutes(app, services);
  machineRoutes(app, services);
  eventRoutes(app, services.registry);
  auditRoute(app, services.registry);
  diagnosisRoutes(app, services);
  metricsRoute(app, services.metrics);
  captureRoute(app, services.capture);
  debugRoute(app, services.debug);
  visitRoutes(app, services.visits);
  nameRoutes(app, services.names);
}

/** For Prometheus, on a loopback port: numbers, and nothing that changes anything. */
export function metricsApi(metrics: MetricsService, logger: Logger): ApiServer {
  const server = new ApiServer({
    logger,
    connectionsMax: METRICS_CONNECTIONS_MAX,
    idleTimeoutMs: METRICS_IDLE_TIMEOUT_MS,
  });
  guardRoutes(server.app, () => ({ kind: 'operator' }));
  metricsRoute(server.app, metrics);
  return server;
}

/** For hosts, on a server's port 6600 inside the mesh. */
export function meshApi(services: MeshServices, logger: Logger): ApiServer {
  const server = new ApiServer({
    logger,
    connectionsMax: MESH_CONNECTIONS_MAX,
    idleTimeoutMs: MESH_IDLE_TIMEOUT_MS,
  });
  const gate = new CallerGate(server.app.server, MESH_CONNECTIONS_PER_HOST);
  const rates = new SourceRates(MESH_RATE);
  guardRoutes(server.app, async ({ headers, socket }) => {
    const caller = await identifyHost(services.authenticator, socket.remoteAddress, headers);
    gate.prove(socket);
    if (rates.take(socket.remoteAddress ?? '', performance.now() as Millis)) return caller;
    throw new P6nError('LIMIT_REACHED', 'Cannot answer: the host asks too much at once', {
      hint: 'Try again in a few seconds.',
    });
  });
  organizationRoutes(server.app, services.registry);
  networkRoutes(server.app, services.registry);
  appRoutes(server.app, services.registry);
  siteRoutes(server.app, services.registry);
  hostRoutes(server.app, services.registry);
  wireguardRoutes(server.app, services.registry);
  inviteRoutes(server.app, services.registry);
  instanceListRoute(server.app, services.registry);
  eventRoutes(server.app, services.registry);
  followRoutes(server.app, services.follow);
  hostWriteRoutes(server.app, services.hostWrites);
  return server;
}

export interface EnrolmentDependencies {
  readonly enrolment: EnrolmentService;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** For invites, on port 6601 of the server `host` that made them. */
export function enrolmentApi(dependencies: EnrolmentDependencies, host: HostId): ApiServer {
  const { clock, enrolment, logger } = dependencies;
  const server = new ApiServer({
    logger,
    connectionsMax: ENROLMENT_CONNECTIONS_MAX,
    connectionsPerSourceMax: ENROLMENT_CONNECTIONS_PER_INVITE_MAX,
    idleTimeoutMs: ENROLMENT_IDLE_TIMEOUT_MS,
  });
  const invites = new SourceRates(INVITE_RATE);
  const all = new RateLimit(ENROLMENT_RATE, clock.now());
  server.app.addHook('onRequest', async (request, reply) => {
    const source = request.socket.remoteAddress ?? '';
    if (invites.take(source, clock.now()) && all.take(clock.now())) return;
    const error = new P6nError('LIMIT_REACHED', 'Cannot enrol: too many ask at the same time', {
      hint: 'Try again in a few seconds.',
    });
    await reply.code(429).header('retry-after', '5').send(errorBody(error));
  });
  guardRoutes(server.app, (request) => identifyInvite(host, request.socket.remoteAddress));
  enrolmentRoute(server.app, enrolment);
  return server;
}

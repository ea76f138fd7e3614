// The doors of p6nctl, of Docker and of wg(8), and the services behind them. p6nd loads this when
// packets move already: nothing here is needed for that, and it takes long to load.

import type { EchoPort } from '../agent/ports.ts';
import { metricsApi, type OperatorServices, operatorApi } from '../api/api.ts';
import { networkApi } from '../api/token-api.ts';
import type { Clock } from '../base/clock.ts';
import type { Lifecycle } from '../base/lifecycle.ts';
import { LocalCaptureService } from './capture-service.ts';
import type { Parts } from './compose.ts';
import type { DaemonConfig } from './config.ts';
import { LocalDebugService } from './debug-service.ts';
import { serveDocker } from './docker-plugin.ts';
import { serveTokens, tokenCheck } from './doors/token-doors.ts';
import { LocalExplainService } from './explain-service.ts';
import { LocalGatewayService } from './gateway-service.ts';
import type { HostLife } from './host-life.ts';
import { LocalHostService } from './host-service.ts';
import { LocalInstanceService } from './instance-service.ts';
import type { DaemonLogger } from './log.ts';
import { HOST_DEVICE } from './machine.ts';
import { LocalMembershipService } from './membership-service.ts';
import { serveMeshInterface } from './mesh-interface.ts';
import { LocalMetricsService } from './metrics/metrics-service.ts';
import { LocalNameService } from './name-service.ts';
import { RegistryDesk } from './registry-desk.ts';
import { LocalStatusService, type StatusFacts } from './status-service.ts';
import { TokenDesk } from './token-desk.ts';
import { LocalVisitService } from './visit-service.ts';

/** p6nctl is for root: whoever opens the socket may do everything. */
const SOCKET_MODE = 0o600;

export interface OperatorDependencies {
  readonly parts: Parts;
  readonly life: HostLife;
  readonly echo: EchoPort;
  readonly clock: Clock;
  readonly logger: DaemonLogger;
  /** Ends p6nd, and what it leaves otherwise. */
  readonly reset: () => void;
}

export async function serveOperator(
  { parts, life, echo, clock, logger, reset }: OperatorDependencies,
  facts: StatusFacts,
  config: DaemonConfig,
  lifecycle: Lifecycle,
): Promise<void> {
  const { access, agent, applied, dataplane, follower, ledger, names, server } = parts;
  const { instances } = agent;
  const invites = () => server?.invites.invites() ?? [];
  const doors = new Map(server?.doors);
  const refusedRequests = () =>
    [...doors.values()].reduce((sum, one) => sum + one.refusedRequests, 0);
  const { hostId: id, name } = facts.identity;
  const metrics = new LocalMetricsService(
    { dataplane, follower, ledger, names, instances, registry: server?.service, doors, clock },
    { ...facts, offloads: config.offloads },
  );
  const services: OperatorServices = {
    registry: access.registry,
    registryKeeper: new RegistryDesk(server?.registry),
    tokens: new TokenDesk(server?.registry),
    instances: new LocalInstanceService(instances, { id, name }),
    status: new LocalStatusService(
      {
        ...{ dataplane, applied, follower, ledger, instances, invites, names, refusedRequests },
        rotation: life.rotation,
        registryAwaySince: () => server?.pulse.awaySince(),
      },
      facts,
    ),
    explain: new LocalExplainService(() => applied.filter),
    membership: new LocalMembershipService(
      { dataplane, echo, registry: access.registry, rotation: life.rotation },
      { id, name },
    ),
    metrics,
    debug: new LocalDebugService(config, logger),
    capture: new LocalCaptureService({
      ...{ dataplane, instances, registry: access.registry, clock },
      filter: () => applied.filter,
    }),
    gateway: new LocalGatewayService(dataplane),
    visits: new LocalVisitService({ agent, ledger, follower, echo, registry: access.registry }, id),
    host: new LocalHostService({ instances, end: reset }),
    names: new LocalNameService({
      nameserver: names,
      instances: () => instances.list(),
      networks: () => ledger.current().networks,
    }),
  };
  const api = operatorApi(services, logger);
  await api.listen({ path: config.socket, mode: SOCKET_MODE });
  lifecycle.started('operator socket', api);
  doors.set('operator', api);
  if (config.metrics !== undefined) {
    const door = metricsApi(metrics, logger);
    await door.listen(config.metrics);
    lifecycle.started('metrics', door);
  }
  const check = tokenCheck(parts, clock);
  const served = await serveTokens({ services, check, logger, lifecycle }, config);
  for (const [door, server] of served) doors.set(door, server);
  const inside = networkApi(services, { check, logger });
  lifecycle.started('api of the networks', inside);
  doors.set('api-networks', inside);
  await inside.attend();
  parts.networkDoor.open(inside);
  if (config.docker !== undefined) {
    lifecycle.started('docker', await serveDocker(config.docker, config, logger));
  }
  const shown = { dataplane, applied: () => applied.config };
  const wg = await serveMeshInterface(HOST_DEVICE, shown, logger);
  if (wg !== undefined) lifecycle.started('socket for wg', wg);
}

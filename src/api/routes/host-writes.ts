// Routes by which a host changes what is its own.

import type { FastifyInstance } from 'fastify';
import {
  type HostId,
  isHostId,
  isInstanceId,
  isMachineId,
  isNetworkId,
  type MachineId,
} from '../../addressing/ids.ts';
import { instanceAddress } from '../../addressing/layout.ts';
import type { WallMillis } from '../../base/clock.ts';
import { P6nError } from '../../base/errors.ts';
import type { Principal } from '../../registry/authority.ts';
import type { Instance } from '../../registry/model.ts';
import {
  HEARTBEAT,
  type Heartbeat,
  HOST_UPDATE,
  type HostUpdate,
  NEXT_KEY,
  type NextKey,
} from '../contract/hosts.ts';
import { INSTANCE_RECORD, type InstanceRecord } from '../contract/instance-record.ts';
import { KNOWN_IDS_REPORT, type KnownIdsReport } from '../contract/registry.ts';
import { GATEWAY_UPDATE, type GatewayUpdate } from '../contract/wireguard.ts';
import type { HostWriteService } from '../services.ts';
import { HOST } from './callers.ts';

export function hostWriteRoutes(app: FastifyInstance, service: HostWriteService): void {
  app.patch<{ Body: HostUpdate }>(
    '/v1/self',
    { config: { allow: HOST }, schema: { body: HOST_UPDATE } },
    async (request, reply) => {
      await service.updateHost(request.principal, request.body);
      return reply.code(204).send();
    },
  );

  app.put<{ Body: GatewayUpdate }>(
    '/v1/self/gateway',
    { config: { allow: HOST }, schema: { body: GATEWAY_UPDATE } },
    async (request, reply) => {
      await service.updateGateway(request.principal, request.body);
      return reply.code(204).send();
    },
  );

  hostKeyRoutes(app, service);

  app.post<{ Body: Heartbeat }>(
    '/v1/self/heartbeat',
    { config: { allow: HOST }, schema: { body: HEARTBEAT } },
    async (request, reply) => {
      await service.heartbeat(request.principal, request.body);
      return reply.code(204).send();
    },
  );

  app.post<{ Body: KnownIdsReport }>(
    '/v1/self/ids',
    { config: { allow: HOST }, schema: { body: KNOWN_IDS_REPORT } },
    async (request, reply) => {
      await service.reportIds(request.principal, request.body);
      return reply.code(204).send();
    },
  );

  app.put<{ Params: { id: string }; Body: InstanceRecord }>(
    '/v1/self/instances/:id',
    { config: { allow: HOST }, schema: { body: INSTANCE_RECORD } },
    async (request, reply) => {
      const machineId = parseMachineId(request.params.id);
      const host = hostOf(request.principal);
      const instance = parseInstance(request.body, { host, machineId });
      await service.putInstance(request.principal, instance);
      return reply.code(204).send();
    },
  );

  app.delete<{ Params: { id: string } }>(
    '/v1/self/instances/:id',
    { config: { allow: HOST } },
    async (request, reply) => {
      await service.removeInstance(request.principal, parseMachineId(request.params.id));
      return reply.code(204).send();
    },
  );
}

/** The keys of a host that changes its own, and of one that is a server. */
function hostKeyRoutes(app: FastifyInstance, service: HostWriteService): void {
  app.put<{ Body: NextKey }>(
    '/v1/self/next-key',
    { config: { allow: HOST }, schema: { body: NEXT_KEY } },
    async (request, reply) => {
      await service.publishNextKey(request.principal, request.body);
      return reply.code(204).send();
    },
  );

  app.get('/v1/self/next-key', { config: { allow: HOST } }, (request) =>
    service.nextKeyState(request.principal),
  );

  app.delete('/v1/self/next-key', { config: { allow: HOST } }, async (request, reply) => {
    await service.withdrawNextKey(request.principal);
    return reply.code(204).send();
  });

  app.get('/v1/self/site-key', { config: { allow: HOST } }, (request) =>
    service.siteKey(request.principal),
  );

  app.post<{ Body: NextKey }>(
    '/v1/self/switch-key',
    { config: { allow: HOST }, schema: { body: NEXT_KEY } },
    async (request, reply) => {
      await service.switchKey(request.principal, request.body);
      return reply.code(204).send();
    },
  );
}

/** The record, if it is of this host and machine and its address says the same as its ids. */
function parseInstance(
  record: InstanceRecord,
  expected: { readonly host: HostId; readonly machineId: MachineId },
): Instance {
  const { host, instanceId, network } = record;
  if (host !== expected.host) {
    throw new P6nError(
      'NOT_PERMITTED',
      `Cannot write instance "${record.name}": it is of another host than the one that asks`,
    );
  }
  if (record.machineId !== expected.machineId) throw badRecord(record, 'its id is another one');
  if (!isHostId(host) || !isNetworkId(network) || !isInstanceId(instanceId)) {
    throw badRecord(record, 'an id is out of its range');
  }
  const address = instanceAddress(network, host, instanceId);
  if (record.address !== address) throw badRecord(record, `its address must be ${address}`);
  return {
    ...record,
    machineId: expected.machineId,
    host,
    network,
    instanceId,
    address,
    createdAt: record.createdAt as WallMillis,
    updatedAt: record.updatedAt as WallMillis,
  };
}

function hostOf(principal: Principal): HostId {
  if (principal.kind === 'host') return principal.host;
  throw new P6nError('NOT_PERMITTED', 'Cannot write for a host: the caller is none');
}

function parseMachineId(text: string): MachineId {
  if (isMachineId(text)) return text;
  throw new P6nError('VALUE_INVALID', `Cannot write instance "${text}": the id is none`, {
    hint: 'An id is 14 hexadecimal digits.',
  });
}

function badRecord(record: InstanceRecord, facts: string): P6nError {
  return new P6nError('VALUE_INVALID', `Cannot write instance "${record.name}": ${facts}`);
}

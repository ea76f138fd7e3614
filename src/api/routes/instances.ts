// Routes of instances on the unix socket: those of this host, and the list of all.

import type { FastifyInstance } from 'fastify';
import { isMachineId } from '../../addressing/ids.ts';
import { P6nError } from '../../base/errors.ts';
import type { Principal } from '../../registry/authority.ts';
import {
  ATTACH_INSTANCE,
  type AttachInstance,
  INSTANCE_FILTER,
  type InstanceFilter,
  type InstanceView,
  RUN_INSTANCE,
  type RunInstance,
  STOP_INSTANCE,
  type StopInstance,
} from '../contract/instances.ts';
import { OUTPUT_QUERY, type OutputLine, type OutputQuery } from '../contract/output.ts';
import { REMOVE_QUERY, type RemoveQuery } from '../contract/removal.ts';
import { sendLines } from '../line-reply.ts';
import type { InstanceService, OutputEvent, RegistryService } from '../services.ts';
import { knownInstances } from '../site-instances.ts';
import { OPERATOR, READERS } from './callers.ts';

export interface InstanceRouteServices {
  readonly instances: InstanceService;
  readonly registry: RegistryService;
}

interface OneInstance {
  Params: { readonly reference: string };
}

export function instanceRoutes(app: FastifyInstance, services: InstanceRouteServices): void {
  readingRoutes(app, services);
  makingRoutes(app, services.instances);
  changingRoutes(app, services.instances);
  outputRoute(app, services.instances);
}

/** On the mesh: the instances of all hosts. */
export function instanceListRoute(app: FastifyInstance, registry: RegistryService): void {
  app.get<{ Querystring: InstanceFilter }>(
    '/v1/instances',
    { config: { allow: READERS }, schema: { querystring: INSTANCE_FILTER } },
    (request) => registry.listInstances(request.principal, request.query),
  );
}

function readingRoutes(app: FastifyInstance, services: InstanceRouteServices): void {
  const config = { allow: OPERATOR };
  app.get<{ Querystring: InstanceFilter }>(
    '/v1/instances',
    { config, schema: { querystring: INSTANCE_FILTER } },
    (request) => knownInstances(services, request.principal, request.query),
  );

  app.get<OneInstance>('/v1/instances/:reference', { config }, (request) =>
    showInstance(services, request.principal, request.params.reference),
  );
}

function makingRoutes(app: FastifyInstance, instances: InstanceService): void {
  const config = { allow: OPERATOR };
  app.post<{ Body: RunInstance }>(
    '/v1/instances/run',
    { config, schema: { body: RUN_INSTANCE } },
    async (request, reply) => {
      reply.code(201);
      return await instances.run(request.principal, request.body);
    },
  );

  app.post<{ Body: AttachInstance }>(
    '/v1/instances/attach',
    { config, schema: { body: ATTACH_INSTANCE } },
    async (request, reply) => {
      const { handover, netns, owner, pid } = request.body;
      const isPlain = handover === undefined && (netns === undefined) !== (pid === undefined);
      const isHandover = handover !== undefined && owner !== undefined && pid === undefined;
      if (!isPlain && !isHandover) {
        throw new P6nError(
          'VALUE_INVALID',
          'Cannot attach an instance: exactly one of "netns" and "pid" says its namespace',
        );
      }
      reply.code(201);
      return await instances.attach(request.principal, request.body);
    },
  );
}

function changingRoutes(app: FastifyInstance, instances: InstanceService): void {
  const config = { allow: OPERATOR };
  app.post<OneInstance>('/v1/instances/:reference/start', { config }, (request) =>
    instances.start(request.principal, request.params.reference),
  );

  app.post<OneInstance & { Body: StopInstance }>(
    '/v1/instances/:reference/stop',
    { config, schema: { body: STOP_INSTANCE } },
    (request) =>
      instances.stop(request.principal, request.params.reference, {
        graceMs: request.body.grace_ms,
      }),
  );

  app.delete<OneInstance & { Querystring: RemoveQuery }>(
    '/v1/instances/:reference',
    { config, schema: { querystring: REMOVE_QUERY } },
    async (request, reply) => {
      const force = request.query.force === '1';
      await instances.remove(request.principal, request.params.reference, { force });
      return reply.code(204).send();
    },
  );
}

function outputRoute(app: FastifyInstance, instances: InstanceService): void {
  app.get<OneInstance & { Querystring: OutputQuery }>(
    '/v1/instances/:reference/output',
    { config: { allow: OPERATOR }, schema: { querystring: OUTPUT_QUERY } },
    async (request, reply) => {
      const { principal } = request;
      const { follow, tail_bytes: tail } = request.query;
      const { id } = await instances.show(principal, request.params.reference);
      const wanted = {
        follow: follow === '1',
        tailBytes: tail === undefined ? undefined : Number(tail),
      };
      return sendLines(request, reply, (signal) =>
        outputLines(instances.output(principal, id, wanted, signal)),
      );
    },
  );
}

async function showInstance(
  services: InstanceRouteServices,
  principal: Principal,
  reference: string,
): Promise<InstanceView> {
  try {
    return await services.instances.show(principal, reference);
  } catch (error) {
    const elsewhere =
      error instanceof P6nError && error.code === 'NOT_FOUND' && isMachineId(reference);
    if (!elsewhere) throw error;
    const { instances } = await services.registry.listInstances(principal, {});
    const found = instances.find((one) => one.id === reference);
    if (found === undefined) throw error;
    return found;
  }
}

async function* outputLines(events: AsyncIterable<OutputEvent>): AsyncGenerator<OutputLine> {
  for await (const event of events) yield outputLine(event);
}

function outputLine(event: OutputEvent): OutputLine {
  if (event.type === 'output') {
    return { type: event.stream, data: Buffer.from(event.data).toString('base64') };
  }
  if (event.type === 'skipped') return event;
  const { code, signal } = event.exit;
  return {
    type: 'exit',
    ...(code === undefined ? {} : { code }),
    ...(signal === undefined ? {} : { signal }),
  };
}

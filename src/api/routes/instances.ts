// Routes of instances on the unix socket: those of this host, and the list of all.

import type { FastifyInstance } from 'fastify';
import { P6nError } from '../../base/errors.ts';
import { CREATE_ON_SITE, ofEach, ofInstance } from '../access/declared.ts';
import {
  ATTACH_INSTANCE,
  type AttachInstance,
  INSTANCE_FILTER,
  type InstanceFilter,
  type InstanceList,
  RUN_CLUSTER,
  RUN_INSTANCE,
  type RunCluster,
  type RunInstance,
  STOP_INSTANCE,
  type StopInstance,
} from '../contract/instances.ts';
import { OUTPUT_QUERY, type OutputLine, type OutputQuery } from '../contract/output.ts';
import { REMOVE_QUERY, type RemoveQuery } from '../contract/removal.ts';
import { sendLines } from '../line-reply.ts';
import type { InstanceService, OutputEvent, RegistryService } from '../services.ts';
import { knownInstances, showInstance } from '../site-instances.ts';
import { OPERATOR, OPERATOR_OR_TOKEN, READERS } from './callers.ts';

export interface InstanceRouteServices {
  readonly instances: InstanceService;
  readonly registry: RegistryService;
}

const LIST = ofEach<InstanceList>((list, sees) => ({
  ...list,
  instances: list.instances.filter(({ app, network, network_id: networkId }) =>
    sees({ network, networkId, app }),
  ),
}));

interface OneInstance {
  Params: { readonly reference: string };
}

export function instanceRoutes(app: FastifyInstance, services: InstanceRouteServices): void {
  readingRoutes(app, services);
  makingRoutes(app, services.instances);
  changingRoutes(app, services.instances);
  outputRoute(app, services.instances);
  surroundingsRoute(app, services.instances);
}

/** On the mesh: the instances of all hosts. */
export function instanceListRoute(app: FastifyInstance, registry: RegistryService): void {
  app.get<{ Querystring: InstanceFilter }>(
    '/v1/instances',
    { config: { allow: READERS, access: LIST }, schema: { querystring: INSTANCE_FILTER } },
    (request) => registry.listInstances(request.principal, request.query),
  );
}

function readingRoutes(app: FastifyInstance, services: InstanceRouteServices): void {
  app.get<{ Querystring: InstanceFilter }>(
    '/v1/instances',
    {
      config: { allow: OPERATOR_OR_TOKEN, access: LIST },
      schema: { querystring: INSTANCE_FILTER },
    },
    (request) => knownInstances(services, request.principal, request.query),
  );

  app.get<OneInstance>(
    '/v1/instances/:reference',
    { config: { allow: OPERATOR_OR_TOKEN, access: ofInstance('read') } },
    (request) => showInstance(services, request.principal, request.params.reference),
  );
}

function makingRoutes(app: FastifyInstance, instances: InstanceService): void {
  // Both are root's business on this host: what is run has its files, whatever its network.
  const config = { allow: OPERATOR, access: CREATE_ON_SITE };
  app.post<{ Body: RunInstance }>(
    '/v1/instances/run',
    { config, schema: { body: RUN_INSTANCE } },
    async (request, reply) => {
      reply.code(201);
      return await instances.run(request.principal, request.body);
    },
  );

  app.post<{ Body: RunCluster }>(
    '/v1/instances/run-cluster',
    { config, schema: { body: RUN_CLUSTER } },
    async (request, reply) => {
      reply.code(201);
      return { instances: await instances.runCluster(request.principal, request.body) };
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
  const config = { allow: OPERATOR_OR_TOKEN, access: ofInstance('change') };
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
    {
      config: { allow: OPERATOR_OR_TOKEN, access: ofInstance('remove') },
      schema: { querystring: REMOVE_QUERY },
    },
    async (request, reply) => {
      const force = request.query.force === '1';
      await instances.remove(request.principal, request.params.reference, { force });
      return reply.code(204).send();
    },
  );
}

/** For p6nctl on the same host: whoever may ask is root there already. */
function surroundingsRoute(app: FastifyInstance, instances: InstanceService): void {
  app.get<OneInstance>(
    '/v1/instances/:reference/surroundings',
    { config: { allow: OPERATOR, access: ofInstance('read') } },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return await instances.surroundings(request.principal, request.params.reference);
    },
  );
}

function outputRoute(app: FastifyInstance, instances: InstanceService): void {
  app.get<OneInstance & { Querystring: OutputQuery }>(
    '/v1/instances/:reference/output',
    {
      config: { allow: OPERATOR_OR_TOKEN, access: ofInstance('read') },
      schema: { querystring: OUTPUT_QUERY },
    },
    async (request, reply) => {
      const { principal } = request;
      const { follow, tail_bytes: bytes, tail_lines: lines } = request.query;
      const { id } = await instances.show(principal, request.params.reference);
      const wanted = {
        follow: follow === '1',
        tail: {
          ...(bytes === undefined ? {} : { bytes: Number(bytes) }),
          ...(lines === undefined ? {} : { lines: Number(lines) }),
        },
      };
      return sendLines(request, reply, (signal) =>
        outputLines(instances.output(principal, id, wanted, signal)),
      );
    },
  );
}

async function* outputLines(events: AsyncIterable<OutputEvent>): AsyncGenerator<OutputLine> {
  for await (const event of events) yield outputLine(event);
}

function outputLine(event: OutputEvent): OutputLine {
  if (event.type === 'output') {
    const { at, data, stream } = event;
    const time = at === undefined ? {} : { at };
    return { type: stream, data: Buffer.from(data).toString('base64'), ...time };
  }
  if (event.type === 'skipped') return event;
  const { code, signal } = event.exit;
  return {
    type: 'exit',
    ...(code === undefined ? {} : { code }),
    ...(signal === undefined ? {} : { signal }),
  };
}

// Routes of networks, which a name and an organization say apart.

import type { FastifyInstance } from 'fastify';
import type { NetworkReference } from '../../registry/networks.ts';
import {
  CREATE_NETWORK,
  type CreateNetwork,
  NETWORK_FILTER,
  type NetworkFilter,
} from '../contract/networks.ts';
import type { RegistryService } from '../services.ts';
import { READERS, WRITERS } from './callers.ts';

interface OneNetwork {
  Params: { readonly name: string };
  Querystring: NetworkFilter;
}

export function networkRoutes(app: FastifyInstance, registry: RegistryService): void {
  const query = { querystring: NETWORK_FILTER };

  app.get<{ Querystring: NetworkFilter }>(
    '/v1/networks',
    { config: { allow: READERS }, schema: query },
    (request) => registry.listNetworks(request.principal, request.query),
  );

  app.post<{ Body: CreateNetwork }>(
    '/v1/networks',
    { config: { allow: WRITERS }, schema: { body: CREATE_NETWORK } },
    async (request, reply) => {
      reply.code(201);
      return await registry.createNetwork(request.principal, request.body);
    },
  );

  app.get<OneNetwork>(
    '/v1/networks/:name',
    { config: { allow: READERS }, schema: query },
    (request) => registry.getNetwork(request.principal, reference(request)),
  );

  app.delete<OneNetwork>(
    '/v1/networks/:name',
    { config: { allow: WRITERS }, schema: query },
    async (request, reply) => {
      await registry.removeNetwork(request.principal, reference(request));
      return reply.code(204).send();
    },
  );
}

function reference(request: { params: { name: string }; query: NetworkFilter }): NetworkReference {
  return { name: request.params.name, organization: request.query.organization };
}

// Routes of networks, which a name and an organization say apart.

import type { FastifyInstance } from 'fastify';
import { DEFAULT_ORGANIZATION } from '../../addressing/names.ts';
import type { NetworkReference } from '../../registry/networks.ts';
import { type Access, ofEach, ofPlace } from '../access/declared.ts';
import {
  CREATE_NETWORK,
  type CreateNetwork,
  NETWORK_FILTER,
  type NetworkFilter,
  type NetworkList,
} from '../contract/networks.ts';
import type { RegistryService } from '../services.ts';
import { READERS, WRITERS } from './callers.ts';

const LIST = ofEach<NetworkList>(({ networks }, sees) => ({
  networks: networks.filter(({ name, organization }) => sees({ organization, network: name })),
}));
const CREATE = ofPlace('create', ({ body }) => {
  const { name, organization = DEFAULT_ORGANIZATION } = body as CreateNetwork;
  return { organization, network: name };
});

interface OneNetwork {
  Params: { readonly name: string };
  Querystring: NetworkFilter;
}

export function networkRoutes(app: FastifyInstance, registry: RegistryService): void {
  const query = { querystring: NETWORK_FILTER };

  app.get<{ Querystring: NetworkFilter }>(
    '/v1/networks',
    { config: { allow: READERS, access: LIST }, schema: query },
    (request) => registry.listNetworks(request.principal, request.query),
  );

  app.post<{ Body: CreateNetwork }>(
    '/v1/networks',
    { config: { allow: WRITERS, access: CREATE }, schema: { body: CREATE_NETWORK } },
    async (request, reply) => {
      reply.code(201);
      return await registry.createNetwork(request.principal, request.body);
    },
  );

  app.get<OneNetwork>(
    '/v1/networks/:name',
    { config: { allow: READERS, access: ofNetwork('read') }, schema: query },
    (request) => registry.getNetwork(request.principal, reference(request)),
  );

  app.delete<OneNetwork>(
    '/v1/networks/:name',
    { config: { allow: WRITERS, access: ofNetwork('remove') }, schema: query },
    async (request, reply) => {
      await registry.removeNetwork(request.principal, reference(request));
      return reply.code(204).send();
    },
  );
}

function reference(request: { params: { name: string }; query: NetworkFilter }): NetworkReference {
  return { name: request.params.name, organization: request.query.organization };
}

function ofNetwork(verb: Access['verb']): Access {
  return ofPlace(verb, (request) => {
    const { name, organization = DEFAULT_ORGANIZATION } = reference(
      request as { params: { name: string }; query: NetworkFilter },
    );
    return { organization, network: name };
  });
}

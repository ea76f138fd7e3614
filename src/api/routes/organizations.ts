// Routes of organizations, which only operators of a server make.

import type { FastifyInstance } from 'fastify';
import { CREATE_ORGANIZATION, type CreateOrganization } from '../contract/organizations.ts';
import type { RegistryService } from '../services.ts';
import { OPERATOR, READERS } from './callers.ts';

export function organizationRoutes(app: FastifyInstance, registry: RegistryService): void {
  app.get('/v1/organizations', { config: { allow: READERS } }, (request) =>
    registry.listOrganizations(request.principal),
  );

  app.post<{ Body: CreateOrganization }>(
    '/v1/organizations',
    { config: { allow: OPERATOR }, schema: { body: CREATE_ORGANIZATION } },
    async (request, reply) => {
      reply.code(201);
      return await registry.createOrganization(request.principal, request.body);
    },
  );
}

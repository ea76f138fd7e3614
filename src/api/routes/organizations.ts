// Routes of organizations, which only operators of a server make.

import type { FastifyInstance } from 'fastify';
import { CREATE_ON_SITE, ofEach } from '../access/declared.ts';
import {
  CREATE_ORGANIZATION,
  type CreateOrganization,
  type OrganizationList,
} from '../contract/organizations.ts';
import type { RegistryService } from '../services.ts';
import { OPERATOR_OR_TOKEN, READERS } from './callers.ts';

const LIST = ofEach<OrganizationList>(({ organizations }, sees) => ({
  organizations: organizations.filter(({ name }) => sees({ organization: name })),
}));

export function organizationRoutes(app: FastifyInstance, registry: RegistryService): void {
  app.get('/v1/organizations', { config: { allow: READERS, access: LIST } }, (request) =>
    registry.listOrganizations(request.principal),
  );

  app.post<{ Body: CreateOrganization }>(
    '/v1/organizations',
    {
      config: { allow: OPERATOR_OR_TOKEN, access: CREATE_ON_SITE },
      schema: { body: CREATE_ORGANIZATION },
    },
    async (request, reply) => {
      reply.code(201);
      return await registry.createOrganization(request.principal, request.body);
    },
  );
}

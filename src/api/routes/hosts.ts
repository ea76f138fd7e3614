// Routes of hosts and of the invites that let them in.

import type { FastifyInstance } from 'fastify';
import { P6nError } from '../../base/errors.ts';
import { CREATE_INVITE, type CreateInvite } from '../contract/invites.ts';
import { REMOVE_QUERY, type RemoveQuery } from '../contract/removal.ts';
import type { RegistryService } from '../services.ts';
import { OPERATOR, READERS } from './callers.ts';

const INVITE_NUMBER_MAX = 0xffff;

export function hostRoutes(app: FastifyInstance, registry: RegistryService): void {
  app.get('/v1/hosts', { config: { allow: READERS } }, (request) =>
    registry.listHosts(request.principal),
  );

  app.get<{ Params: { name: string } }>(
    '/v1/hosts/:name',
    { config: { allow: READERS } },
    (request) => registry.getHost(request.principal, request.params.name),
  );

  app.delete<{ Params: { name: string }; Querystring: RemoveQuery }>(
    '/v1/hosts/:name',
    { config: { allow: OPERATOR }, schema: { querystring: REMOVE_QUERY } },
    async (request, reply) => {
      const force = request.query.force === '1';
      await registry.removeHost(request.principal, request.params.name, { force });
      return reply.code(204).send();
    },
  );
}

export function inviteRoutes(app: FastifyInstance, registry: RegistryService): void {
  app.get('/v1/invites', { config: { allow: OPERATOR } }, (request) =>
    registry.listInvites(request.principal),
  );

  app.post<{ Body: CreateInvite }>(
    '/v1/invites',
    { config: { allow: OPERATOR }, schema: { body: CREATE_INVITE } },
    async (request, reply) => {
      reply.code(201).header('cache-control', 'no-store');
      return await registry.createInvite(request.principal, request.body);
    },
  );

  app.delete<{ Params: { number: string } }>(
    '/v1/invites/:number',
    { config: { allow: OPERATOR } },
    async (request, reply) => {
      const number = Number(request.params.number);
      if (!Number.isInteger(number) || number < 1 || number > INVITE_NUMBER_MAX) {
        throw new P6nError(
          'VALUE_INVALID',
          `Cannot revoke invite "${request.params.number}": it is not a number of an invite`,
          { hint: 'See the numbers with `p6nctl hosts invites list`.' },
        );
      }
      await registry.revokeInvite(request.principal, number);
      return reply.code(204).send();
    },
  );
}

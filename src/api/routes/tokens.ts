// Routes of tokens: for operators on the unix socket of a server alone, since whoever can make one
// can make one that allows everything.

import type { FastifyInstance } from 'fastify';
import { CREATE_ON_SITE, READ_SITE, REMOVE_FROM_SITE } from '../access/declared.ts';
import { CREATE_TOKEN, type CreateToken } from '../contract/tokens.ts';
import type { TokenService } from '../services.ts';
import { OPERATOR } from './callers.ts';

export function tokenRoutes(app: FastifyInstance, tokens: TokenService): void {
  app.get('/v1/tokens', { config: { allow: OPERATOR, access: READ_SITE } }, (request) =>
    tokens.list(request.principal),
  );

  app.post<{ Body: CreateToken }>(
    '/v1/tokens',
    { config: { allow: OPERATOR, access: CREATE_ON_SITE }, schema: { body: CREATE_TOKEN } },
    async (request, reply) => {
      reply.code(201).header('cache-control', 'no-store');
      return await tokens.create(request.principal, request.body);
    },
  );

  app.delete<{ Params: { id: string } }>(
    '/v1/tokens/:id',
    { config: { allow: OPERATOR, access: REMOVE_FROM_SITE } },
    async (request, reply) => {
      await tokens.revoke(request.principal, request.params.id);
      return reply.code(204).send();
    },
  );
}

// Routes by which an operator visits a network.

import type { FastifyInstance } from 'fastify';
import { CHANGE_SITE, READ_SITE } from '../access/declared.ts';
import {
  PING_REQUEST,
  type PingRequest,
  VISIT_QUERY,
  type VisitLine,
  type VisitQuery,
} from '../contract/visits.ts';
import { sendLines } from '../line-reply.ts';
import type { VisitService } from '../services.ts';
import { OPERATOR } from './callers.ts';

export function visitRoutes(app: FastifyInstance, visits: VisitService): void {
  app.get<{ Querystring: VisitQuery }>(
    '/v1/visits',
    { config: { allow: OPERATOR, access: READ_SITE }, schema: { querystring: VISIT_QUERY } },
    (request, reply) => {
      const { principal, query } = request;
      return sendLines(request, reply, (signal) => lines(visits, principal, query, signal));
    },
  );

  app.post<{ Body: PingRequest }>(
    '/v1/ping',
    { config: { allow: OPERATOR, access: CHANGE_SITE }, schema: { body: PING_REQUEST } },
    (request) => visits.ping(request.principal, request.body),
  );
}

async function* lines(
  visits: VisitService,
  ...[principal, query, signal]: Parameters<VisitService['visit']>
): AsyncGenerator<VisitLine> {
  for await (const visit of visits.visit(principal, query, signal)) yield { type: 'visit', visit };
}

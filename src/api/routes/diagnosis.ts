// Routes about this host itself: how it is, what its filter does with a packet, and its end.

import type { FastifyInstance } from 'fastify';
import { CHANGE_SITE, READ_SITE } from '../access/declared.ts';
import { EXPLAIN_REQUEST, type ExplainRequest } from '../contract/explain.ts';
import type { ExplainService, HostService, StatusService } from '../services.ts';
import { OPERATOR, OPERATOR_OR_TOKEN } from './callers.ts';

export interface DiagnosisServices {
  readonly status: StatusService;
  readonly explain: ExplainService;
  readonly host: HostService;
}

export function diagnosisRoutes(app: FastifyInstance, services: DiagnosisServices): void {
  app.get('/v1/status', { config: { allow: OPERATOR_OR_TOKEN, access: READ_SITE } }, (request) =>
    services.status.status(request.principal),
  );

  app.post<{ Body: ExplainRequest }>(
    '/v1/explain',
    { config: { allow: OPERATOR_OR_TOKEN, access: READ_SITE }, schema: { body: EXPLAIN_REQUEST } },
    (request) => services.explain.explain(request.principal, request.body),
  );

  app.post(
    '/v1/host/reset',
    { config: { allow: OPERATOR, access: CHANGE_SITE } },
    async (request, reply) => {
      await services.host.reset(request.principal);
      return await reply.code(202).send();
    },
  );
}

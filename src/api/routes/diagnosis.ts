// Routes that tell how this host is and what its filter does with a packet.

import type { FastifyInstance } from 'fastify';
import { EXPLAIN_REQUEST, type ExplainRequest } from '../contract/explain.ts';
import type { ExplainService, StatusService } from '../services.ts';
import { OPERATOR } from './callers.ts';

export interface DiagnosisServices {
  readonly status: StatusService;
  readonly explain: ExplainService;
}

export function diagnosisRoutes(app: FastifyInstance, services: DiagnosisServices): void {
  app.get('/v1/status', { config: { allow: OPERATOR } }, (request) =>
    services.status.status(request.principal),
  );

  app.post<{ Body: ExplainRequest }>(
    '/v1/explain',
    { config: { allow: OPERATOR }, schema: { body: EXPLAIN_REQUEST } },
    (request) => services.explain.explain(request.principal, request.body),
  );
}

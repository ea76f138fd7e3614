// What Prometheus reads.

import type { FastifyInstance } from 'fastify';
import { READ_SITE } from '../access/declared.ts';
import { METRICS_CONTENT_TYPE } from '../contract/protocol.ts';
import type { MetricsService } from '../services.ts';
import { OPERATOR_OR_TOKEN } from './callers.ts';

export function metricsRoute(app: FastifyInstance, service: MetricsService): void {
  app.get(
    '/metrics',
    { config: { allow: OPERATOR_OR_TOKEN, access: READ_SITE } },
    async (_request, reply) => {
      return await reply.type(METRICS_CONTENT_TYPE).send(await service.metrics());
    },
  );
}

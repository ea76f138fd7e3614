// What p6nd knows of itself, for a debug bundle.

import type { FastifyInstance } from 'fastify';
import { READ_SITE } from '../access/declared.ts';
import type { DebugService } from '../services.ts';
import { OPERATOR } from './callers.ts';

export function debugRoute(app: FastifyInstance, service: DebugService): void {
  app.get('/v1/debug', { config: { allow: OPERATOR, access: READ_SITE } }, (request) =>
    service.debug(request.principal),
  );
}
